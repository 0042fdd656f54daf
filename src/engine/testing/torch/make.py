"""Writes torch.json beside it: what PyTorch computes, in float64, for operands that are waves (see torch.ts, which makes the same ones).

python3 src/engine/testing/torch/make.py && npx biome format --write src/engine/testing   (PyTorch 2.13)
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


def resize(size, mode, align=False, antialias=False):
    return lambda x: F.interpolate(x, size=size, mode=mode, align_corners=align, antialias=antialias)


class Floor(torch.autograd.Function):
    """Floor with the gradient of the identity: makes ties."""

    @staticmethod
    def forward(ctx, x):
        return x.floor()

    @staticmethod
    def backward(ctx, g):
        return g


def batch_norm(x, scale, shift, mean, variance):
    m, v = mean.detach().clone(), variance.detach().square() + 1
    y = F.batch_norm(x, m, v, scale, shift, training=True, momentum=0.1, eps=1e-5)
    return y, m, v


CASES = {
    'conv1d': ([(2, 3, 11), (5, 3, 3), (5,)], lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2)),
    'conv2d groups': ([(2, 4, 7, 5), (6, 2, 3, 2), (6,)], lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 0), (1, 2), 2)),
    'conv2d depthwise': ([(2, 3, 5, 7), (3, 1, 3, 3)], lambda x, w: F.conv2d(x, w, padding='same', groups=3)),
    'conv2d patches': ([(2, 3, 4, 7), (5, 3, 2, 3), (5,)], lambda x, w, b: F.conv2d(x, w, b, stride=(2, 3))),
    'conv1d asymmetric': ([(2, 3, 7), (5, 3, 3)], lambda x, w: F.conv1d(F.pad(x, (0, 2)), w)),
    'conv_transpose1d': ([(2, 3, 5), (3, 2, 3), (2,)], lambda x, w, b: F.conv_transpose1d(x, w, b, 2, 1, 1, 1, 2)),
    'conv_transpose2d groups': (
        [(2, 4, 3, 4), (4, 3, 3, 2), (6,)],
        lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 3), (1, 0), (1, 2), 2, (1, 1)),
    ),
    'avg_pool1d': ([(2, 3, 11)], lambda x: F.avg_pool1d(x, 3, 2, 1)),
    'avg_pool2d': ([(2, 3, 7, 5)], lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 1))),
    'avg_pool2d inside': ([(2, 3, 7, 5)], lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 1), count_include_pad=False)),
    'max_pool1d': ([(2, 3, 11)], lambda x: F.max_pool1d(x, 3, 2, 1, 2)),
    'max_pool2d': ([(2, 3, 7, 5)], lambda x: F.max_pool2d(x, 3, (2, 1), (1, 0), (1, 2))),
    'max_pool2d ties': ([(2, 3, 6, 5)], lambda x: F.max_pool2d(Floor.apply(x), 3, 1, 1)),
    'adaptive_avg_pool1d': ([(2, 3, 7)], lambda x: F.adaptive_avg_pool1d(x, 3)),
    'adaptive_avg_pool2d': ([(2, 3, 7, 5)], lambda x: F.adaptive_avg_pool2d(x, (3, 7))),
    'batch_norm training': ([(5, 3, 7), (3,), (3,), (3,), (3,)], batch_norm),
    'batch_norm inference': (
        [(5, 3, 7), (3,), (3,), (3,), (3,)],
        lambda x, s, b, m, v: F.batch_norm(x, m.detach(), v.detach().square() + 1, s, b, training=False, eps=1e-5),
    ),
    'group_norm': ([(2, 6, 3, 5), (6,), (6,)], lambda x, s, b: F.group_norm(x, 3, s, b, 1e-5)),
    'instance_norm': ([(2, 3, 11), (3,), (3,)], lambda x, s, b: F.instance_norm(x, None, None, s, b)),
    'layer_norm': ([(2, 3, 7), (7,), (7,)], lambda x, s, b: F.layer_norm(x, (7,), s, b, 1e-6)),
    'rms_norm': ([(2, 3, 7), (7,)], lambda x, s: F.rms_norm(x, (7,), s, 1e-6)),
    'bilinear up': ([(2, 3, 5)], lambda x: resize((5, 7), 'bilinear')(x[None])[0]),
    'bilinear aligned': ([(2, 3, 5)], lambda x: resize((7, 1), 'bilinear', align=True)(x[None])[0]),
    'bilinear down': ([(2, 7, 5)], lambda x: resize((3, 2), 'bilinear')(x[None])[0]),
    'bilinear antialias': ([(2, 11, 5)], lambda x: resize((3, 7), 'bilinear', antialias=True)(x[None])[0]),
    'linear 1d': ([(2, 3, 5)], lambda x: F.interpolate(x, size=11, mode='linear')),
    'bicubic up': ([(2, 3, 5)], lambda x: resize((7, 11), 'bicubic')(x[None])[0]),
    'bicubic aligned': ([(2, 5, 3)], lambda x: resize((7, 11), 'bicubic', align=True)(x[None])[0]),
    'bicubic down': ([(2, 11, 7)], lambda x: resize((5, 3), 'bicubic')(x[None])[0]),
    'bicubic antialias': ([(2, 13, 5)], lambda x: resize((3, 7), 'bicubic', antialias=True)(x[None])[0]),
    'bicubic scale': (
        [(2, 5, 7)],
        lambda x: F.interpolate(x[None], scale_factor=(7.1 / 5, 11.1 / 7), mode='bicubic')[0],
    ),
}


def run(shapes, fn):
    xs = [wave(s, i).requires_grad_() for i, s in enumerate(shapes)]
    ys = fn(*xs)
    ys = ys if isinstance(ys, tuple) else (ys,)
    loss = sum((y * wave(y.shape, 10 + i)).sum() for i, y in enumerate(ys) if y.requires_grad)
    grads = torch.autograd.grad(loss, xs, allow_unused=True)
    numbers = lambda t: [float(f'{v:.9g}') for v in t.detach().flatten().tolist()]
    return {
        'shapes': shapes,
        'outputs': [{'shape': list(y.shape), 'values': numbers(y)} for y in ys],
        'gradients': [None if g is None else numbers(g) for g in grads],
    }


lines = [f'{json.dumps(name)}: {json.dumps(run(*case), separators=(",", ":"))}' for name, case in CASES.items()]
pathlib.Path(__file__).with_name('torch.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')
