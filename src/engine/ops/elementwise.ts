/** Arithmetic, functions and choices element by element. */
import { BowError } from '../../base/index.ts';
import { type DType, isFloat, onnxCode } from '../dtype.ts';
import { type Binary, type OpSpec, op, type Ternary, type Unary } from '../op.ts';
import { erf, expandRef, map, zip } from '../reference.ts';
import { broadcast, type Meta } from '../shape.ts';
import { binaryNumeric, comparison, needBool, needFloat, needSame, unaryFloat, unaryNumeric } from './rules.ts';

const sigmoid = (u: number): number => (u >= 0 ? 1 / (1 + Math.exp(-u)) : Math.exp(u) / (1 + Math.exp(u)));
const softplus = (u: number): number => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));

/** Truncation that integer casts do; booleans are 0 and 1. */
function castValue(u: number, to: DType): number {
  if (to === 'bool') return u !== 0 ? 1 : 0;
  if (to === 'float32') return Math.fround(u);
  return to === 'float64' || to === 'float16' || to === 'bfloat16' ? u : Math.trunc(u);
}

function roundEven(u: number): number {
  const near = Math.round(u);
  return Math.abs(u % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** A question about every element of a floating tensor. */
function test(onnx: string, f: (u: number) => boolean): OpSpec<Unary, Record<never, never>> {
  return op<Unary>({
    onnx,
    infer: ([x]) => {
      needFloat(x);
      return [{ shape: x.shape, dtype: 'bool' }];
    },
    reference: ([x]) => [map(x, (u) => (f(u) ? 1 : 0))],
  });
}

export const elementwise = {
  Add: binaryNumeric('Add', (u, v) => u + v),
  Sub: binaryNumeric('Sub', (u, v) => u - v),
  Mul: binaryNumeric('Mul', (u, v) => u * v),
  Div: binaryNumeric('Div', (u, v) => u / v),
  Pow: binaryNumeric('Pow', (u, v) => u ** v),
  Max: binaryNumeric('Max', Math.max),
  Min: binaryNumeric('Min', Math.min),
  Neg: unaryNumeric('Neg', (u) => -u),
  Abs: unaryNumeric('Abs', Math.abs),
  Sign: unaryNumeric('Sign', Math.sign),
  Exp: unaryFloat('Exp', Math.exp),
  Log: unaryFloat('Log', Math.log),
  Sqrt: unaryFloat('Sqrt', Math.sqrt),
  Reciprocal: unaryFloat('Reciprocal', (u) => 1 / u),
  Erf: unaryFloat('Erf', erf),
  Tanh: unaryFloat('Tanh', Math.tanh),
  Sin: unaryFloat('Sin', Math.sin),
  Cos: unaryFloat('Cos', Math.cos),
  Tan: unaryFloat('Tan', Math.tan),
  Asin: unaryFloat('Asin', Math.asin),
  Acos: unaryFloat('Acos', Math.acos),
  Atan: unaryFloat('Atan', Math.atan),
  Sinh: unaryFloat('Sinh', Math.sinh),
  Cosh: unaryFloat('Cosh', Math.cosh),
  Asinh: unaryFloat('Asinh', Math.asinh),
  Acosh: unaryFloat('Acosh', Math.acosh),
  Atanh: unaryFloat('Atanh', Math.atanh),
  Sigmoid: unaryFloat('Sigmoid', sigmoid),
  Softplus: unaryFloat('Softplus', softplus),
  Relu: unaryFloat('Relu', (u) => Math.max(u, 0)),
  Floor: unaryFloat('Floor', Math.floor),
  Ceil: unaryFloat('Ceil', Math.ceil),
  /** To the nearest whole number, halves to the even one. */
  Round: unaryFloat('Round', roundEven),
  IsNaN: test('IsNaN', Number.isNaN),
  /** Infinite of either sign. */
  IsInf: test('IsInf', (u) => u === Infinity || u === -Infinity),
  /** Remainder with the sign of the divisor (Python's %), or with that of the dividend (`fmod`, C's). */
  Mod: op<Binary, { fmod: boolean }>({
    onnx: 'Mod',
    infer: ([a, b], { fmod }) => {
      needSame(a, b);
      if (isFloat(a.dtype) && !fmod)
        throw new BowError('dtype', 'floats only have the remainder of C', { hint: 'fmod' });
      return [{ shape: broadcast(a.shape, b.shape), dtype: a.dtype }];
    },
    encode: ({ fmod }) => ({ attributes: { fmod: { int: fmod ? 1 : 0 } } }),
    reference: ([a, b], { fmod }) => [zip(a, b, (u, v) => (fmod ? u % v : u - v * Math.floor(u / v)))],
  }),
  /** Gaussian error linear unit, x·Φ(x). Hendrycks & Gimpel 2016, §2; `tanh` is their approximation. */
  Gelu: op<Unary, { approximate: 'none' | 'tanh' }>({
    onnx: 'Gelu',
    infer: ([x]) => {
      needFloat(x);
      return [x];
    },
    encode: ({ approximate }) => ({ attributes: { approximate: { string: approximate } } }),
    reference: ([x], { approximate }) => [
      map(x, (u) =>
        approximate === 'none'
          ? 0.5 * u * (1 + erf(u * Math.SQRT1_2))
          : 0.5 * u * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (u + 0.044715 * u ** 3))),
      ),
    ],
  }),
  Equal: comparison(
    'Equal',
    (u, v) => u === v,
    () => {},
  ),
  Less: comparison('Less', (u, v) => u < v),
  LessOrEqual: comparison('LessOrEqual', (u, v) => u <= v),
  Greater: comparison('Greater', (u, v) => u > v),
  GreaterOrEqual: comparison('GreaterOrEqual', (u, v) => u >= v),
  And: comparison('And', (u, v) => u !== 0 && v !== 0, needBool),
  Or: comparison('Or', (u, v) => u !== 0 || v !== 0, needBool),
  Not: op<Unary>({
    onnx: 'Not',
    infer: ([x]) => {
      needBool(x);
      return [x];
    },
    reference: ([x]) => [map(x, (u) => 1 - u)],
  }),
  /** condition ? a : b, with broadcasting of all three. */
  Where: op<Ternary>({
    onnx: 'Where',
    infer: ([c, a, b]) => {
      if (c.dtype !== 'bool') throw new BowError('dtype', `the condition must be bool, got ${c.dtype}`);
      needSame(a, b);
      return [{ shape: broadcast(c.shape, broadcast(a.shape, b.shape)), dtype: a.dtype }];
    },
    reference: ([c, a, b]) => {
      const shape = broadcast(c.shape, broadcast(a.shape, b.shape));
      const [p, q, r] = [expandRef(c, shape), expandRef(a, shape), expandRef(b, shape)];
      return [{ shape, data: p.data.map((u, i) => (u !== 0 ? q.data[i]! : r.data[i]!)) }];
    },
  }),
  Cast: op<Unary, { to: DType }>({
    onnx: 'Cast',
    infer: ([x], { to }) => [{ shape: x.shape, dtype: to }],
    encode: ({ to }) => ({ attributes: { to: { int: onnxCode(to) } } }),
    reference: ([x], { to }) => [map(x, (u) => castValue(u, to))],
  }),
  /** Identity in value, a wall for gradients. */
  StopGradient: op<Unary>({ onnx: 'Identity', infer: ([x]) => [x], reference: ([x]) => [x] }),
  /**
   * The first operand, with a gradient of one's own for the others: the rule is kept beside the node (see functions/custom-gradient.ts).
   * All operands after the first are what the rule gives gradients for.
   */
  CustomGradient: op<readonly Meta[], { rule: number }>({
    onnx: 'Identity',
    infer: ([y]) => [y!],
    encode: () => ({ tensors: 1 }),
    reference: ([y]) => [y!],
  }),
};
