/** Gradients of pooling. */
import { scatterAdd } from '../functions/scatter-add.ts';
import { type pool, poolDivisors } from '../ops/pool.ts';
import { constantLike, fullLike } from '../tensor.ts';
import { operandByConv } from './convolution.ts';
import type { Gradients } from './rule.ts';

export const poolGradients: Gradients<typeof pool> = {
  // a mean is a convolution by equal weights, channel by channel
  AveragePool: ({ x: [x], g, attrs: { kernel, countPadding, ...geometry } }) => {
    const [sizes, counts] = [x.shape.slice(2), g.shape.slice(2)];
    const divisors = poolDivisors(sizes, { kernel, countPadding, ...geometry });
    const shape = divisors.length > 1 ? [1, 1, ...counts] : g.shape.map(() => 1);
    const share = constantLike(g, g.dtype, shape, [...divisors.map((n) => 1 / n)]);
    const channels = x.dim(0) * x.dim(1);
    const shares = g.mul(share).reshape([channels, 1, ...counts]);
    const ones = fullLike(g, 1, [1, 1, ...kernel]);
    return [operandByConv(ones, shares, [channels, 1, ...sizes], { ...geometry, groups: 1 }).reshape(x.shape)];
  },
  MaxPool: ({ x: [x], y: [, positions], g }) => {
    const flat = scatterAdd(fullLike(x, 0, [x.size]), positions!.reshape([g.size, 1]), g.reshape([g.size]));
    return [flat.reshape(x.shape)];
  },
};
