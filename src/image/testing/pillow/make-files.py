"""Picture files of every kind by Pillow, with the RGB that Pillow reads from them (EXIF applied, alpha laid over white) -> files.json.
usage: python make-files.py > files.json"""
import base64
import io
import json

import numpy as np
import PIL
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

W, H = 11, 7


def smooth(channels, seed):
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, channels), dtype=np.uint8)
    return Image.fromarray(small[:, :, 0] if channels == 1 else small).resize((W, H), Image.BICUBIC)


rgb, grey, mask = smooth(3, 0), smooth(3, 0).convert("L"), smooth(1, 3)
rgba = rgb.copy()
rgba.putalpha(mask)
files = {}


def put(name, picture, fmt, **options):
    buffer = io.BytesIO()
    picture.save(buffer, fmt, **options)
    files[name] = buffer.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[0x112] = value
    return exif.tobytes()


put("rgb.png", rgb, "PNG")
put("grey.png", grey, "PNG")
put("grey-alpha.png", Image.merge("LA", (grey, mask)), "PNG")
put("rgba.png", rgba, "PNG")
put("one-bit.png", rgb.convert("1"), "PNG")
for colours, bits in ((2, 1), (4, 2), (13, 4), (77, 8)):
    put(f"palette-{bits}.png", rgb.quantize(colours), "PNG", bits=bits)
put("palette-alpha.png", rgb.quantize(13), "PNG", transparency=bytes([0, 128] + [255] * 11))
put("16-bit.png", Image.fromarray((np.arange(W * H).reshape(H, W) * 829).astype(np.uint16)), "PNG")
put("key.png", rgb, "PNG", transparency=rgb.getpixel((4, 3)))
put("grey-key.png", grey, "PNG", transparency=grey.getpixel((4, 3)))
put("exif-6.png", rgb, "PNG", exif=orientation(6))


def raw_profile(value):
    data = orientation(value)
    hexadecimal = data.hex()
    lines = [hexadecimal[i : i + 72] for i in range(0, len(hexadecimal), 72)]
    return "\nexif\n%8d\n%s\n" % (len(data), "\n".join(lines))


def packet(value):
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{value}"/></x:xmpmeta>'


def xmp_tag(value):
    tags = ImageFileDirectory_v2()
    tags.tagtype[700] = 1
    tags[700] = value
    return tags


def texts(*items):
    info = PngInfo()
    for kind, keyword, text in items:
        if kind == "iTXt":
            info.add_itxt(keyword, text, zip=False)
        elif kind == "iTXt-zip":
            info.add_itxt(keyword, text, zip=True)
        else:
            info.add_text(keyword, text, zip=kind == "zTXt")
    return info


profile = "Raw profile type exif"
put("profile-3-text.png", rgb, "PNG", pnginfo=texts(("tEXt", profile, raw_profile(3))))
put("profile-6-zipped.png", rgb, "PNG", pnginfo=texts(("zTXt", profile, raw_profile(6))))
put("profile-8-international.png", rgb, "PNG", pnginfo=texts(("iTXt", profile, raw_profile(8))))
put("profile-5-international-zipped.png", rgb, "PNG", pnginfo=texts(("iTXt-zip", profile, raw_profile(5))))
put("profile-9.png", rgb, "PNG", pnginfo=texts(("tEXt", profile, raw_profile(9))))
put("exif-2-before-profile-6.png", rgb, "PNG", exif=orientation(2), pnginfo=texts(("tEXt", profile, raw_profile(6))))
put("xmp-7.png", rgb, "PNG", pnginfo=texts(("iTXt", "XML:com.adobe.xmp", packet(7))))
put("profile-1-before-xmp-4.png", rgb, "PNG", pnginfo=texts(("tEXt", profile, raw_profile(1)), ("iTXt", "XML:com.adobe.xmp", packet(4))))
put("xmp-6.jpg", rgb, "JPEG", quality=75, subsampling=0, xmp=packet(6).encode())
put("exif-4-before-xmp-6.jpg", rgb, "JPEG", quality=75, subsampling=0, exif=orientation(4), xmp=packet(6).encode())
put("grey.jpg", grey, "JPEG", quality=90)
for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
    put(f"{name}.jpg", rgb, "JPEG", quality=90, subsampling=subsampling)
put("progressive.jpg", rgb, "JPEG", quality=90, progressive=True)
put("cmyk.jpg", rgb.convert("CMYK"), "JPEG", quality=95)
for value in range(2, 9):
    put(f"exif-{value}.jpg", rgb, "JPEG", quality=75, subsampling=0, exif=orientation(value))
put("lossless.webp", rgba, "WEBP", lossless=True, exact=True)
put("lossy.webp", rgb, "WEBP", quality=80)
put("xmp-5.webp", rgb, "WEBP", lossless=True, xmp=packet(5).encode())
put("exif-3-before-xmp-6.webp", rgb, "WEBP", lossless=True, exif=orientation(3), xmp=packet(6).encode())
put("xmp-8.tiff", rgb, "TIFF", tiffinfo=xmp_tag(packet(8).encode()))
put("moving.gif", rgb.quantize(13), "GIF", save_all=True, append_images=[rgb.rotate(180).quantize(13)])
put("moving.webp", rgb, "WEBP", lossless=True, save_all=True, append_images=[rgb.rotate(180)])
put("lzw.tiff", rgb, "TIFF", compression="tiff_lzw")
put("cmyk.tiff", rgb.convert("CMYK"), "TIFF")
put("big.tiff", rgb, "TIFF", big_tiff=True)


def read(data):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if picture.mode.startswith("I"):  # the higher byte of 16 bits
        picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    if "A" not in picture.mode and "transparency" not in picture.info:
        return np.asarray(picture.convert("RGB"))
    x = np.asarray(picture.convert("RGBA")).astype(np.float64)
    alpha = x[..., 3:]
    return np.floor(x[..., :3] * alpha / 255 + 255 - alpha + 0.5).astype(np.uint8)


def text(data):
    return base64.b64encode(data).decode()


cases = [
    {"name": name, "file": text(data), "width": read(data).shape[1], "height": read(data).shape[0], "rgb": text(read(data).tobytes())}
    for name, data in files.items()
]
print(json.dumps({"reference": f"Pillow {PIL.__version__}", "cases": cases}, indent=0))
