"""One side of the CLIP-tiny comparison: the step in PyTorch, eager. Speaks the protocol of ../side.mjs; sizes as in task.mjs.

PICK=1 computes the last block of each tower only for the token that is read, as bow2bot does; PICK=0 computes it for all tokens.
AUTOCAST=1 computes the forward pass under autocast to bfloat16 (weights and moments stay float32), which CPUs with AMX or AVX512-BF16 are made for.
"""
import json
import math
import os
import resource
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

width = int(os.environ.get("WIDTH", 192))
batch = int(os.environ.get("BATCH", 64))
threads = int(os.environ.get("THREADS", 2))
pick = os.environ.get("PICK") != "0"
autocast = os.environ.get("AUTOCAST") == "1"
patch, patches, context, vocabulary, depth, embed, head = 8, 64, 24, 1000, 4, 128, 64
torch.set_num_threads(threads)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "out": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x, causal, read=None):
        """x: [batch, n, width]; read: the slice of the tokens that are wanted, all when absent."""
        h = self.ln1(x)
        qkv = self.attn["qkv"]
        if read is None:
            q, k, v = self.split(qkv(h))
        else:
            (q,) = self.split(F.linear(h[:, read], qkv.weight[:width], qkv.bias[:width]))
            k, v = self.split(F.linear(h, qkv.weight[width:], qkv.bias[width:]))
            x, causal = x[:, read], False  # the last token sees all
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + self.attn["out"](mixed.transpose(1, 2).reshape(x.shape))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.ln2(x))))

    @staticmethod
    def split(x):
        """[batch, n, parts * width] -> parts of [batch, heads, n, head]"""
        b, n, d = x.shape
        return x.view(b, n, d // width, width // head, head).permute(2, 0, 3, 1, 4)


class Tower(nn.Module):
    def __init__(self, length):
        super().__init__()
        self.positions = nn.Parameter(torch.empty(length, width))
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(depth)), nn.LayerNorm(width)

    def forward(self, x, causal, read):
        x = x + self.positions
        for i, block in enumerate(self.blocks):
            x = block(x, causal, read if pick and i == depth - 1 else None)
        return self.norm(x[:, 0] if pick else x[:, read][:, 0])


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual, self.text = Tower(patches + 1), Tower(context)
        self.visual.patch = nn.Linear(3 * patch**2, width)
        self.visual.class_token = nn.Parameter(torch.empty(width))
        self.text.tokens = nn.Embedding(vocabulary, width)
        self.visual_proj, self.text_proj = (nn.Linear(width, embed, bias=False) for _ in range(2))
        self.logit_scale = nn.Parameter(torch.empty(()))

    def forward(self, image, tokens):
        n, side = image.shape[0], image.shape[-1] // patch
        rows = image.view(n, 3, side, patch, side, patch).permute(0, 2, 4, 1, 3, 5).reshape(n, patches, -1)
        x = torch.cat([self.visual.class_token.expand(n, 1, -1), self.visual.patch(rows)], 1)
        v = self.visual_proj(self.visual(x, False, slice(0, 1)))
        t = self.text_proj(self.text(self.text.tokens(tokens), True, slice(context - 1, context)))
        logits = F.normalize(v, dim=-1) @ F.normalize(t, dim=-1).T * self.logit_scale.exp()
        target = torch.arange(n)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def task_values():
    """Parameters, images and tokens as task.mjs makes them, by name."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "task-bytes.mjs")
    out = subprocess.run([os.environ.get("NODE", "node"), script], stdout=subprocess.PIPE, check=True).stdout
    start = out.index(b"\n") + 1
    found = {}
    for entry in json.loads(out[:start]):
        end = start + 4 * math.prod(entry["shape"])
        flat = torch.frombuffer(bytearray(out[start:end]), dtype=getattr(torch, entry["type"]))
        found[entry["name"]] = flat.view(entry["shape"])
        start = end
    return found


def first_value(name, values):
    """The common first value of a parameter; there, matrices are [in, out], and q, k and v are apart."""
    path = name.replace(".", "/")
    if "/qkv/" in path:
        return torch.cat([first_value(name.replace("qkv", part), values) for part in "qkv"])
    is_map = path.endswith("/weight") and values[path].dim() == 2 and path != "text/tokens/weight"
    return values[path].T if is_map else values[path]


values = task_values()
started = time.perf_counter()
model = Clip()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.2)
create_ms = (time.perf_counter() - started) * 1e3
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter.copy_(first_value(name, values))
image, tokens = values["images"], values["tokens"]


def step():
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        loss = model(image, tokens)
    loss.backward()
    optimizer.step()
    return loss.item()


def steps(count):
    times, losses = [], []
    for _ in range(count):
        before = time.perf_counter()
        losses.append(step())
        times.append((time.perf_counter() - before) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"times": times, "losses": losses, "peakMb": peak}


def answer(value):
    print(json.dumps(value), flush=True)


blas = "MKL" if torch.backends.mkl.is_available() else "no MKL"
answer({"version": f"PyTorch {torch.__version__} ({blas}, eager{', bf16 autocast' if autocast else ''})", "createMs": create_ms})
for line in sys.stdin:
    _, argument = line.split()
    answer(steps(int(argument)))
