/** Gradients of matrix products. */
import { sizeOf } from '../dtype.ts';
import type { linearAlgebra } from '../ops/linear-algebra.ts';
import type { Tensor } from '../tensor.ts';
import type { Gradients } from './rule.ts';

/** aᵀg summed over the batch, for a shared right operand [k n]: one product of [k, rows] and [rows, n] instead of a batch of small ones. */
function ofSharedRight(a: Tensor, g: Tensor): Tensor {
  const rows = sizeOf(a.shape.slice(0, -1));
  return a.reshape([rows, a.dim(-1)]).mT.matmul(g.reshape([rows, g.dim(-1)]));
}

export const linearAlgebraGradients: Gradients<typeof linearAlgebra> = {
  MatMul: ({ x: [a, b], g }) => [g.matmul(b.mT), b.rank === 2 && a.rank > 2 ? ofSharedRight(a, g) : a.mT.matmul(g)],
  Gemm: ({ x: [a, b, c], g, attrs: { transA, transB, alpha, beta } }) => {
    const [p, q] = [transA ? a!.mT : a!, transB ? b!.mT : b!];
    const [da, db] = [g.matmul(q.mT).mul(alpha), p.mT.matmul(g).mul(alpha)];
    return [transA ? da.mT : da, transB ? db.mT : db, ...(c ? [g.mul(beta)] : [])];
  },
  FusedMatMul: 'not differentiable', // made by rewrites after differentiation
};
