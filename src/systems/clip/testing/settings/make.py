"""Writes model/, a small CLIP as transformers publishes it, and cases.json: what transformers (pip install torch transformers) makes of the folder when
one key of one of its files is changed, removed, mistyped or added. A case is [file, path, change, result]; a result is "same", "error", or what
differs from the unchanged folder: ids of the texts, sum and sum of squares of the pixels, first numbers of the unit vectors."""
import copy, json, pathlib, shutil, sys, tempfile, warnings
import numpy as np, torch, transformers
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoImageProcessor, CLIPConfig, CLIPModel, CLIPTokenizer

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
here = pathlib.Path(__file__).resolve().parent
TEXTS = ["a red ball", "A Blue Cup, it's <sks-cup>!", "green  CUBE 3:45 glimmerfish x", "glimmerfishes <|startoftext|> red <|ENDOFTEXT|> cup <|endoftext|> ball", "red " * 14]
START, END = "<|startoftext|>", "<|endoftext|>"


def base():
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    characters = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    merges = [("r", "e"), ("re", "d</w>"), ("b", "a"), ("l", "l</w>"), ("ba", "ll</w>"), ("b", "l"), ("bl", "u"), ("blu", "e</w>"), ("c", "u"), ("cu", "p</w>"), ("g", "re"), ("e", "n</w>"), ("gre", "en</w>"), ("cu", "b"), ("cub", "e</w>")]
    tokens = characters + [c + "</w>" for c in characters] + [a + b for a, b in merges] + [START, END]
    vocab = {t: i for i, t in enumerate(tokens)}
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    n = len(tokens)
    added = [
        dict(id=vocab[START], content=START, **{**flags, "normalized": True}),
        dict(id=vocab[END], content=END, **flags),
        dict(id=n, content="<sks-cup>", **{**flags, "lstrip": True, "special": False}),
        dict(id=n + 1, content="Glimmerfish", **{**flags, "single_word": True, "normalized": True, "special": False}),
    ]
    pattern = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer = dict(
        version="1.0",
        truncation=None,
        padding=None,
        added_tokens=added,
        normalizer=dict(type="Sequence", normalizers=[dict(type="NFC"), dict(type="Replace", pattern=dict(Regex=r"\s+"), content=" "), dict(type="Lowercase")]),
        pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="Split", pattern=dict(Regex=pattern), behavior="Removed", invert=True), dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)]),
        post_processor=dict(type="RobertaProcessing", sep=[END, vocab[END]], cls=[START, vocab[START]], trim_offsets=False, add_prefix_space=False),
        decoder=dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        model=dict(type="BPE", dropout=None, unk_token=END, continuing_subword_prefix="", end_of_word_suffix="</w>", fuse_unk=False, byte_fallback=False, ignore_merges=False, vocab=vocab, merges=[list(m) for m in merges]),
    )
    tower = dict(hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, layer_norm_eps=1e-5, attention_dropout=0.0, hidden_act="quick_gelu", initializer_range=0.02, initializer_factor=1.0, projection_dim=6)
    config = dict(
        architectures=["CLIPModel"], dtype="float32", initializer_factor=1.0, logit_scale_init_value=2.6592, model_type="clip", projection_dim=6, transformers_version=transformers.__version__,
        text_config=dict(model_type="clip_text_model", vocab_size=n + 2, max_position_embeddings=12, bos_token_id=vocab[START], eos_token_id=vocab[END], pad_token_id=vocab[END], **tower),
        vision_config=dict(model_type="clip_vision_model", image_size=12, patch_size=4, num_channels=3, **tower),
    )
    preprocessor = dict(image_processor_type="CLIPImageProcessor", do_resize=True, size=dict(shortest_edge=12), resample=3, do_center_crop=True, crop_size=dict(height=12, width=12), do_rescale=True, rescale_factor=1 / 255, do_normalize=True, image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711], do_convert_rgb=True)
    tokenizer_config = dict(tokenizer_class="CLIPTokenizer", model_max_length=12, bos_token=START, eos_token=END, unk_token=END, pad_token=END, do_lower_case=True, add_prefix_space=False, clean_up_tokenization_spaces=True)
    return {"config.json": config, "preprocessor_config.json": preprocessor, "tokenizer.json": tokenizer, "tokenizer_config.json": tokenizer_config}


def image():
    i = np.arange(3 * 20 * 14, dtype=np.int64)
    return Image.fromarray(((i * i * 7 + 13 * i) % 256).astype(np.uint8).reshape(14, 20, 3))


def rounded(x):
    return [float(f"{v:.5g}") for v in np.asarray(x, dtype=np.float64).ravel()]


def result(folder):
    model = CLIPModel.from_pretrained(folder).eval()
    info = CLIPModel.from_pretrained(folder, output_loading_info=True)[1]
    if info["missing_keys"] or info["unexpected_keys"] or info.get("mismatched_keys"):
        raise ValueError("the weights do not fit")
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    length = min(tokenizer.model_max_length, model.config.text_config.max_position_embeddings)
    batch = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    pixels = AutoImageProcessor.from_pretrained(folder)(images=image(), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        out = model(pixel_values=pixels, **batch)
    p = pixels.numpy().astype(np.float64)
    return {
        "ids": batch["input_ids"].tolist(),
        "pixels": rounded([p.size, p.sum(), (p * p).sum()]),
        "texts": rounded(out.text_embeds[:, :2].numpy()),
        "image": rounded(out.image_embeds[0, :4].numpy()),
    }


def changes(value):
    out = ["remove", ("value", None)]
    if isinstance(value, bool):
        out += [("value", not value), ("value", "true")]
    elif isinstance(value, int):
        out += [("value", value + 1), ("value", 2 * value), ("value", -1), ("value", str(value)), ("value", 0)]
    elif isinstance(value, float):
        out += [("value", value * 2), ("value", str(value))]
    elif isinstance(value, str):
        out += [("value", "x" + value), ("value", 3)]
    elif isinstance(value, list):
        out += [("value", []), ("value", 7)]
    elif isinstance(value, dict):
        out += [("value", {}), ("value", [])]
    return out


def paths(value, at=()):
    for key, inside in value.items() if isinstance(value, dict) else enumerate(value):
        if key in ("vocab", "merges"):
            continue
        yield at + (key,), inside
        if isinstance(inside, (dict, list)):
            yield from paths(inside, at + (key,))


EXTRA = [
    *[("config.json", ["text_config", k], ("value", v)) for k, v in dict(hidden_act="gelu", layer_norm_eps=1e-3, eos_token_id=2, unheard_of=1).items()],
    *[("config.json", ["vision_config", k], ("value", v)) for k, v in dict(hidden_act="gelu_new", layer_norm_eps=1e-2, image_size=14, unheard_of=1).items()],
    *[("config.json", [k], ("value", v)) for k, v in dict(quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}, tie_word_embeddings=True, unheard_of=1, text_config_dict={"hidden_act": "relu"}, vision_config_dict={"hidden_act": "gelu"}).items()],
    *[("preprocessor_config.json", [k], ("value", v)) for k, v in dict(size=12, crop_size=12, rescale_factor=1 / 127.5, image_mean=0.5, resample=2, crop_pct=0.9, do_pad=True, unheard_of=1).items()],
    *[("tokenizer_config.json", [k], ("value", v)) for k, v in dict(model_max_length=7, pad_token="!", unheard_of=1, padding_side="left", truncation_side="left", additional_special_tokens=["red"], extra_special_tokens=["cup"], mask_token="ball", split_special_tokens=True).items()],
    ("tokenizer_config.json", ["added_tokens_decoder"], ("value", {"526": {"content": "red</w>"}})),
    ("special_tokens_map.json", [], ("value", {"pad_token": {"content": "!", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True}})),
    ("special_tokens_map.json", [], ("value", {"additional_special_tokens": ["green"]})),
    ("processor_config.json", [], ("value", {"image_processor": {"image_processor_type": "CLIPImageProcessor", "size": {"height": 12, "width": 12}, "do_center_crop": False, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}, "processor_class": "CLIPProcessor"})),
    ("tokenizer.json", ["added_tokens", 2, "rstrip"], ("value", True)),
    ("tokenizer.json", ["model", "vocab", "red</w>"], ("value", 519)),
    ("tokenizer.json", ["model", "vocab", "Q"], "remove"),
    ("tokenizer.json", ["model", "merges"], ("value", ["r e", "re d</w>"])),
    ("tokenizer.json", ["truncation"], ("value", {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0})),
]


def applied(files, file, path, change):
    files = copy.deepcopy(files)
    if not path:
        files[file] = change[1]
        return files
    j = files[file]
    for key in path[:-1]:
        j = j[key]
    if change == "remove":
        del j[path[-1]]
    else:
        j[path[-1]] = change[1]
    return files


def main():
    files = base()
    torch.manual_seed(5)
    model = CLIPModel(CLIPConfig(**files["config.json"]))
    state = {k: torch.randn_like(v) * (0.3 if v.dim() > 1 else 0.5) + (1.0 if "norm" in k and k.endswith("weight") else 0.0) for k, v in model.state_dict().items() if not k.endswith("position_ids")}
    state["logit_scale"] = torch.tensor(1.5)
    out = here / "model"
    out.mkdir(exist_ok=True)
    save_file({k: v.contiguous() for k, v in state.items()}, out / "model.safetensors", metadata={"format": "pt"})
    for name, j in files.items():
        (out / name).write_text(json.dumps(j, ensure_ascii=False, separators=(",", ":")) + "\n")

    def run(changed):
        with tempfile.TemporaryDirectory() as tmp:
            folder = pathlib.Path(tmp)
            shutil.copy(out / "model.safetensors", folder)
            for name, j in changed.items():
                (folder / name).write_text(json.dumps(j))
            return result(folder)

    plain = run(files)
    rows = []
    todo = EXTRA + [(f, list(p), c) for f in files for p, v in paths(files[f]) for c in changes(v)]
    for k, (file, path, change) in enumerate(todo):
        try:
            found = run(applied(files, file, path, change))
            if not np.all(np.isfinite(found["pixels"] + found["texts"] + found["image"])):
                raise ValueError("not finite")
            differs = {key: v for key, v in found.items() if v != plain[key] and (key == "ids" or not np.allclose(v, plain[key], rtol=1e-4, atol=1e-5))}
            rows.append([file, path, change, differs or "same"])
        except Exception as e:  # what the reference refuses, in whichever way
            rows.append([file, path, change, "error"])
            if "-v" in sys.argv: print(file, path, change, repr(e)[:150])
        if k % 50 == 0: print(k, len(todo), flush=True)
    text = ",\n".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in rows)
    head = json.dumps({"reference": f"transformers {transformers.__version__}", "texts": TEXTS, "plain": plain}, ensure_ascii=False, separators=(",", ":"))
    (here / "cases.json").write_text(head[:-1] + ',"cases":[\n' + text + "\n]}\n")


main()
