"""Writes prepared.json: what transformers' image processors (pip install transformers pillow) make of the picture p[i] = (i·i·7 + 13·i) mod 256
for settings as they are published, and which settings they refuse. The torch-free processors are taken, which are those of Pillow."""
import json, os, pathlib, tempfile
import numpy as np, transformers
from PIL import Image
from transformers.models.auto.image_processing_auto import AutoImageProcessor

R = 1 / 255
CLIP = {"image_processor_type": "CLIPImageProcessor", "do_resize": True, "resample": 3, "do_center_crop": True, "do_normalize": True}
SETTINGS = {
    "a number": {**CLIP, "size": 13, "crop_size": 13},
    "sides by name": {**CLIP, "size": {"shortest_edge": 13}, "crop_size": {"height": 13, "width": 13}, "do_rescale": True, "rescale_factor": R},
    "cut smaller than resized": {**CLIP, "size": {"shortest_edge": 16}, "crop_size": {"height": 13, "width": 11}},
    "lists, in the old name": {"feature_extractor_type": "CLIPFeatureExtractor", "size": [13, 11], "crop_size": [13, 11], "resample": 3},
    "height and width": {**CLIP, "do_center_crop": False, "size": {"height": 11, "width": 17}, "image_mean": [0.5, 0.25, 0.125], "image_std": [0.5, 1, 2]},
    "rescale_factor": {**CLIP, "size": 13, "crop_size": 13, "rescale_factor": 1 / 127.5, "image_mean": 1.0, "image_std": 0.5},
    "not normalised": {**CLIP, "size": 13, "crop_size": 13, "do_normalize": False},
    "not rescaled": {**CLIP, "size": 13, "crop_size": 13, "do_rescale": False, "image_mean": [120, 110, 100], "image_std": [60, 60, 60]},
    "bilinear": {**CLIP, "size": 13, "crop_size": 13, "resample": 2},
    "lanczos": {**CLIP, "size": 13, "crop_size": 13, "resample": 1},
    "nearest": {**CLIP, "size": 13, "crop_size": 13, "resample": 0},
    "nulls": {**CLIP, "size": 13, "crop_size": 13, "do_pad": None, "pad_size": None, "data_format": "channels_first", "device": None, "do_convert_rgb": None},
    "null for a step is off": {**CLIP, "size": 13, "crop_size": 13, "do_normalize": None, "image_mean": None},
    "null for a value": {**CLIP, "size": 13, "crop_size": 13, "image_mean": None},
    "fast class": {**CLIP, "image_processor_type": "CLIPImageProcessorFast", "size": {"shortest_edge": 13}, "crop_size": 13, "device": None},
    "BLIP": {"image_processor_type": "BlipImageProcessor", "size": {"height": 16, "width": 16}, "do_pad": True, "size_divisor": 16},
    "ViT": {"image_processor_type": "ViTImageProcessor", "size": 13},
    "DeiT": {"image_processor_type": "DeiTImageProcessor", "size": {"height": 16, "width": 16}, "crop_size": 13},
    "SigLIP": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 13, "width": 13}},
    "LLaVA": {"image_processor_type": "LlavaImageProcessor", "size": {"shortest_edge": 13}, "crop_size": 13},
    "LLaVA, padded": {"image_processor_type": "LlavaImageProcessor", "size": {"shortest_edge": 13}, "crop_size": 13, "do_pad": True},
    "ViLT": {"feature_extractor_type": "ViltFeatureExtractor", "size": 24, "size_divisor": 4},
    "longest_edge": {**CLIP, "size": {"longest_edge": 13}, "crop_size": 13},
    "three sides": {**CLIP, "size": {"height": 13, "width": 13, "depth": 3}, "crop_size": 13},
}
SIZES = [(23, 17), (11, 29), (61, 19), (13, 13)]


def image(w, h):
    i = np.arange(w * h * 3, dtype=np.int64)
    return Image.fromarray(((i * i * 7 + 13 * i) % 256).astype(np.uint8).reshape(h, w, 3))


out = []
for name, settings in SETTINGS.items():
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "preprocessor_config.json").write_text(json.dumps(settings))
        (pathlib.Path(folder) / "config.json").write_text(json.dumps({"model_type": "vilt" if name == "ViLT" else "clip"}))
        try:
            processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
            found = []
            for size in [SIZES] if name == "ViLT" else [[s] for s in SIZES]:
                batch = processor([image(*s) for s in size], return_tensors="np")
                x = np.asarray(batch["pixel_values"], dtype=np.float64)
                flat = x.flatten()
                entry = {"from": size, "shape": list(x.shape), "sum": float(flat.sum()), "squares": float((flat * flat).sum()),
                         "values": [round(float(v), 6) for v in flat[:: max(1, len(flat) // 23)]]}
                if "pixel_mask" in batch:
                    entry["mask"] = np.asarray(batch["pixel_mask"]).sum(axis=(1, 2)).tolist()
                found.append(entry)
            out.append({"name": name, "settings": settings, "images": found})
        except Exception as e:
            out.append({"name": name, "settings": settings, "error": f"{type(e).__name__}: {e}"[:120]})
path = pathlib.Path(__file__).resolve().parent / "prepared.json"
path.write_text(json.dumps({"reference": f"transformers {transformers.__version__}", "cases": out}) + "\n")
