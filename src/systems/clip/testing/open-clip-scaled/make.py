"""Writes a small CLIP of open_clip (pip install torch open_clip_torch) with LayerScale, another epsilon in each tower, images that patches do not tile
and a head width that does not divide the width; outputs.json: its unit vectors. The tokenizer is that of ../settings/model."""
import json, pathlib, sys
from unittest.mock import MagicMock

for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional", "torchvision.ops", "torchvision.ops.misc"):
    sys.modules[name] = MagicMock()  # of images and residual networks, which are not used here
sys.modules["transformers"] = None  # nor are its towers
import numpy as np, open_clip, torch
from open_clip.model import CLIP
from safetensors.torch import save_file
from tokenizers import Tokenizer

here = pathlib.Path(__file__).resolve().parent
TEXTS = ["a red ball", "blue cup, it's <sks-cup>!", "green cube 3:45"]
cfg = dict(
    embed_dim=6,
    quick_gelu=True,
    vision_cfg=dict(image_size=12, layers=2, width=12, head_width=5, patch_size=5, mlp_ratio=1.5, ls_init_value=0.1, norm_kwargs=dict(eps=1e-2)),
    text_cfg=dict(context_length=12, vocab_size=545, width=8, heads=2, layers=1, mlp_ratio=2.0, ls_init_value=1e-3, norm_kwargs=dict(eps=1e-3)),
)
torch.manual_seed(3)
tokenizer = Tokenizer.from_file(str(here.parent / "settings/model/tokenizer.json"))
cfg["text_cfg"]["vocab_size"] = tokenizer.get_vocab_size()
model = CLIP(**json.loads(json.dumps(cfg))).eval()
with torch.no_grad():
    for key, p in model.named_parameters():
        p.copy_(torch.randn_like(p) * (0.3 if p.dim() > 1 else 0.5) + (1.0 if "ln_" in key and key.endswith("weight") else 0.0))
save_file({k: v.contiguous() for k, v in model.state_dict().items()}, here / "open_clip_model.safetensors", metadata={"format": "pt"})
mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
(here / "open_clip_config.json").write_text(json.dumps({"model_cfg": cfg, "preprocess_cfg": {"mean": mean, "std": std}}, indent=1) + "\n")
i = np.arange(3 * 144, dtype=np.int64)
rgb = ((i * i * 7 + 13 * i) % 256).reshape(12, 12, 3) / 255
pixels = torch.tensor(((rgb - mean) / std).transpose(2, 0, 1)[None], dtype=torch.float32)
rows = [tokenizer.encode(t).ids for t in TEXTS]
tokens = torch.tensor([r + [0] * (12 - len(r)) for r in rows])
with torch.no_grad():
    image = model.encode_image(pixels, normalize=True)
    text = model.encode_text(tokens, normalize=True)
out = {"reference": f"open_clip {open_clip.__version__}", "texts": TEXTS, "image": image.tolist(), "text": text.tolist()}
(here / "outputs.json").write_text(json.dumps(out) + "\n")
