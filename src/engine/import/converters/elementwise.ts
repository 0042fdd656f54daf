/** ONNX's element-wise operators. */
import { type DType, isFloat } from '../../dtype.ts';
import { where } from '../../functions/basic.ts';
import type { OpName } from '../../ops/index.ts';
import { apply, fullLike, type Tensor } from '../../tensor.ts';
import type { Context, Converter } from '../context.ts';
import { widened } from '../model.ts';

/** The same operator of ours, one operand. */
const same =
  (op: OpName): Converter =>
  (c) =>
    apply(op, [c.x(0)]);

const binary =
  (op: OpName): Converter =>
  (c) =>
    apply(op, aligned(c));

/**
 * The two operands of a node, to broadcast as usual. Before operator set 7 only the second was broadcast, only where `broadcast` said so, and it could
 * be aligned to an axis of the first.
 */
function aligned(c: Context): [Tensor, Tensor] {
  const [a, b] = [c.x(0), c.x(1)];
  if (c.opset >= 7) return [a, b];
  if (!c.flag('broadcast')) {
    if (a.shape.join() === b.shape.join()) return [a, b];
    throw c.fail(`[${a.shape.join(', ')}] and [${b.shape.join(', ')}] differ, and the node says broadcast = 0`);
  }
  const from = c.has('axis') ? c.axis(c.int('axis'), a.rank) : a.rank - b.rank;
  const after = a.rank - from - b.rank;
  if (from < 0 || after < 0 || !b.shape.every((d, i) => d === 1 || d === a.shape[from + i]))
    throw c.fail(`[${b.shape.join(', ')}] does not broadcast to [${a.shape.join(', ')}] from axis ${from} on`);
  return [a, after > 0 ? b.reshape([...b.shape, ...new Array<number>(after).fill(1)]) : b];
}

/** Any number of operands, from the left. */
const folded =
  (op: OpName): Converter =>
  (c) =>
    c.all().reduce((a, b) => apply(op, [a, b]));

const float =
  (f: (x: Tensor, c: Context) => Tensor): Converter =>
  (c) => {
    const x = c.x(0);
    if (!isFloat(x.dtype)) throw c.fail(`needs a floating operand, got ${x.dtype}`);
    return f(x, c);
  };

/** min(max(0, αx + β), 1). */
const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor => x.mul(alpha).add(beta).clip(0, 1);

/** Value for the negative side only, the positive one passed through. */
const negative = (x: Tensor, f: (x: Tensor) => Tensor): Tensor => where(x.less(0), f(x), x);

/** eˣ − 1 of the negative side: the positive one is cut to 0, so that where() does not see an overflow. */
const expm1 = (x: Tensor): Tensor => x.min(0).exp().sub(1);

function power(c: Context): Tensor {
  const [x, e] = aligned(c);
  if (x.dtype === e.dtype) return x.pow(e);
  const [wide, exponent] = isFloat(x.dtype) || !isFloat(e.dtype) ? [x, e.to(x.dtype)] : [x.to(e.dtype), e];
  return wide.pow(exponent).to(x.dtype);
}

/** Largest float32: ONNX's bounds of Clip where the node has none, so that infinities become finite. */
const LARGEST = 3.4028234663852886e38;

function clip(c: Context): Tensor {
  const x = c.x(0);
  const most = isFloat(x.dtype) && c.opset >= 6 ? (x.dtype === 'float64' ? Number.MAX_VALUE : LARGEST) : undefined;
  const bound = (name: string, i: number, fallback: number | undefined): Tensor | number | undefined =>
    c.opset < 11 ? (c.has(name) ? c.number(name) : fallback) : (c.maybe(i) ?? fallback);
  const low = bound('min', 1, most && -most);
  const high = bound('max', 2, most);
  const raised = low === undefined ? x : x.max(low);
  return high === undefined ? raised : raised.min(high);
}

/** The engine's type for a type code of the file. */
export function typeOf(c: Context, code: number): DType {
  const dtype = widened(code, `node "${c.node.name}"`);
  return dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float32' ? c.float : dtype;
}

function cast(x: Tensor, to: DType): Tensor {
  if (to === 'bool' && isFloat(x.dtype)) return x.equal(0).not(); // any value but zero, NaN too
  return x.to(to);
}

/** Names of element types, as Cast of operator set 1 has them. */
const codes = ['UNDEFINED', 'FLOAT', 'UINT8', 'INT8', 'UINT16', 'INT16', 'INT32', 'INT64', 'STRING', 'BOOL', 'FLOAT16', 'DOUBLE', 'UINT32', 'UINT64', 'COMPLEX64', 'COMPLEX128']; // biome-ignore format: a list

/** Bits of the integer types that are computed in a wider one, and whether they have a sign. */
const narrow: Readonly<Record<number, readonly [bits: number, signed: boolean]>> = { 3: [8, true], 4: [16, false], 5: [16, true], 12: [32, false] }; // biome-ignore format: a table

/** A narrow integer keeps the low bits of a wider one, as in two's complement. */
function castNode(c: Context): Tensor {
  const code = c.opset < 6 ? codes.indexOf(c.string('to').toUpperCase()) : c.int('to');
  if (code < 0) throw c.fail(`no element type has the name "${c.string('to')}"`);
  const x = c.x(0);
  const y = cast(x, typeOf(c, code));
  const [bits, signed] = narrow[code] ?? [];
  if (bits === undefined || x.dtype === 'bool' || (x.dtype === 'uint8' && code !== 3)) return y;
  const half = signed ? 2 ** (bits - 1) : 0;
  const all = y.graph.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(2 ** bits)) });
  const low = apply('Mod', [y.to('int64').add(half), all], { fmod: false });
  return low.sub(half).to(y.dtype);
}

/** What only a training run would compute is refused. */
export function needInference(c: Context, trains: boolean): void {
  if (trains) throw c.fail('training mode in the file is not supported', { hint: 'export the model for inference' });
}

/**
 * Dropout passes its operand through; noise is the business of the model around it. Before operator set 7 `is_test` = 0 meant training; files that do
 * not say it are read for inference, as ONNX's own version converter does.
 */
function dropout(c: Context): readonly Tensor[] {
  const x = c.x(0);
  if (c.opset < 7) needInference(c, !c.flag('is_test', 1));
  if (c.opset >= 12 && c.maybe(2)) needInference(c, c.scalar(2) !== 0 && (c.maybe(1) ? c.scalar(1) : 0.5) > 0);
  const kept = c.opset < 12 ? 0 : 1; // onnxruntime fills the mask of the older sets with zeros
  return [x, c.opset < 10 ? fullLike(x, kept) : fullLike(c.constant('bool', [], [1]), kept, x.shape)];
}

/** (x − zero point)·scale, one pair for all or for every position along an axis. Narrow integers arrive widened, with their values. */
function dequantize(c: Context): Tensor {
  const [x, scale, zero] = [c.x(0), c.x(1), c.maybe(2)];
  if (c.int('block_size', 0) !== 0 || scale.rank > 1) throw c.fail('scales of blocks are not supported');
  if (c.opset < 13 && scale.size !== 1) throw c.fail('one scale for each position of an axis is of opset 13');
  if (zero && zero.size !== scale.size) throw c.fail(`${scale.size} scales and ${zero.size} zero points`);
  const axis = scale.size > 1 ? c.axis(c.int('axis', 1), x.rank) : 0;
  const along = (t: Tensor): Tensor =>
    t.size > 1 ? t.reshape(x.shape.map((_, i) => (i === axis ? t.size : 1))) : t.reshape([]);
  const centred: Tensor = zero ? x.to('int32').sub(along(zero).to('int32')) : x;
  const y = centred.to(scale.dtype).mul(along(scale));
  const code = c.int('output_dtype', 0);
  return code === 0 ? y : y.to(typeOf(c, code));
}

function prelu(c: Context): Tensor {
  const [x, slope] = [c.x(0), c.x(1)];
  // before operator set 7 a list of slopes was of the channels, not of the last axis
  const channels = c.opset < 7 && slope.rank === 1 && slope.size > 1 && x.rank > 1;
  const each = channels ? slope.reshape([slope.size, ...new Array<number>(x.rank - 2).fill(1)]) : slope;
  return negative(x, (t) => t.mul(each));
}

/** Remainders with the sign of the divisor; with `fmod` that of the dividend. */
function modulo(c: Context): Tensor {
  const [a, b, fmod] = [c.x(0), c.x(1), c.flag('fmod')];
  if (fmod || !isFloat(a.dtype)) return apply('Mod', [a, b], { fmod });
  if (c.opset < 28) throw c.fail('floating operands need fmod = 1 before opset 28');
  return a.sub(apply('Floor', [a.div(b)]).mul(b));
}

function isInf(c: Context): Tensor {
  const x = c.x(0);
  const [minus, plus] = [c.flag('detect_negative', 1), c.flag('detect_positive', 1)];
  const infinite = apply('IsInf', [x]);
  if (minus && plus) return infinite;
  return infinite.and(minus ? x.less(0) : plus ? x.greater(0) : x.equal(x).not());
}

const plain = ['Neg', 'Abs', 'Sign', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Erf', 'Tanh', 'Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh', 'Sigmoid', 'Softplus', 'Floor', 'Ceil', 'Round', 'IsNaN', 'Not'] as const; // biome-ignore format: a list
const pairs = ['Add', 'Sub', 'Mul', 'Div', 'And', 'Or', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'] as const; // biome-ignore format: a list

export const elementwise: Readonly<Record<string, Converter>> = {
  ...Object.fromEntries(plain.map((op) => [op, same(op)])),
  ...Object.fromEntries(pairs.map((op) => [op, binary(op)])),
  Max: folded('Max'),
  Min: folded('Min'),
  Sum: folded('Add'),
  Mean: (c) =>
    c
      .all()
      .reduce((a, b) => a.add(b))
      .mul(1 / c.all().length),
  Xor: (c) => apply('Equal', aligned(c)).not(),
  Mod: modulo,
  Pow: power,
  Relu: (c) => (isFloat(c.x(0).dtype) ? apply('Relu', [c.x(0)]) : c.x(0).max(0)),
  Gelu: (c) => apply('Gelu', [c.x(0)], { approximate: c.choice('approximate', ['none', 'tanh'], 'none') }),
  LeakyRelu: float((x, c) => negative(x, (t) => t.mul(c.number('alpha', 0.01)))),
  Elu: float((x, c) => negative(x, (t) => expm1(t).mul(c.number('alpha', 1)))),
  Selu: float((x, c) => {
    const [alpha, gamma] = c.opset < 6 ? [1.6732, 1.0507] : [1.673263192176819, 1.0507010221481323];
    return negative(x, (t) => expm1(t).mul(c.number('alpha', alpha))).mul(c.number('gamma', gamma));
  }),
  Celu: float((x, c) => {
    const alpha = c.number('alpha', 1);
    return negative(x, (t) => expm1(t.div(alpha)).mul(alpha));
  }),
  PRelu: prelu,
  ThresholdedRelu: float((x, c) => where(x.greater(c.number('alpha', 1)), x, 0)),
  HardSigmoid: float((x, c) => hardSigmoid(x, c.number('alpha', 0.2), c.number('beta', 0.5))),
  HardSwish: float((x) => x.mul(hardSigmoid(x, 1 / 6, 0.5))),
  Swish: float((x, c) => x.mul(x.mul(c.number('alpha', 1)).sigmoid())),
  Mish: float((x) => x.mul(apply('Softplus', [x]).tanh())),
  Softsign: float((x) => x.div(x.abs().add(1))),
  Shrink: (c) => {
    const [x, lambd, bias] = [c.x(0), c.number('lambd', 0.5), c.number('bias', 0)];
    return where(x.less(-lambd), x.add(bias), where(x.greater(lambd), x.sub(bias), 0));
  },
  Where: (c) => where(c.x(0).asBool(), c.x(1), c.x(2)),
  Clip: clip,
  Cast: castNode,
  CastLike: (c) => cast(c.x(0), c.x(1).dtype),
  Identity: (c) => c.x(0),
  Dropout: dropout,
  DequantizeLinear: dequantize,
  IsInf: isInf,
  'com.microsoft:Gelu': (c) => apply('Gelu', [c.x(0)], { approximate: 'none' }),
  'com.microsoft:FastGelu': (c) => {
    const bias = c.maybe(1);
    return apply('Gelu', [bias ? c.x(0).add(bias) : c.x(0)], { approximate: 'tanh' });
  },
  'com.microsoft:BiasGelu': (c) => apply('Gelu', [c.x(0).add(c.x(1))], { approximate: 'none' }),
  'com.microsoft:QuickGelu': (c) => {
    const x = c.x(0);
    return x.mul(x.mul(c.number('alpha', 1.702)).sigmoid());
  },
};
