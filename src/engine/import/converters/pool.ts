/** ONNX's pooling. */
import { isFloat, sizeOf } from '../../dtype.ts';
import { apply, applyAll, type Tensor } from '../../tensor.ts';
import type { Context, Converter } from '../context.ts';
import { poolWindows, type Windows } from './windows.ts';

const grown = ({ after, extra }: Windows): number[] => after.map((n, i) => n + extra[i]!);

function maxPool(c: Context): readonly (Tensor | undefined)[] {
  const x = c.x(0);
  const w = poolWindows(c, x.shape.slice(2));
  const { kernel, strides, dilations, before } = w;
  const wide = isFloat(x.dtype) ? x : x.to('float32');
  const [values, positions] = applyAll('MaxPool', [wide], { kernel, strides, dilations, before, after: grown(w) });
  return [values!.to(x.dtype), c.flag('storage_order') ? byColumns(positions!, x.shape.slice(2)) : positions];
}

/** Positions in lines of rows as positions in lines of columns: the spatial axes counted in the other order. */
function byColumns(positions: Tensor, sizes: readonly number[]): Tensor {
  const whole = (n: number): Tensor =>
    positions.graph.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(n)) });
  const mod = (t: Tensor, n: number): Tensor => apply('Mod', [t, whole(n)], { fmod: false });
  const inside = mod(positions, sizeOf(sizes));
  return sizes.reduce<Tensor>((sum, n, i) => {
    const at = mod(inside.div(whole(sizeOf(sizes.slice(i + 1)))), n);
    return sum.add(at.mul(whole(sizeOf(sizes.slice(0, i)))));
  }, positions.sub(inside));
}

/** Means: zeros of the padding count where the node says so, those that rounding up adds never do. */
function averagePool(c: Context, x: Tensor, counted: boolean): Tensor {
  const w = poolWindows(c, x.shape.slice(2));
  const { kernel, strides, dilations, before, after, extra } = w;
  const mean = (t: Tensor, p: readonly number[], q: readonly number[], countPadding: boolean): Tensor =>
    apply('AveragePool', [t], { kernel, strides, dilations, before: p, after: q, countPadding });
  if (!counted) return mean(x, before, grown(w), false);
  if (extra.every((n) => n === 0)) return mean(x, before, after, true);
  const padded = apply('Pad', [x], { before: [0, 0, ...before], after: [0, 0, ...after] });
  const none = extra.map(() => 0);
  return mean(padded, none, extra, false);
}

/** (Σ|x|ᵖ)^(1/p) of windows. */
function lpPool(c: Context): Tensor {
  const x = c.x(0);
  const p = c.opset < 2 ? c.number('p', 2) : c.int('p', 2);
  if (!(p > 0)) throw c.fail(`p is above 0, not ${p}`);
  const { kernel } = poolWindows(c, x.shape.slice(2));
  const powers = x.abs().pow(p);
  const mean = averagePool(c, powers, true);
  if (c.flag('ceil_mode')) throw c.fail('windows that are rounded up are not supported');
  return mean.mul(sizeOf(kernel)).pow(1 / p);
}

/** x/(k + α/n·Σx²)^β over n neighbouring channels. Krizhevsky et al. 2012, §3.3. */
function localResponse(c: Context): Tensor {
  const x = c.x(0);
  const size = c.int('size');
  if (size < 1 || size > 2 ** 16) throw c.fail(`a window of ${size} channels is no window`);
  const [b, channels] = [x.dim(0), x.dim(1)];
  const squares = x.square().reshape([b, 1, channels, sizeOf(x.shape.slice(2))]);
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const attrs = { kernel: [size, 1], strides: [1, 1], dilations: [1, 1], before: [before, 0], after: [after, 0] };
  const mean = apply('AveragePool', [squares], { ...attrs, countPadding: true }).reshape(x.shape);
  return x.div(mean.mul(c.number('alpha', 1e-4)).add(c.number('bias', 1)).pow(c.number('beta', 0.75)));
}

export const pooling: Readonly<Record<string, Converter>> = {
  MaxPool: maxPool,
  AveragePool: (c) => averagePool(c, c.x(0), c.flag('count_include_pad')),
  LpPool: lpPool,
  LRN: localResponse,
};
