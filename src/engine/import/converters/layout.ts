/** ONNX's operators on shapes and positions: everything that moves values or makes constants. */
import { type DType, type NdArray, sizeOf } from '../../dtype.ts';
import { concat, where } from '../../functions/basic.ts';
import { tile } from '../../functions/indexing.ts';
import type { PadMode } from '../../ops/layout.ts';
import { apply, constantLike, type Tensor } from '../../tensor.ts';
import type { Context, Converter } from '../context.ts';
import { typeOf } from './elementwise.ts';

function reshape(c: Context): Tensor {
  const x = c.x(0);
  const wanted = c.opset < 5 ? c.ints('shape') : c.values(1);
  const zeroIsZero = c.flag('allowzero');
  const shape = wanted.map((d, i) => (d === 0 && !zeroIsZero ? (x.shape[i] ?? 0) : d));
  const known = sizeOf(shape.filter((d) => d !== -1));
  if (shape.filter((d) => d === -1).length > 1) throw c.fail('more than one size is left open');
  const full = shape.map((d) => (d === -1 ? (known === 0 ? 0 : x.size / known) : d));
  return x.reshape(c.size(full));
}

function unsqueeze(c: Context): Tensor {
  const x = c.x(0);
  const given = c.intsAt('axes', 1) ?? [];
  const rank = x.rank + given.length;
  const axes = new Set(c.axes(given, rank));
  if (axes.size !== given.length) throw c.fail('an axis is named twice');
  let next = 0;
  return x.reshape(Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : x.shape[next++]!)));
}

function squeeze(c: Context): Tensor {
  const x = c.x(0);
  const given = c.intsAt('axes', 1);
  // no axes at all mean all of size 1, as in onnxruntime
  const axes = given && given.length > 0 ? c.axes(given, x.rank) : x.shape.flatMap((d, i) => (d === 1 ? [i] : []));
  const wide = axes.find((a) => x.shape[a] !== 1);
  if (wide !== undefined) throw c.fail(`axis ${wide} has size ${x.shape[wide]}, not 1`);
  return x.reshape(x.shape.filter((_, i) => !axes.includes(i)));
}

function split(c: Context): readonly Tensor[] {
  const x = c.x(0);
  const axis = c.axis(c.int('axis', 0), x.rank);
  const n = x.dim(axis);
  const parts = c.outputs;
  if (c.int('num_outputs', parts) !== parts)
    throw c.fail(`num_outputs is ${c.int('num_outputs')}, and the node has ${parts}`);
  const each = Math.ceil(n / parts);
  if (c.opset < 18 && !c.has('split') && !c.maybe(1) && n % parts !== 0)
    throw c.fail(`${parts} equal parts do not fill an axis of ${n}`);
  const sizes =
    c.intsAt('split', 1) ?? Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(each, n - i * each)));
  if (sizes.length !== parts) throw c.fail(`${sizes.length} sizes for ${parts} outputs`);
  if (sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== n)
    throw c.fail(`parts [${sizes.join(', ')}] do not fill an axis of ${n}`);
  let end = 0;
  return sizes.map((s) => {
    end += s;
    return x.slice(axis, end - s, end);
  });
}

function slice(c: Context): Tensor {
  const x = c.x(0);
  const [starts, ends] = c.opset < 10 ? [c.ints('starts'), c.ints('ends')] : [c.values(1), c.values(2)];
  const axes = c.axes(c.intsAt('axes', 3) ?? starts.map((_, i) => i), x.rank);
  const steps = c.maybe(4) ? c.values(4) : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length)
    throw c.fail('starts, ends, axes and steps differ in number');
  return axes.reduce((t, axis, i) => {
    const [n, step] = [t.dim(axis), steps[i]!];
    if (step === 0) throw c.fail('a step of 0');
    const place = (at: number, low: number, high: number): number =>
      Math.min(Math.max(at < 0 ? at + n : at, low), high);
    if (step > 0) return t.slice(axis, place(starts[i]!, 0, n), place(ends[i]!, 0, n), Math.min(step, Math.max(n, 1)));
    // on the way down the end may be "before the first", which is no position of ours
    const [start, end] = [place(starts[i]!, 0, n - 1), place(ends[i]!, -1, n)];
    if (n === 0 || end >= start) return t.slice(axis, 0, 0);
    return t.slice(axis, start, end < 0 ? undefined : end, Math.max(step, -n));
  }, x);
}

function pad(c: Context): Tensor {
  const x = c.x(0);
  const pads = c.opset < 11 ? c.ints(c.opset < 2 ? 'paddings' : 'pads') : c.values(1);
  const given = c.opset >= 18 && c.maybe(3) ? c.axes(c.values(3), x.rank) : x.shape.map((_, i) => i);
  if (pads.length !== 2 * given.length) throw c.fail(`${pads.length} counts for ${given.length} axes`);
  const [before, after] = [0, given.length].map((from) => {
    const list = new Array<number>(x.rank).fill(0);
    given.forEach((axis, i) => {
      list[axis] = pads[from + i]!;
    });
    return list;
  }) as [number[], number[]];
  const value = c.opset < 11 ? c.number('value', 0) : c.maybe(2) ? c.scalar(2) : 0;
  const mode: PadMode = c.choice('mode', ['constant', 'reflect', 'edge', 'wrap'], 'constant');
  c.size(x.shape.map((d, i) => Math.max(0, d + before[i]! + after[i]!)));
  const cut = x.shape.reduce<Tensor>((t, d, i) => t.slice(i, Math.max(0, -before[i]!), d - Math.max(0, -after[i]!)), x);
  const positive = (n: number): number => Math.max(0, n);
  if ([...before, ...after].every((n) => n <= 0)) return cut;
  return apply('Pad', [cut], { before: before.map(positive), after: after.map(positive), value, mode });
}

function expand(c: Context): Tensor {
  const x = c.x(0);
  const shape = c.values(1);
  const rank = Math.max(x.rank, shape.length);
  const full = Array.from({ length: rank }, (_, i) => {
    const [p, q] = [x.shape[i - rank + x.rank] ?? 1, shape[i - rank + shape.length] ?? 1];
    return q === 1 ? p : q;
  });
  return x.expand(c.size(full));
}

/** Depth [b (…) y x] to blocks; DCR: the block's rows and columns come before the channels, CRD: after. */
function depthToSpace(c: Context): Tensor {
  const x = c.x(0);
  const n = c.int('blocksize');
  const [b, d, h, w] = x.shape as [number, number, number, number];
  if (x.rank !== 4 || n < 1 || d % (n * n) !== 0) throw c.fail(`blocks of ${n} do not fit [${x.shape.join(', ')}]`);
  const k = d / (n * n);
  const apart =
    c.choice('mode', ['DCR', 'CRD'], 'DCR') === 'DCR'
      ? x.reshape([b, n, n, k, h, w]).transpose([0, 3, 4, 1, 5, 2])
      : x.reshape([b, k, n, n, h, w]).transpose([0, 1, 4, 2, 5, 3]);
  return apart.reshape([b, k, h * n, w * n]);
}

function spaceToDepth(c: Context): Tensor {
  const x = c.x(0);
  const n = c.int('blocksize');
  const [b, k, h, w] = x.shape as [number, number, number, number];
  if (x.rank !== 4 || n < 1 || h % n !== 0 || w % n !== 0)
    throw c.fail(`blocks of ${n} do not fit [${x.shape.join(', ')}]`);
  const order = c.choice('mode', ['DCR', 'CRD'], 'DCR') === 'DCR' ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4];
  const apart = x.reshape([b, k, h / n, n, w / n, n]).transpose(order);
  return apart.reshape([b, k * n * n, h / n, w / n]);
}

/** A stored constant in the types of this trace. */
export function constantOf(c: Context, a: NdArray): Tensor {
  const t = c.graph.constant(a) as Tensor;
  return a.dtype === 'float32' && c.float !== 'float32' ? c.constant(c.float, a.shape, a.data as Float32Array) : t;
}

function constant(c: Context): Tensor {
  const { attributes } = c.node;
  if (attributes.size !== 1) throw c.fail(`one value is needed, and there are ${attributes.size}`);
  for (const name of ['sparse_value', 'value_string', 'value_strings'])
    if (c.has(name)) throw c.fail(`"${name}" is not supported: only tensors of numbers are`);
  if (c.has('value')) return constantOf(c, c.tensor('value').read());
  if (c.has('value_float')) return c.constant(c.float, [], [c.number('value_float')]);
  if (c.has('value_int')) return c.constant('int64', [], [c.int('value_int')]);
  if (c.has('value_floats')) {
    const values = c.numbers('value_floats');
    return c.constant(c.float, [values.length], values);
  }
  const values = c.ints('value_ints');
  if (!values.every(Number.isSafeInteger)) throw c.fail('"value_ints" has a number that is not held exactly');
  return c.constant('int64', [values.length], values);
}

function constantOfShape(c: Context): Tensor {
  const shape = c.size(c.values(0));
  const like = c.has('value') ? constantOf(c, c.tensor('value').read()) : c.constant(c.float, [1], [0]);
  if (like.size !== 1) throw c.fail('the value must be one number');
  return like.reshape(shape.map(() => 1)).expand(shape);
}

function range(c: Context): Tensor {
  const [start, limit, delta] = [c.scalar(0), c.scalar(1), c.scalar(2)];
  const n = Math.max(0, Math.ceil((limit - start) / delta));
  c.table(n);
  const { dtype } = c.x(0);
  return c.constant(
    dtype,
    [n],
    Float64Array.from({ length: n }, (_, i) => start + i * delta),
  );
}

/** Rows and columns as positions: true where column − row is in the triangle. */
function triangle(c: Context): Tensor {
  const x = c.x(0);
  const k = c.maybe(1) ? c.scalar(1) : 0;
  const position = (n: number, shape: readonly number[]): Tensor =>
    constantLike(
      x,
      'int64',
      shape,
      Array.from({ length: n }, (_, i) => i),
    );
  const [rows, columns] = [c.table(x.dim(-2)), c.table(x.dim(-1))];
  const apart = position(columns, [1, columns]).sub(position(rows, [rows, 1]));
  const keep = c.flag('upper', 1) ? apart.greaterEqual(k) : apart.lessEqual(k);
  return x.dtype === 'bool' ? keep.and(x.asBool()) : where(keep, x, 0);
}

function eyeLike(c: Context): Tensor {
  const x = c.x(0);
  const dtype: DType = c.has('dtype') ? typeOf(c, c.int('dtype')) : x.dtype;
  const k = c.int('k', 0);
  const [rows, columns] = [x.dim(0), x.dim(1)];
  c.size([rows, columns]);
  c.table(rows * columns);
  const values = Array.from({ length: rows * columns }, (_, i) =>
    (i % columns) - Math.floor(i / columns) === k ? 1 : 0,
  );
  return c.constant(dtype, [rows, columns], values);
}

/** Sizes from `start` to `end`, both limited to the axes that there are. */
function shape(c: Context): Tensor {
  const x = c.x(0);
  const clamp = (i: number): number => Math.min(Math.max(i < 0 ? i + x.rank : i, 0), x.rank);
  const sizes = x.shape.slice(clamp(c.int('start', 0)), clamp(c.int('end', x.rank)));
  return c.constant('int64', [sizes.length], sizes);
}

function flatten(c: Context): Tensor {
  const x = c.x(0);
  const a = c.int('axis', 1);
  const axis = c.axis(a === x.rank ? 0 : a, Math.max(1, x.rank));
  const rows = a === x.rank ? x.size : sizeOf(x.shape.slice(0, axis));
  return x.reshape([rows, a === x.rank ? 1 : sizeOf(x.shape.slice(axis))]);
}

/** Cut or padded around the centre. */
function centerCropPad(c: Context): Tensor {
  const x = c.x(0);
  const wanted = c.values(1);
  const axes = c.has('axes') ? c.axes(c.ints('axes'), x.rank) : x.shape.map((_, i) => i);
  if (wanted.length !== axes.length) throw c.fail(`${wanted.length} sizes for ${axes.length} axes`);
  return axes.reduce((t, axis, i) => {
    const [n, m] = [t.dim(axis), wanted[i]!];
    c.size([m]);
    if (m <= n) return t.slice(axis, Math.floor((n - m) / 2), Math.floor((n - m) / 2) + m);
    const first = Math.floor((m - n) / 2);
    const at = (k: number): number[] => t.shape.map((_, j) => (j === axis ? k : 0));
    return apply('Pad', [t], { before: at(first), after: at(m - n - first) });
  }, x);
}

export const layout: Readonly<Record<string, Converter>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: (c) => {
    const order = c.ints(
      'perm',
      c.x(0).shape.map((_, i, all) => all.length - 1 - i),
    );
    return apply('Transpose', [c.x(0)], { perm: order });
  },
  Concat: (c) => concat(c.all(), c.axis(c.int('axis', 1), c.x(0).rank)),
  Split: split,
  Slice: slice,
  Pad: pad,
  Expand: expand,
  Tile: (c) => {
    const { rank } = c.x(0);
    // before operator set 6: how often, and along which axis
    const along = c.opset < 6 ? c.axis(c.scalar(2), rank) : -1;
    const repeats = c.opset < 6 ? c.x(0).shape.map((_, i) => (i === along ? c.scalar(1) : 1)) : c.values(1);
    if (repeats.length !== rank) throw c.fail(`${repeats.length} repeats for ${rank} axes`);
    c.size(c.x(0).shape.map((d, i) => d * (repeats[i] ?? 1)));
    return tile(c.x(0), repeats);
  },
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  CenterCropPad: centerCropPad,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Trilu: triangle,
  EyeLike: eyeLike,
  Shape: shape,
  Size: (c) => c.constant('int64', [], [c.x(0).size]),
};
