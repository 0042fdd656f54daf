/** Shape and type rules that many operators share. */
import { BowError } from '../../base/index.ts';
import { isFloat } from '../dtype.ts';
import { type Binary, type OpSpec, op, type Unary } from '../op.ts';
import { map, zip } from '../reference.ts';
import { broadcast, type Meta } from '../shape.ts';

/** Throws a `dtype` error unless the tensor has a floating type that there is arithmetic for: onnxruntime has none for bfloat16. */
export function needFloat(x: Meta): void {
  if (!isFloat(x.dtype) || x.dtype === 'bfloat16')
    throw new BowError('dtype', `needs a floating type with arithmetic, got ${x.dtype}`, {
      hint: "cast first: x.to('float32')",
    });
}

/** Throws a `dtype` error unless both have the same type. */
export function needSame(a: Meta, b: Meta): void {
  if (a.dtype !== b.dtype)
    throw new BowError('dtype', `types differ, ${a.dtype} and ${b.dtype}`, { hint: 'cast one operand with .to(...)' });
}

/** Throws a `dtype` error for booleans, which have no arithmetic and no order, and for bfloat16, which is stored and cast only. */
export function needNumeric(x: Meta): void {
  if (x.dtype === 'bool' || x.dtype === 'bfloat16')
    throw new BowError('dtype', `arithmetic on ${x.dtype === 'bool' ? 'booleans' : x.dtype}`, {
      hint: "cast first: x.to('float32')",
    });
}

/** Throws a `dtype` error unless the tensor holds booleans. */
export function needBool(x: Meta): void {
  if (x.dtype !== 'bool')
    throw new BowError('dtype', `needs booleans, got ${x.dtype}`, { hint: 'compare first: x.greater(0)' });
}

/** Throws a `dtype` error unless the tensor holds indices. */
export function needIndex(x: Meta): void {
  if (x.dtype !== 'int32' && x.dtype !== 'int64')
    throw new BowError('dtype', `indices must be int32 or int64, got ${x.dtype}`, {
      hint: "cast them first: indices.to('int64')",
    });
}

/** An element-wise op of one floating tensor. */
export function unaryFloat(onnx: string, f: (u: number) => number): OpSpec<Unary, Record<never, never>> {
  return op<Unary>({
    onnx,
    infer: ([x]) => {
      needFloat(x);
      return [x];
    },
    reference: ([x]) => [map(x, f)],
  });
}

/** An element-wise op of one tensor of numbers. */
export function unaryNumeric(onnx: string, f: (u: number) => number): OpSpec<Unary, Record<never, never>> {
  return op<Unary>({
    onnx,
    infer: ([x]) => {
      needNumeric(x);
      return [x];
    },
    reference: ([x]) => [map(x, f)],
  });
}

/** An element-wise op of two tensors of one numeric type, with broadcasting. */
export function binaryNumeric(onnx: string, f: (u: number, v: number) => number): OpSpec<Binary, Record<never, never>> {
  return op<Binary>({
    onnx,
    infer: ([a, b]) => {
      needSame(a, b);
      needNumeric(a);
      return [{ shape: broadcast(a.shape, b.shape), dtype: a.dtype }];
    },
    reference: ([a, b], _attrs) => [zip(a, b, f)],
  });
}

/** A comparison of two tensors of one type, giving booleans; `of` says which types it is for. */
export function comparison(
  onnx: string,
  f: (u: number, v: number) => boolean,
  of: (x: Meta) => void = needNumeric,
): OpSpec<Binary, Record<never, never>> {
  return op<Binary>({
    onnx,
    infer: ([a, b]) => {
      of(a);
      needSame(a, b);
      return [{ shape: broadcast(a.shape, b.shape), dtype: 'bool' }];
    },
    reference: ([a, b]) => [zip(a, b, (u, v) => (f(u, v) ? 1 : 0))],
  });
}
