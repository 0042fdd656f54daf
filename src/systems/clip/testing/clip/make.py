"""Writes the fixtures beside this file: CLIP as transformers (huggingface/) and open_clip (open-clip/) compute it, with tiny random weights.
python make.py  # needs torch, transformers, safetensors; open_clip's part is skipped where it is not installed"""
import json, pathlib, torch
from safetensors.torch import save_file

def lenient_torchvision():
    """torchvision's CUDA build beside CPU torch: let its fake kernels fail to register."""
    original = torch.library.register_fake

    def register(*a, **k):
        decorate = original(*a, **k)

        def wrap(f):
            try:
                return decorate(f)
            except RuntimeError:
                return f

        return wrap

    torch.library.register_fake = register


lenient_torchvision()
HERE = pathlib.Path(__file__).resolve().parent


def randomise(model):
    g = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            p.copy_((p if p.ndim < 2 else 0) + (0.5 / max(1, p.shape[-1]) ** 0.5 if p.ndim == 2 else 0.07) * torch.randn(p.shape, generator=g))


def write(case, model, config, inputs, outputs, loss, reference):
    d = HERE / case
    d.mkdir(exist_ok=True)
    save_file({k: v.clone().contiguous() for k, v in model.state_dict().items() if v.is_floating_point()}, d / "model.safetensors")
    save_file(inputs, d / "inputs.safetensors")
    save_file({k: v.detach().clone().contiguous() for k, v in outputs.items()}, d / "outputs.safetensors")
    (d / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (d / "info.json").write_text(json.dumps({"reference": reference, "torch": torch.__version__, "loss": loss.item()}, indent=1) + "\n")
    loss.backward()
    save_file({n: p.grad.clone() for n, p in model.named_parameters()}, d / "gradients.safetensors")
    o = {"lr": 0.01, "betas": [0.9, 0.98], "eps": 1e-6, "weight_decay": 0.1}
    torch.optim.AdamW(model.parameters(), lr=o["lr"], betas=tuple(o["betas"]), eps=o["eps"], weight_decay=o["weight_decay"]).step()
    stats = {n: [p.double().mean().item(), p.double().std(unbiased=False).item(), p.flatten()[0].item()] for n, p in model.named_parameters()}
    (d / "after_adamw_step.json").write_text(json.dumps({**o, "parameters": stats}, indent=0) + "\n")


def batch(pad):
    g = torch.Generator().manual_seed(11)
    tokens = torch.randint(1, 29, (3, 7), generator=g)
    tokens[:, 0] = 29
    for i, n in enumerate((7, 5, 3)):
        tokens[i, n - 1] = 30
        tokens[i, n:] = pad
    return tokens, torch.randn(3, 3, 10, 10, generator=g)


def huggingface():
    import transformers as t
    text = dict(vocab_size=31, hidden_size=12, intermediate_size=17, num_hidden_layers=1, num_attention_heads=3, max_position_embeddings=7, hidden_act="quick_gelu", bos_token_id=29, eos_token_id=30, pad_token_id=1)
    vision = dict(hidden_size=10, intermediate_size=19, num_hidden_layers=2, num_attention_heads=5, image_size=10, patch_size=5, hidden_act="quick_gelu")
    config = t.CLIPConfig(text_config=text, vision_config=vision, projection_dim=11)
    config._attn_implementation = "eager"
    model = t.CLIPModel(config).eval()
    randomise(model)
    tokens, pixels = batch(1)
    o = model(input_ids=tokens, attention_mask=torch.ones_like(tokens), pixel_values=pixels, return_loss=True)
    small = {"model_type": "clip", "projection_dim": 11, "text_config": text, "vision_config": vision}
    write("huggingface", model, small, {"input_ids": tokens, "pixel_values": pixels}, {"logits_per_image": o.logits_per_image, "text_embeds": o.text_embeds, "image_embeds": o.image_embeds}, o.loss, f"transformers {t.__version__} CLIPModel, eager attention")


def open_clip_model():
    import open_clip
    from open_clip.loss import ClipLoss
    config = dict(embed_dim=11, quick_gelu=False, vision_cfg=dict(image_size=10, layers=2, width=10, head_width=2, patch_size=5), text_cfg=dict(context_length=7, vocab_size=31, width=12, heads=3, layers=1))
    model = open_clip.model.CLIP(**config, output_dict=True).eval()
    randomise(model)
    tokens, pixels = batch(0)
    o = model(pixels, tokens)
    loss = ClipLoss()(o["image_features"], o["text_features"], o["logit_scale"])
    write("open-clip", model, config, {"text": tokens, "image": pixels}, {k: o[k] for k in ("image_features", "text_features")}, loss, f"open_clip {open_clip.__version__} CLIP + ClipLoss")


huggingface()
try:
    open_clip_model()
except ImportError as e:
    print("open_clip left out:", e)
