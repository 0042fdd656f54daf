"""One side: the same model, data and optimiser in PyTorch, eager, pictures shifted and normalised in every step. Prints one line of JSON.

PICK=1 computes the last block of each tower only for the token that is read, as bow2bot does.
"""
import json
import os
import pathlib
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(int(os.environ.get("THREADS", 2)))
data = pathlib.Path(os.environ["DATA"])
steps, warmup, pick = int(os.environ["STEPS"]), int(os.environ["WARMUP"]), os.environ.get("PICK") == "1"
about = json.loads((data / "pairs.json").read_text())
count, size, vocabulary, context = about["count"], about["size"], about["vocabulary"], about["context"]
width, patch, heads, hidden, embed, batch, shift = 96, 8, 3, 384, 64, 64, 2
pixels = torch.frombuffer(bytearray((data / "pixels.bin").read_bytes()), dtype=torch.uint8).view(count, size, size, 3)
tokens = torch.frombuffer(bytearray((data / "tokens.bin").read_bytes()), dtype=torch.int32).view(-1, context).long()
mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x, causal, read=None):
        """read: the token of each row that is wanted ([batch] indexes), all when absent."""
        b, n, _ = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, n, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        mask = None
        if read is not None:
            rows = torch.arange(b)
            q, x = q[rows, :, read].unsqueeze(2), x[rows, read].unsqueeze(1)
            if causal:
                mask = (torch.arange(n) <= read[:, None])[:, None, None]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and read is None)
        x = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        h = self.fc1(self.ln2(x))
        return x + self.fc2(h * torch.sigmoid(1.702 * h))


class Tower(nn.Module):
    def __init__(self, length, depth):
        super().__init__()
        self.positions = nn.Parameter(torch.empty(length, width))
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(depth)), nn.LayerNorm(width)
        self.project = nn.Linear(width, embed, bias=False)

    def forward(self, x, causal, read):
        for i, block in enumerate(self.blocks):
            x = block(x, causal, read if pick and i == len(self.blocks) - 1 else None)
        x = x[:, 0] if pick else x[torch.arange(len(x)), read]
        return F.normalize(self.project(self.norm(x)), dim=-1)


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual, self.text = Tower((size // patch) ** 2 + 1, 3), Tower(context, 2)
        self.patches = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_token, self.norm_pre = nn.Parameter(torch.empty(width)), nn.LayerNorm(width)
        self.table = nn.Embedding(vocabulary, width)
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, image, ids):
        b = len(image)
        x = torch.cat([self.class_token.expand(b, 1, -1), self.patches(image).flatten(2).transpose(1, 2)], 1)
        v = self.visual(self.norm_pre(x + self.visual.positions), False, torch.zeros(b, dtype=torch.long))
        t = self.text(self.table(ids) + self.text.positions, True, ids.argmax(-1))
        logits = v @ t.T * self.logit_scale.exp()
        target = torch.arange(b)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@torch.no_grad()
def first_values(m):
    """As OpenAI's code draws them, which is what bow2bot does."""
    for tower, scale in [(m.visual, width**-0.5), (m.text, 0.01)]:
        nn.init.normal_(tower.positions, std=scale)
        nn.init.normal_(tower.project.weight, std=width**-0.5)
    nn.init.normal_(m.class_token, std=width**-0.5)
    nn.init.normal_(m.table.weight, std=0.02)
    residual = width**-0.5 * (2 * len(m.text.blocks)) ** -0.5
    for block in m.text.blocks:
        for layer, std in [(block.qkv, width**-0.5), (block.out, residual), (block.fc1, (2 * width) ** -0.5), (block.fc2, residual)]:
            nn.init.normal_(layer.weight, std=std)
    for block in [*m.visual.blocks, *m.text.blocks]:
        nn.init.zeros_(block.qkv.bias)
        nn.init.zeros_(block.out.bias)
    for block in m.visual.blocks:
        nn.init.xavier_uniform_(block.qkv.weight)


starts = torch.tensor(about["starts"])
sentences = torch.tensor(about["sentences"])


def make_batch():
    at = torch.randint(count, (batch,))
    picture = pixels[at].permute(0, 3, 1, 2)
    padded = F.pad(picture.float(), (shift,) * 4, mode="replicate")
    y, x = torch.randint(2 * shift + 1, (2, batch)).tolist()
    moved = torch.stack([p[:, a : a + size, b : b + size] for p, a, b in zip(padded, y, x)])
    which = starts[at] + (torch.rand(batch) * sentences[at]).long()
    return (moved / 255 - mean) / std, tokens[which]


model = Clip()
first_values(model)
plain = [p for p in model.parameters() if p.ndim < 2]
decayed = [p for p in model.parameters() if p.ndim >= 2]
groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), eps=1e-6)
losses, waits, started = [], 0.0, 0.0
for step in range(steps):
    if step == warmup:
        waits, started = 0.0, time.perf_counter()
    begun = time.perf_counter()
    image, ids = make_batch()
    waits += time.perf_counter() - begun
    optimizer.zero_grad()
    loss = model(image, ids)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # the default of bow2bot's recipes
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, 4.6052)
    losses.append(loss.item())
seconds = (time.perf_counter() - started) / (steps - warmup)
print(json.dumps({
    "version": f"PyTorch {torch.__version__}", "parameters": sum(p.numel() for p in model.parameters()), "seconds": seconds,
    "data": waits / (steps - warmup), "first": losses[0], "last": losses[-1],
}))
