"""Writes the models of this folder, exported by PyTorch, and expected.json: their outputs and the gradients of the first output's sum.

python3 src/engine/testing/torch-export/make.py && npx biome format --write src/engine/testing   (PyTorch 2.13 with the package onnx)
"""
import json
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
HERE = pathlib.Path(__file__).parent


class Pictures(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.c2 = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.gn = nn.GroupNorm(2, 4)
        self.fc = nn.Linear(16, 7)
        self.bn.running_mean.normal_()
        self.bn.running_var.uniform_(0.5, 2)

    def forward(self, x):
        x = torch.relu(self.bn(self.c1(x)))
        x = x + F.gelu(self.c2(x))
        x = self.gn(self.up(F.max_pool2d(x, 2)))
        x = F.interpolate(x, size=(9, 9), mode='bilinear')
        x = F.hardswish(F.interpolate(x, scale_factor=2, mode='nearest'))
        return F.log_softmax(self.fc(F.avg_pool2d(x, 9).flatten(1)), -1)


class Texts(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(29, 12)
        self.p = nn.Parameter(torch.randn(1, 13, 12))
        self.q = nn.Linear(12, 12)
        self.t = nn.MultiheadAttention(12, 2, batch_first=True)
        self.n = nn.LayerNorm(12)
        self.scale = nn.Parameter(torch.tensor(1.3))

    def forward(self, ids, mask):
        b, n = ids.shape
        x = self.e(ids) + self.p[:, :n]
        future = torch.full((n, n), float('-inf')).triu(1)
        padding = (1 - mask[:, None, None, :].to(x.dtype)) * -1e4
        q = self.q(x).view(b, n, 2, 6).transpose(1, 2)
        a = (q @ q.transpose(-1, -2) / 6**0.5 + padding + future).softmax(-1) @ q
        x = x + a.transpose(1, 2).reshape(b, n, 12)
        x = self.n(x + self.t(x, x, x, need_weights=False)[0])
        y = x[torch.arange(b), ids.argmax(-1)]
        y = y / y.norm(dim=-1, keepdim=True)
        kept = torch.where(mask.bool()[..., None], x, torch.zeros_like(x)).cumsum(1)
        return torch.einsum('bd,cd->bc', y, self.e.weight[:5]) * self.scale.exp(), kept


def numbers(t):
    return [float(f'{v:.8g}') for v in t.detach().double().flatten().tolist()]


CASES = {
    'pictures': (Pictures().eval(), {'x': torch.randn(2, 3, 16, 16)}),
    'texts': (Texts().eval(), {'ids': torch.randint(0, 29, (2, 11)), 'mask': (torch.rand(2, 11) > 0.3).long()}),
}
expected = {}
for name, (model, inputs) in CASES.items():
    for p in model.parameters():  # the exporter stores equal tensors once, which would add up their gradients
        p.data += 0.1 * torch.randn_like(p)
    axes = {k: {0: 'b', 1: 'n'} if name == 'texts' else {0: 'b'} for k in inputs}
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        str(HERE / f'{name}.onnx'),
        opset_version=14,
        input_names=list(inputs),
        dynamic_axes=axes,
        do_constant_folding=False,
        dynamo=False,
    )
    outputs = model(*inputs.values())
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    outputs[0].sum().backward()
    expected[name] = {
        'inputs': {
            k: {'dtype': str(v.dtype).split('.')[1], 'shape': list(v.shape), 'values': numbers(v)}
            for k, v in inputs.items()
        },
        'outputs': [numbers(v) for v in outputs],
        'gradients': {k: numbers(v.grad) for k, v in model.named_parameters() if v.grad is not None},
    }
(HERE / 'expected.json').write_text(json.dumps(expected))
