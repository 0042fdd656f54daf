"""Writes torch.json: what PyTorch computes for small layers and optimisers. Run with Python 3 and torch 2.13: python3 make-torch-fixtures.py"""
import json, pathlib
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(7)
torch.set_num_threads(1)
out = {"torch": torch.__version__.split("+")[0], "layers": {}, "optimizers": {}, "resize": []}


def pack(t):
    return {"shape": list(t.shape), "data": [float(f"{v:.9g}") for v in t.detach().double().flatten().tolist()]}


def layer(name, module, inputs, call, rename):
    """Values, input gradients and parameter gradients of sum(y * w) for a random w."""
    for p in module.parameters():
        nn.init.normal_(p, std=0.5)
    xs = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in inputs.items()}
    y = call(module, **xs)
    w = torch.randn_like(y)
    (y * w).sum().backward()
    out["layers"][name] = {
        "params": {rename(k): pack(v) for k, v in module.named_parameters()},
        "inputs": {k: pack(v) for k, v in inputs.items()},
        "weight": pack(w),
        "output": pack(y),
        "gradients": {rename(k): pack(v.grad) for k, v in module.named_parameters()},
    }


def slashes(k):
    return k.replace(".", "/")


def torch_block(k):
    for a, b in (
        ("self_attn.in_proj_", "attn/in_proj_"),
        ("self_attn.out_proj.", "attn/out/"),
        ("multihead_attn.in_proj_", "cross/in_proj_"),
        ("multihead_attn.out_proj.", "cross/out/"),
        ("linear1.", "mlp/fc1/"),
        ("linear2.", "mlp/fc2/"),
    ):
        k = k.replace(a, b)
    return k


def encoder_block(k):
    return torch_block(k).replace("norm1.", "ln1/").replace("norm2.", "ln2/")


def decoder_block(k):
    return torch_block(k).replace("norm1.", "ln1/").replace("norm2.", "ln_cross/").replace("norm3.", "ln2/")


def causal(n):
    return nn.Transformer.generate_square_subsequent_mask(n)


x, memory = torch.randn(2, 5, 6), torch.randn(2, 7, 6)
layer("linear", nn.Linear(6, 11), {"x": x}, lambda m, x: m(x), slashes)
layer("layerNorm", nn.LayerNorm(6), {"x": x}, lambda m, x: m(x), slashes)
layer("rmsNorm", nn.RMSNorm(6, eps=1e-6), {"x": x}, lambda m, x: m(x), slashes)
layer("patchEmbedding", nn.Conv2d(3, 5, 2, stride=2), {"x": torch.randn(2, 3, 6, 4)}, lambda m, x: m(x).flatten(2).mT, slashes)
pixels = torch.randn(3, 4, 5, 2)
layer("groupNorm", nn.GroupNorm(2, 4), {"x": pixels}, lambda m, x: m(x), slashes)
layer("batchNorm", nn.BatchNorm2d(4), {"x": pixels}, lambda m, x: m(x), slashes)
layer("conv2d", nn.Conv2d(4, 6, (3, 1), stride=2, padding=1, groups=2), {"x": pixels}, lambda m, x: m(x), slashes)
layer("conv1d", nn.Conv1d(4, 3, 3, dilation=2, bias=False), {"x": torch.randn(2, 4, 7)}, lambda m, x: m(x), slashes)
attention = lambda k: k.replace("out_proj.", "out/")
layer("causalAttention", nn.MultiheadAttention(6, 2, batch_first=True), {"x": x},
      lambda m, x: m(x, x, x, attn_mask=causal(5), need_weights=False)[0], attention)
keep = torch.tensor([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0, 0]])
layer("crossAttention", nn.MultiheadAttention(6, 3, batch_first=True), {"x": x, "from": memory, "keep": keep},
      lambda m, x, keep, **k: m(x, k["from"], k["from"], key_padding_mask=keep == 0, need_weights=False)[0], attention)
for order in ("pre", "post"):
    options = dict(dim_feedforward=13, dropout=0.0, batch_first=True, norm_first=order == "pre")
    layer(f"{order}NormEncoder", nn.TransformerEncoderLayer(6, 2, activation="gelu", **options), {"x": x},
          lambda m, x: m(x), encoder_block)
    layer(f"{order}NormDecoder", nn.TransformerDecoderLayer(6, 2, activation="relu", **options), {"x": x, "from": memory},
          lambda m, x, **k: m(x, k["from"], tgt_mask=causal(5)), decoder_block)



class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 2, stride=2)
        self.class_token = nn.Parameter(torch.zeros(6))
        self.positions = nn.Parameter(torch.zeros(7, 6))
        self.norm_pre = nn.LayerNorm(6)
        self.blocks = nn.ModuleList([nn.TransformerEncoderLayer(6, 2, 13, 0.0, "gelu", batch_first=True, norm_first=True) for _ in range(2)])
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        h = self.patch(x).flatten(2).mT
        h = self.norm_pre(torch.cat([self.class_token.expand(x.shape[0], 1, 6), h], 1) + self.positions)
        for b in self.blocks:
            h = b(h)
        return self.norm(h[:, 0])


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(11, 6)
        self.positions = nn.Parameter(torch.zeros(7, 6))
        self.blocks = nn.ModuleList([nn.TransformerEncoderLayer(6, 3, 13, 0.0, "gelu", batch_first=True, norm_first=True) for _ in range(2)])
        self.norm = nn.LayerNorm(6)

    def forward(self, tokens):
        h = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        for b in self.blocks:
            h = b(h, src_mask=causal(tokens.shape[1]))
        return self.norm(h)[torch.arange(len(tokens)), tokens.argmax(-1)]


layer("vit", Vit(), {"x": torch.randn(2, 3, 6, 4)}, lambda m, x: m(x), lambda k: slashes(encoder_block(k)))
layer("textTransformer", Text(), {"tokens": torch.tensor([[1, 4, 10, 0, 0], [3, 2, 5, 5, 4], [7, 7, 9, 2, 10]])},
      lambda m, tokens: m(tokens), lambda k: slashes(encoder_block(k)))

start = [torch.randn(3, 2), torch.randn(5)]
gradients = [[3 * torch.randn(3, 2), 3 * torch.randn(5)] for _ in range(3)]
out["optimizers"]["start"] = [pack(p) for p in start]
out["optimizers"]["gradients"] = [[pack(g) for g in gs] for gs in gradients]
cases = {
    "sgd": (lambda ps: torch.optim.SGD(ps, lr=0.1), 0),
    "sgdMomentum": (lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.05), 0),
    "sgdNesterov": (lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.8, nesterov=True), 0),
    "adam": (lambda ps: torch.optim.Adam(ps, lr=0.02, betas=(0.8, 0.95), eps=1e-6), 0),
    "adamL2": (lambda ps: torch.optim.Adam(ps, lr=0.02, weight_decay=0.1), 0),
    "adamW": (lambda ps: torch.optim.AdamW(ps, lr=0.02, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.2), 0),
    "clippedAdamW": (lambda ps: torch.optim.AdamW(ps, lr=0.02, weight_decay=0.1), 2.0),
    "clippedAdamL2": (lambda ps: torch.optim.Adam(ps, lr=0.02, weight_decay=0.1), 2.0),
    "clippedSgd": (lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9), 2.0),
    "groups": (lambda ps: torch.optim.AdamW([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.002, "weight_decay": 0.0}], lr=0.02, weight_decay=0.3), 0),
}
for name, (make, clip) in cases.items():
    ps = [nn.Parameter(p.double()) for p in start]
    optimizer = make(ps)
    norms = []
    for gs in gradients:
        for p, g in zip(ps, gs):
            p.grad = g.double().clone()
        if clip:
            norms.append(float(nn.utils.clip_grad_norm_(ps, clip)))
        optimizer.step()
    out["optimizers"][name] = {"params": [pack(p) for p in ps], "norms": norms}

grid = torch.randn(1, 2, 4, 3)
out["grid"] = pack(grid[0])
for mode in ("bilinear", "bicubic"):
    for antialias in (False, True):
        for size in ((7, 5), (3, 2), (4, 8)):
            y = F.interpolate(grid, size=size, mode=mode, align_corners=False, antialias=antialias)
            out["resize"].append({"mode": mode, "antialias": antialias, "size": list(size), "output": pack(y[0])})


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class Stage(nn.Module):
    def __init__(self, before, width):
        super().__init__()
        if before:
            self.patch, self.patch_norm = nn.Conv2d(before, width, 2, stride=2, bias=False), nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(2)])


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch, self.patch_norm = nn.Conv2d(3, 4, 3, stride=3, bias=False), nn.BatchNorm2d(4)
        self.stages = nn.ModuleList([Stage(0, 4), Stage(4, 5)])
        self.norm = nn.LayerNorm(5)

    def forward(self, x):
        x = F.relu(self.patch_norm(self.patch(x)))
        for i, stage in enumerate(self.stages):
            if i:
                x = F.relu(stage.patch_norm(stage.patch(x)))
            for b in stage.blocks:
                x = b(x)
        return self.norm(x.mean((2, 3)))


layer("residualTower", Residual(), {"x": torch.randn(3, 3, 12, 18)}, lambda m, x: m(x), slashes)

pathlib.Path(__file__).with_name("torch.json").write_text(json.dumps(out) + "\n")
