"""Writes losses.json beside it: values and gradients of PyTorch's losses, in float64, for operands made from a formula (see losses.test.ts).

python3 src/nn/testing/losses/make.py && npx biome format --write src/nn/testing   (PyTorch 2.13)
"""
import json
import pathlib

import torch
import torch.nn.functional as F


def wave(shape, phase):
    n = 1
    for d in shape:
        n *= d
    return torch.sin(torch.arange(n, dtype=torch.float64) * 0.7 + phase).reshape(shape)


ROWS, CLASSES = 7, 5
TARGET = torch.tensor([3, 0, -100, 4, 1, 1, -100])
WEIGHT = torch.tensor([0.5, 2.0, 1.0, 0.25, 3.0], dtype=torch.float64)
UNIT = (wave((ROWS, CLASSES), 1) + 1) / 2
SHARE = UNIT / UNIT.sum(-1, keepdim=True)
SPARSE = torch.where(SHARE < 0.15, 0.0, SHARE)
X = wave((ROWS, CLASSES), 0) * 3

CASES = {}
for reduction in ['mean', 'sum', 'none']:
    for smoothing in [0, 0.1]:
        for weight in [None, WEIGHT]:
            name = f'crossEntropy {reduction} {smoothing} {"weighted" if weight is not None else "plain"}'
            CASES[name] = lambda x, r=reduction, s=smoothing, w=weight: F.cross_entropy(
                x, TARGET, weight=w, label_smoothing=s, reduction=r
            )
            CASES[name.replace('cross', 'softCross')] = lambda x, r=reduction, s=smoothing, w=weight: F.cross_entropy(
                x, SHARE, weight=w, label_smoothing=s, reduction=r
            )
    CASES[f'binaryCrossEntropy {reduction}'] = lambda x, r=reduction: F.binary_cross_entropy_with_logits(
        x, UNIT, reduction=r
    )
    CASES[f'binaryCrossEntropy {reduction} weighted'] = lambda x, r=reduction: F.binary_cross_entropy_with_logits(
        x, UNIT, weight=WEIGHT + 1, pos_weight=WEIGHT, reduction=r
    )
    CASES[f'meanSquaredError {reduction}'] = lambda x, r=reduction: F.mse_loss(x, UNIT, reduction=r)
    for beta in [0, 0.5, 1]:
        CASES[f'smoothL1 {reduction} {beta}'] = lambda x, r=reduction, b=beta: F.smooth_l1_loss(
            x, UNIT, reduction=r, beta=b
        )
    for delta in [0.5, 1.5]:
        CASES[f'huber {reduction} {delta}'] = lambda x, r=reduction, d=delta: F.huber_loss(x, UNIT, reduction=r, delta=d)
for reduction in ['mean', 'sum', 'none', 'batchmean']:
    CASES[f'klDivergence {reduction}'] = lambda x, r=reduction: F.kl_div(F.log_softmax(x, -1), SPARSE, reduction=r)
    CASES[f'klDivergence {reduction} log'] = lambda x, r=reduction: F.kl_div(
        F.log_softmax(x, -1), F.log_softmax(UNIT, -1), reduction=r, log_target=True
    )

out = {}
for name, fn in CASES.items():
    x = X.clone().requires_grad_()
    y = fn(x)
    (y * wave(y.shape, 2)).sum().backward()
    digits = lambda t: [float(f'{v:.9g}') for v in t.detach().flatten().tolist()]
    out[name] = {'value': digits(y), 'gradient': digits(x.grad)}
path = pathlib.Path(__file__).parent / 'losses.json'
path.write_text(json.dumps(out))
