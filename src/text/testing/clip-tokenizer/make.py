"""Writes ids.json: what Hugging Face's tokenizers (pip install tokenizers) makes of texts.json with tokenizer.json, which
trainClipTokenizer and toJson wrote."""
import json, pathlib
from tokenizers import Tokenizer, __version__

here = pathlib.Path(__file__).resolve().parent
t = Tokenizer.from_file(str(here / "tokenizer.json"))
texts = json.loads((here / "texts.json").read_text())
out = {"reference": f"tokenizers {__version__}", "ids": [t.encode(x, add_special_tokens=True).ids for x in texts]}
(here / "ids.json").write_text(json.dumps(out) + "\n")
