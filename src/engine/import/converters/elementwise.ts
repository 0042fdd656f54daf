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
  (c) => {
    const a = c.x(0);
    return apply(op, [a, shifted(c, a, c.x(1))]);
  };

/** Before operator set 7 the second operand could be aligned to an axis of the first. */
function shifted(c: Context, a: Tensor, b: Tensor): Tensor {
  if (c.opset >= 7 || !c.has('axis') || c.int('broadcast', 0) === 0) return b;
  const after = a.rank - c.axis(c.int('axis'), a.rank) - b.rank;
  return after > 0 ? b.reshape([...b.shape, ...new Array<number>(after).fill(1)]) : b;
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
  const [x, e] = [c.x(0), c.x(1)];
  if (x.dtype === e.dtype) return x.pow(e);
  const [wide, exponent] = isFloat(x.dtype) || !isFloat(e.dtype) ? [x, e.to(x.dtype)] : [x.to(e.dtype), e];
  return wide.pow(exponent).to(x.dtype);
}

function clip(c: Context): Tensor {
  const x = c.x(0);
  if (c.opset < 11) return x.clip(c.number('min', -3.4028234663852886e38), c.number('max', 3.4028234663852886e38));
  const [low, high] = [c.maybe(1), c.maybe(2)];
  const raised = low ? x.max(low) : x;
  return high ? raised.min(high) : raised;
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

/** Dropout passes its operand through; noise is the business of the model around it. */
function dropout(c: Context): readonly Tensor[] {
  const x = c.x(0);
  const trains = c.opset >= 12 && c.maybe(2) !== undefined && c.scalar(2) !== 0;
  if (trains && (c.maybe(1) ? c.scalar(1) : 0.5) > 0)
    throw c.fail('training mode in the file is not supported', { hint: 'export the model for inference' });
  const mask = c.opset < 10 ? fullLike(x, 1) : fullLike(c.constant('bool', [], [1]), 1, x.shape);
  return [x, mask];
}

/** (x − zero point)·scale, one pair for all or for every position along an axis. Narrow integers arrive widened, with their values. */
function dequantize(c: Context): Tensor {
  const [x, scale, zero] = [c.x(0), c.x(1), c.maybe(2)];
  if (c.int('block_size', 0) !== 0) throw c.fail('scales of blocks are not supported');
  const axis = scale.rank === 1 && x.rank > 0 ? c.axis(c.int('axis', 1), x.rank) : 0;
  const along = (t: Tensor): Tensor =>
    t.rank === 1 && x.rank > 0 ? t.reshape(x.shape.map((_, i) => (i === axis ? t.size : 1))) : t;
  const centred: Tensor = zero ? x.to('int32').sub(along(zero).to('int32')) : x;
  return centred.to(scale.dtype).mul(along(scale));
}

function prelu(c: Context): Tensor {
  const [x, slope] = [c.x(0), c.x(1)];
  return negative(x, (t) => t.mul(slope));
}

function isInf(c: Context): Tensor {
  const x = c.x(0);
  const [minus, plus] = [c.int('detect_negative', 1), c.int('detect_positive', 1)];
  const infinite = apply('IsInf', [x]);
  if (minus === 1 && plus === 1) return infinite;
  return infinite.and(minus === 1 ? x.less(0) : plus === 1 ? x.greater(0) : x.equal(x).not());
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
  Xor: (c) => c.x(0).equal(c.x(1)).not(),
  Mod: (c) => apply('Mod', [c.x(0), c.x(1)], { fmod: c.int('fmod', 0) === 1 }),
  Pow: power,
  Relu: (c) => (isFloat(c.x(0).dtype) ? apply('Relu', [c.x(0)]) : c.x(0).max(0)),
  Gelu: (c) => apply('Gelu', [c.x(0)], { approximate: c.string('approximate', 'none') }),
  LeakyRelu: float((x, c) => negative(x, (t) => t.mul(c.number('alpha', 0.01)))),
  Elu: float((x, c) => negative(x, (t) => expm1(t).mul(c.number('alpha', 1)))),
  Selu: float((x, c) =>
    negative(x, (t) => expm1(t).mul(c.number('alpha', 1.673263192176819))).mul(c.number('gamma', 1.0507010221481323)),
  ),
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
  Cast: (c) => cast(c.x(0), typeOf(c, c.int('to'))),
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
