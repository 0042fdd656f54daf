/** One axis multiplied by a constant matrix: how resampling and binning are done, with exact gradients for nothing. */
import type { Float } from '../dtype.ts';
import { axisOf } from '../shape.ts';
import { constantLike, type Tensor } from '../tensor.ts';

/** y[…, i, …] = Σⱼ weights[i j]·x[…, j, …] along an axis; weights row-major [size n]. The matrix stands on the side that needs no transpose. */
export function mapAxis(x: Tensor<Float>, axis: number, size: number, weights: readonly number[]): Tensor<Float> {
  const at = axisOf(axis, x.rank, x.graph.place);
  const n = x.dim(at);
  if (at === x.rank - 1 && x.rank > 1) {
    const transposed = Array.from({ length: n * size }, (_, k) => weights[(k % size) * n + Math.floor(k / size)]!);
    return x.matmul(constantLike(x, x.dtype, [n, size], transposed));
  }
  const shape = [...x.shape.slice(0, at), n, x.shape.slice(at + 1).reduce((a, b) => a * b, 1)];
  const y = constantLike(x, x.dtype, [size, n], weights).matmul(x.reshape(shape));
  return y.reshape([...x.shape.slice(0, at), size, ...x.shape.slice(at + 1)]);
}
