"""One side of the CLIP-tiny comparison: the step in PyTorch, eager. Speaks the protocol of ../side.mjs; sizes as in task.mjs.

PICK=1 computes the last block of each tower only for the token that is read, as bow2bot does; PICK=0 computes it for all tokens.
"""
import json
import math
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

started = time.perf_counter()
width = int(os.environ.get("WIDTH", 192))
batch = int(os.environ.get("BATCH", 64))
threads = int(os.environ.get("THREADS", 2))
pick = os.environ.get("PICK") != "0"
patch, patches, context, vocabulary, depth, embed, head = 8, 64, 24, 1000, 4, 128, 64
torch.set_num_threads(threads)
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, causal, last=None):
        """x: [batch, n, width]; last: the index of the only token that is wanted."""
        h = self.ln1(x)
        if last is None:
            q, k, v = self.split(self.qkv(h))
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        else:
            weight, bias = self.qkv.weight, self.qkv.bias
            (q,) = self.split(F.linear(h[:, last : last + 1 or None], weight[:width], bias[:width]))
            k, v = self.split(F.linear(h, weight[width:], bias[width:]))
            mixed = F.scaled_dot_product_attention(q, k, v)  # the last token sees all
            x = x[:, last : last + 1 or None]
        x = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))

    @staticmethod
    def split(x):
        """[batch, n, parts · width] -> parts of [batch, heads, n, head]"""
        b, n, d = x.shape
        return x.view(b, n, d // width, width // head, head).permute(2, 0, 3, 1, 4)


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        parameter = lambda *shape: nn.Parameter(torch.randn(*shape) * 0.02)
        self.patch = nn.Linear(3 * patch**2, width)
        self.class_token, self.visual_positions = parameter(1, 1, width), parameter(1, patches + 1, width)
        self.visual, self.visual_ln = nn.ModuleList(Block() for _ in range(depth)), nn.LayerNorm(width)
        self.tokens, self.text_positions = nn.Embedding(vocabulary, width), parameter(1, context, width)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.text, self.text_ln = nn.ModuleList(Block() for _ in range(depth)), nn.LayerNorm(width)
        self.visual_proj, self.text_proj = parameter(width, embed), parameter(width, embed)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def tower(self, blocks, x, causal, read):
        for i, block in enumerate(blocks):
            x = block(x, causal, read if pick and i == depth - 1 else None)
        return x[:, 0 if pick else read]

    def forward(self, image, tokens):
        n, side = image.shape[0], image.shape[-1] // patch
        rows = image.view(n, 3, side, patch, side, patch).permute(0, 2, 4, 1, 3, 5).reshape(n, patches, -1)
        x = torch.cat([self.class_token.expand(n, -1, -1), self.patch(rows)], 1) + self.visual_positions
        v = self.visual_ln(self.tower(self.visual, x, False, 0)) @ self.visual_proj
        t = self.text_ln(self.tower(self.text, self.tokens(tokens) + self.text_positions, True, -1)) @ self.text_proj
        logits = F.normalize(v, dim=-1) @ F.normalize(t, dim=-1).T * self.logit_scale.exp()
        target = torch.arange(n)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


model = Clip()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.2)
side = int(patches**0.5) * patch
image = torch.randn(batch, 3, side, side)
tokens = torch.randint(0, vocabulary - 1, (batch, context))
tokens[:, -1] = vocabulary - 1
create_ms = (time.perf_counter() - started) * 1e3


def step():
    optimizer.zero_grad(set_to_none=True)
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
answer({"version": f"PyTorch {torch.__version__} ({blas}, eager)", "createMs": create_ms})
for line in sys.stdin:
    _, argument = line.split()
    answer(steps(int(argument)))
