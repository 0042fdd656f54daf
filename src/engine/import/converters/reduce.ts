/** ONNX's reductions, normalisations and choices along axes. */
import { type DType, isFloat, sizeOf } from '../../dtype.ts';
import { logSoftmax, softmax, standardize, variance } from '../../functions/basic.ts';
import { oneHot } from '../../functions/indexing.ts';
import { cumsum } from '../../functions/scan.ts';
import { reduced } from '../../shape.ts';
import { apply, applyAll, type F, type Tensor } from '../../tensor.ts';
import { type Context, type Converter, toArray } from '../context.ts';
import { needInference } from './elementwise.ts';

type Reducer = (x: Tensor, axes: readonly number[], o: { keep: boolean }) => Tensor;

/**
 * Axes come as an attribute or, in later operator sets, as an operand. Of no numbers at all the result is `empty`, which the standard says and not every
 * kernel does.
 */
const reduction =
  (f: Reducer, empty: Empty): Converter =>
  (c) => {
    const x = c.x(0);
    const given = c.intsAt('axes', 1);
    const none = given === undefined || given.length === 0;
    if (none && c.flag('noop_with_empty_axes')) return f(x, [], { keep: true });
    const axes = none ? x.shape.map((_, i) => i) : c.axes(given, x.rank);
    const o = { keep: c.flag('keepdims', 1) };
    if (x.size > 0) return f(x, axes, o);
    const value = toArray({ shape: [], data: Float64Array.of(of(empty, x.dtype)) }, x.dtype);
    return (c.graph.constant(value) as Tensor).expand(c.size(reduced(x.shape, axes, o.keep)));
  };

/** What a reduction of nothing gives: a number, or the least or the largest of a type. */
type Empty = number | 'least' | 'largest';

const limits: Readonly<Partial<Record<DType, readonly [least: number, largest: number]>>> = {
  bool: [0, 1],
  uint8: [0, 255],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
};

function of(empty: Empty, dtype: DType): number {
  if (typeof empty === 'number') return empty;
  const [least, largest] = limits[dtype] ?? [-Infinity, Infinity];
  return empty === 'least' ? least : largest;
}

/** Booleans are ordered as 0 and 1. */
const extreme =
  (name: 'reduceMax' | 'reduceMin'): Reducer =>
  (x, axes, o) =>
    x.dtype === 'bool' ? (x.to('int32')[name](axes, o).to('bool') as Tensor) : x[name](axes, o);

/** Whole numbers are reduced as float64 and cut to whole ones. */
const inFloat =
  (f: Reducer): Reducer =>
  (x, axes, o) =>
    isFloat(x.dtype) ? f(x, axes, o) : f(x.to('float64'), axes, o).to(x.dtype);

/** Before operator set 13 the axes from `axis` on were one. */
const alongAxis =
  (f: (x: F, axis: number) => Tensor): Converter =>
  (c) => {
    const x = c.x(0).asFloat();
    if (x.size === 0) return x;
    if (c.opset >= 13) return f(x, c.axis(c.int('axis', -1), x.rank));
    const axis = x.rank === 0 ? 0 : c.axis(c.int('axis', Math.min(1, x.rank - 1)), x.rank);
    const rows = sizeOf(x.shape.slice(0, axis));
    return f(x.reshape([rows, x.size / rows]), 1).reshape(x.shape);
  };

const argExtreme =
  (op: 'ArgMax' | 'ArgMin'): Converter =>
  (c) => {
    const x = c.x(0);
    const axis = c.axis(c.int('axis', 0), x.rank);
    const [keep, last] = [c.flag('keepdims', 1), c.flag('select_last_index')];
    return apply(op, [x], { axis, keep, last });
  };

function topK(c: Context): readonly Tensor[] {
  const x = c.x(0);
  const k = c.opset < 10 ? c.int('k') : c.scalar(1);
  c.flag('sorted', 1); // the order of unsorted ones is left to us
  return applyAll('TopK', [x], { axis: c.axis(c.int('axis', -1), x.rank), k, largest: c.flag('largest', 1) });
}

function hardmax(x: F, axis: number): Tensor {
  const at = apply('ArgMax', [x], { axis, keep: false, last: false });
  const order = x.shape.map((_, i) => (i < axis ? i : i === axis ? x.rank - 1 : i - 1));
  return oneHot(at, x.dim(axis), x.dtype).transpose(order);
}

/** Mean and variance over all axes from `axis` on; scale and shift have the shape of those axes. */
function layerNorm(c: Context): readonly Tensor[] {
  const x = c.x(0).asFloat();
  const axis = c.axis(c.int('axis', -1), x.rank);
  needStash(c);
  const flat = x.reshape([...x.shape.slice(0, axis), -1]);
  const { y, mean, rstd } = standardize(flat, c.number('epsilon', 1e-5));
  const stat = x.shape.map((d, i) => (i < axis ? d : 1));
  return [affine(y.reshape(x.shape), c.maybe(1), c.maybe(2)), mean.reshape(stat), rstd.reshape(stat)];
}

const affine = (y: Tensor, scale: Tensor | undefined, shift: Tensor | undefined): Tensor => {
  const scaled = scale ? y.mul(scale) : y;
  return shift ? scaled.add(shift) : scaled;
};

/** Statistics are computed in float32 or better, as the default says. */
function needStash(c: Context): void {
  const code = c.int('stash_type', 1);
  if (code !== 1) throw c.fail(`statistics of element type ${code} are not supported (stash_type)`);
}

/** Zhang & Sennrich 2019. */
function rmsNorm(c: Context): Tensor {
  const x = c.x(0).asFloat();
  needStash(c);
  const from = c.axis(c.int('axis', -1), x.rank);
  const axes = x.shape.flatMap((_, i) => (i >= from ? [i] : []));
  const r = x.square().mean(axes, { keep: true }).add(c.number('epsilon', 1e-5)).rsqrt();
  return x.mul(r).mul(c.x(1).asFloat());
}

/** A vector of channels made to broadcast over [b c …]. */
const channels = (v: Tensor, rank: number): Tensor => v.reshape([1, -1, ...new Array<number>(rank - 2).fill(1)]);

/**
 * By the running statistics; in training mode by the batch's, the running ones moved towards them: outputs y, mean, variance. Before operator set 9
 * there could be statistics of every position instead of every channel (`spatial` = 0), before 7 `is_test` = 0 meant training.
 */
function batchNorm(c: Context): readonly Tensor[] {
  const x = c.x(0);
  const trains = c.flag('training_mode');
  if (c.opset < 7) needInference(c, !c.flag('is_test', 1));
  if (!c.flag('spatial', 1)) {
    const each = c.x(4).add(c.number('epsilon', 1e-5)).rsqrt().mul(c.x(1));
    return [x.sub(c.x(3)).mul(each).add(c.x(2))];
  }
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const [mean, spread] = trains ? [x.mean(axes), variance(x.asFloat(), axes)] : [c.x(3), c.x(4)];
  const factor = spread.add(c.number('epsilon', 1e-5)).rsqrt().mul(c.x(1));
  const y = x
    .sub(channels(mean, x.rank))
    .mul(channels(factor, x.rank))
    .add(channels(c.x(2), x.rank));
  if (!trains) return [y];
  const keep = c.number('momentum', 0.9);
  const moved = (old: Tensor, now: Tensor): Tensor => old.mul(keep).add(now.mul(1 - keep));
  return [y, moved(c.x(3), mean), moved(c.x(4), spread)];
}

/** (x − mean)/√(variance + ε) over the last axis of x reshaped to [… rest]. */
const grouped = (x: F, lead: readonly number[], epsilon: number): Tensor =>
  standardize(x.reshape([...lead, -1]), epsilon).y.reshape(x.shape);

function groupNorm(c: Context): Tensor {
  const x = c.x(0).asFloat();
  const groups = c.int('num_groups');
  const [b, n] = [x.dim(0), x.dim(1)];
  if (groups < 1 || n % groups !== 0) throw c.fail(`${groups} groups do not divide ${n} channels`);
  needStash(c);
  // one scale and shift for each group before operator set 21, for each channel from then on
  const count = c.opset < 21 ? groups : n;
  for (const i of [1, 2])
    if (c.x(i).size !== count || c.x(i).rank !== 1)
      throw c.fail(`operand ${i} has the shape [${c.x(i).shape.join(', ')}], not [${count}]`);
  const y = grouped(x, [b, groups], c.number('epsilon', 1e-5));
  const wide = (v: Tensor): Tensor =>
    channels(
      v.size === n
        ? v
        : v
            .unsqueeze(1)
            .expand([groups, n / groups])
            .reshape([n]),
      x.rank,
    );
  return affine(y, wide(c.x(1)), wide(c.x(2)));
}

function instanceNorm(c: Context): Tensor {
  const x = c.x(0).asFloat();
  const y = grouped(x, [x.dim(0), x.dim(1)], c.number('epsilon', 1e-5));
  return affine(y, channels(c.x(1), x.rank), channels(c.x(2), x.rank));
}

function skipLayerNorm(c: Context): readonly (Tensor | undefined)[] {
  const bias = c.maybe(4);
  const sum = bias ? c.x(0).add(c.x(1)).add(bias) : c.x(0).add(c.x(1));
  const { y, mean, rstd } = standardize(sum.asFloat(), c.number('epsilon', 1e-12));
  return [affine(y, c.x(2), c.maybe(3)), mean, rstd, sum];
}

function lpNorm(c: Context): Tensor {
  const x = c.x(0);
  const axis = c.axis(c.int('axis', -1), x.rank);
  const p = c.int('p', 2);
  if (p !== 1 && p !== 2) throw c.fail(`p is 1 or 2, not ${p}`);
  const norm = p === 1 ? x.abs().sum(axis, { keep: true }) : x.square().sum(axis, { keep: true }).sqrt();
  return x.div(norm.max(1e-30)); // a line of zeros stays zero
}

export const reductions: Readonly<Record<string, Converter>> = {
  ReduceSum: reduction((x, axes, o) => x.sum(axes, o), 0),
  // the standard leaves the mean of nothing open; onnxruntime gives 0
  ReduceMean: reduction(
    inFloat((x, axes, o) => x.mean(axes, o)),
    0,
  ),
  ReduceMax: reduction(extreme('reduceMax'), 'least'),
  ReduceMin: reduction(extreme('reduceMin'), 'largest'),
  ReduceProd: reduction(
    (x, axes, o) =>
      axes.length === 0 ? x : apply('ReduceProd', [x], { axes: [...axes].sort((p, q) => p - q), keep: o.keep }),
    1,
  ),
  ReduceL1: reduction((x, axes, o) => x.abs().sum(axes, o), 0),
  ReduceL2: reduction(
    inFloat((x, axes, o) => x.square().sum(axes, o).sqrt()),
    0,
  ),
  ReduceSumSquare: reduction((x, axes, o) => x.square().sum(axes, o), 0),
  ReduceLogSum: reduction(
    inFloat((x, axes, o) => x.sum(axes, o).log()),
    'least',
  ),
  ReduceLogSumExp: reduction(
    inFloat((x, axes, o) => x.logSumExp(axes, o)),
    'least',
  ),
  Softmax: alongAxis(softmax),
  LogSoftmax: alongAxis(logSoftmax),
  Hardmax: alongAxis(hardmax),
  ArgMax: argExtreme('ArgMax'),
  ArgMin: argExtreme('ArgMin'),
  TopK: topK,
  CumSum: (c) => {
    const axis = c.axis(c.scalar(1), c.x(0).rank);
    return cumsum(c.x(0), axis, { exclusive: c.flag('exclusive'), reverse: c.flag('reverse') });
  },
  LpNormalization: lpNorm,
  LayerNormalization: layerNorm,
  RMSNormalization: rmsNorm,
  BatchNormalization: batchNorm,
  GroupNormalization: groupNorm,
  InstanceNormalization: instanceNorm,
  MeanVarianceNormalization: (c) => {
    const x = c.x(0).asFloat();
    const axes = c.axes(c.ints('axes', [0, 2, 3]), x.rank);
    // ε as in the function body of the standard
    return x.sub(x.mean(axes, { keep: true })).div(variance(x, axes, { keep: true }).sqrt().add(1e-9));
  },
  SimplifiedLayerNormalization: rmsNorm,
  'com.microsoft:SkipLayerNormalization': skipLayerNorm,
};
