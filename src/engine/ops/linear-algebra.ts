/** Matrix products. */
import { BowError } from '../../base/index.ts';
import { type Binary, op } from '../op.ts';
import { expandRef, matmulRef, transposeRef } from '../reference.ts';
import { broadcast, type Meta, sameShape } from '../shape.ts';
import { needFloat, needSame } from './rules.ts';

function inferMatMul(a: Meta, b: Meta): readonly Meta[] {
  needFloat(a);
  needSame(a, b);
  if (a.shape.length < 2 || b.shape.length < 2) throw new BowError('shape', 'both operands need at least two axes');
  const [k, l] = [a.shape.at(-1)!, b.shape.at(-2)!];
  if (k !== l) {
    const certain = k === b.shape.at(-1);
    throw new BowError(
      'shape',
      `inner sizes differ, ${k} and ${l}`,
      certain ? { hint: 'transpose the right operand: b.mT' } : {},
    );
  }
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return [{ shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!], dtype: a.dtype }];
}

const swapLast = (shape: readonly number[]): number[] => [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
const swapPerm = (rank: number): number[] => swapLast(Array.from({ length: rank }, (_, i) => i));

export const linearAlgebra = {
  MatMul: op<Binary>({
    onnx: 'MatMul',
    infer: ([a, b]) => inferMatMul(a, b),
    reference: ([a, b]) => [matmulRef(a, b)],
  }),
  /** α·op(a)·op(b) + β·c of matrices, with op the optional transpose and c (may be left out) broadcast to the result. */
  Gemm: op<readonly Meta[], { transA: boolean; transB: boolean; alpha: number; beta: number }>({
    onnx: 'Gemm',
    infer: ([a, b, c], { transA, transB }) => {
      if (a!.shape.length !== 2 || b!.shape.length !== 2) throw new BowError('shape', 'both operands must be matrices');
      const [p, q] = [transA ? swapLast(a!.shape) : a!.shape, transB ? swapLast(b!.shape) : b!.shape];
      const [y] = inferMatMul({ shape: p, dtype: a!.dtype }, { shape: q, dtype: b!.dtype });
      if (c) {
        needSame(a!, c);
        if (!sameShape(broadcast(c.shape, y!.shape), y!.shape))
          throw new BowError('shape', `[${c.shape.join(', ')}] does not broadcast to [${y!.shape.join(', ')}]`);
      }
      return [y!];
    },
    encode: ({ transA, transB, alpha, beta }) => ({
      attributes: {
        transA: { int: transA ? 1 : 0 },
        transB: { int: transB ? 1 : 0 },
        alpha: { float: alpha },
        beta: { float: beta },
      },
    }),
    reference: ([a, b, c], { transA, transB, alpha, beta }) => {
      const y = matmulRef(transA ? transposeRef(a!, [1, 0]) : a!, transB ? transposeRef(b!, [1, 0]) : b!);
      const shift = c ? expandRef(c, y.shape).data : undefined;
      return [{ shape: y.shape, data: y.data.map((u, i) => alpha * u + (shift ? beta * shift[i]! : 0)) }];
    },
  }),
  /** α·op(a)·op(b), with op the optional exchange of the last two axes: onnxruntime's own, made from MatMul by the CPU rewrites. */
  FusedMatMul: op<Binary, { transA: boolean; transB: boolean; alpha: number }>({
    onnx: 'FusedMatMul',
    domain: 'com.microsoft',
    infer: ([a, b], { transA, transB }) => {
      const [p, q] = [transA ? swapLast(a.shape) : a.shape, transB ? swapLast(b.shape) : b.shape];
      return inferMatMul({ shape: p, dtype: a.dtype }, { shape: q, dtype: b.dtype });
    },
    encode: ({ transA, transB, alpha }) => ({
      attributes: { transA: { int: transA ? 1 : 0 }, transB: { int: transB ? 1 : 0 }, alpha: { float: alpha } },
    }),
    reference: ([a, b], { transA, transB, alpha }) => {
      const p = transA ? transposeRef(a, swapPerm(a.shape.length)) : a;
      const q = transB ? transposeRef(b, swapPerm(b.shape.length)) : b;
      const y = matmulRef(p, q);
      return [{ shape: y.shape, data: y.data.map((u) => u * alpha) }];
    },
  }),
};
