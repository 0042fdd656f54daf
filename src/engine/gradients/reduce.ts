/** Gradients of reductions. */
import { sizeOf } from '../dtype.ts';
import type { reduce } from '../ops/reduce.ts';
import { reduced } from '../shape.ts';
import { fullLike, type Tensor } from '../tensor.ts';
import type { Gradients } from './rule.ts';

/** The reduced axes put back with size 1, so that the gradient broadcasts over the operand. */
function kept(t: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  return t.reshape(reduced(x.shape, axes, true));
}

/** Gradient of an extreme: shared equally among the positions that attain it, as PyTorch's amax and JAX do. */
function ofExtreme(x: Tensor, y: Tensor, g: Tensor, axes: readonly number[]): Tensor {
  const mask = x.equal(kept(y, x, axes)).to(x.dtype);
  return mask.mul(kept(g, x, axes).div(mask.sum(axes, { keep: true })));
}

export const reduceGradients: Gradients<typeof reduce> = {
  ReduceSum: ({ x: [x], g, attrs }) => [kept(g, x, attrs.axes).expand(x.shape)],
  ReduceMean: ({ x: [x], g, attrs }) => {
    const n = sizeOf(attrs.axes.map((a) => x.dim(a)));
    return [kept(g.mul(1 / n), x, attrs.axes).expand(x.shape)];
  },
  ReduceMax: ({ x: [x], y: [y], g, attrs }) => [ofExtreme(x, y!, g, attrs.axes)],
  ReduceMin: ({ x: [x], y: [y], g, attrs }) => [ofExtreme(x, y!, g, attrs.axes)],
  ReduceProd: 'not differentiable', // for sizes and counts
  ReduceLogSumExp: ({ x: [x], y: [y], g, attrs }) => [
    x
      .sub(kept(y!, x, attrs.axes))
      .exp()
      .mul(kept(g, x, attrs.axes)),
  ],
  // y = softmax(x):  dx = y ⊙ (g − Σ g⊙y)
  Softmax: ({ y: [y], g, attrs }) => [y!.mul(g.sub(g.mul(y!).sum(attrs.axis, { keep: true })))],
  LogSoftmax: ({ y: [y], g, attrs }) => [g.sub(y!.exp().mul(g.sum(attrs.axis, { keep: true })))],
  // y = (x − μ)r:  dx = r(g − mean(g) − y·mean(g⊙y)), plus the slopes of the outputs μ and r where they are used
  Standardize: ({ x: [x], y: [y, , rstd], gs: [g, gMean, gRstd] }) => {
    const axis = x.rank - 1;
    const mean = (t: Tensor): Tensor => t.mean(axis, { keep: true });
    let dx = g
      ? g
          .sub(mean(g))
          .sub(y!.mul(mean(g.mul(y!))))
          .mul(rstd!)
      : fullLike(x, 0);
    if (gMean) dx = dx.add(gMean.mul(1 / x.dim(axis)));
    if (gRstd)
      dx = dx.sub(
        y!.mul(
          gRstd
            .mul(rstd!)
            .mul(rstd!)
            .mul(1 / x.dim(axis)),
        ),
      );
    return [dx];
  },
};
