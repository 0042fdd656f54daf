/** Adding at positions that may repeat, right on any number of threads. */
import { type DType, sizeOf } from '../dtype.ts';
import { apply, constantLike, type Same, select, type Tensor } from '../tensor.ts';

/**
 * x [… …] with updates [n …] added to the blocks that the index tuples [n k] name; repeated positions add up in order. Made of ScatterElements:
 * onnxruntime 1.30 runs ScatterND's additions on several threads without a lock, so that repeated positions lose updates.
 */
export function scatterAdd<D extends DType>(x: Tensor<D>, indices: Tensor, updates: Same<D>): Tensor<D> {
  const k = indices.dim(-1);
  const [positions, block] = [sizeOf(x.shape.slice(0, k)), sizeOf(x.shape.slice(k))];
  const rows = flatIndices(indices, x.shape.slice(0, k)); // n 1
  const flat = apply(
    'ScatterElements',
    [x.reshape([positions, block]), rows.expand([rows.dim(0), block]), updates.reshape([rows.dim(0), block])],
    { axis: 0, reduction: 'add' },
  );
  return flat.reshape(x.shape);
}

/** Index tuples [… k] into axes of the given sizes as one index each: [n 1]; negative ones count from the end. */
function flatIndices<D extends DType>(indices: Tensor<D>, sizes: readonly number[]): Tensor<D> {
  if (sizes.length === 1) return indices.reshape([indices.size, 1]);
  const int = (values: readonly number[]): Tensor<D> => constantLike(indices, indices.dtype, [values.length], values);
  const zero = int([0]);
  const wrapped = select(indices.less(zero), indices.add(int(sizes)), indices);
  const strides = sizes.map((_, i) => sizeOf(sizes.slice(i + 1)));
  return wrapped.mul(int(strides)).sum(-1).reshape([-1, 1]);
}
