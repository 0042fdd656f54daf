"""Writes resized.json: what Pillow (pip install pillow) makes of the picture p[i] = (i·i·7 + 13·i) mod 256 in several sizes."""
import json, pathlib, numpy as np, PIL
from PIL import Image

CASES = [(23, 17, 11, 7), (11, 7, 23, 17), (19, 29, 19, 13), (31, 13, 5, 13), (64, 48, 37, 28), (5, 3, 17, 11)]
out = []
for w, h, tw, th in CASES:
    i = np.arange(w * h * 3, dtype=np.int64)
    image = Image.fromarray(((i * i * 7 + 13 * i) % 256).astype(np.uint8).reshape(h, w, 3))
    names = ["bicubic", "bilinear"] + (["nearest", "box", "hamming", "lanczos"] if w < 30 else [])
    for name, f in ((n, Image.Resampling[n.upper()]) for n in names):
        out.append({"from": [w, h], "to": [tw, th], "filter": name, "data": np.asarray(image.resize((tw, th), f)).flatten().tolist()})
path = pathlib.Path(__file__).resolve().parent / "resized.json"
path.write_text(json.dumps({"reference": f"Pillow {PIL.__version__}", "cases": out}) + "\n")
