/** Joining, cutting, reshaping and transposing stored tensors of any element type: elements are moved as bits. */
import { BowError } from '../base/index.ts';
import type { StoredArray } from './dtype.ts';
import type { TensorData } from './safetensors.ts';

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** An array of the kind of `like` with room for `n` elements. */
function emptyLike(like: StoredArray, n: number): StoredArray {
  const Kind = like.constructor as new (n: number) => StoredArray;
  return new Kind(n);
}

/** Zeros of the type of `like`. */
export function zerosLike(like: TensorData, shape: readonly number[]): TensorData {
  return { dtype: like.dtype, shape, data: emptyLike(like.data, sizeOf(shape)) };
}

/** The bytes under an array. */
const bytesOf = (a: StoredArray): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

/** The same elements in another shape, −1 once for what is left; without one as it is. Error `shape` when they do not fill it. */
export function reshaped(t: TensorData, shape: readonly number[] | undefined, place: string): TensorData {
  if (!shape) return t;
  const rest = t.data.length / sizeOf(shape.filter((d) => d !== -1));
  const whole = shape.map((d) => (d === -1 ? rest : d));
  if (Number.isInteger(rest) && sizeOf(whole) === t.data.length) return { ...t, shape: whole };
  throw new BowError('shape', `${t.data.length} elements do not fill a shape of [${shape.join(', ')}]`, {
    place,
    detail: { stored: t.shape },
  });
}

/** Axes in another order: the file's in ours (`read`) or the way back (`write`). */
export function permuted(
  t: TensorData,
  transpose: true | readonly number[] | undefined,
  way: 'read' | 'write',
  place: string,
): TensorData {
  if (transpose === undefined) return t;
  const rank = t.shape.length;
  const axes = t.shape.map((_, i) => i);
  const order = transpose === true ? [...axes.slice(0, -2), rank - 1, rank - 2] : transpose;
  if (rank < 2 || order.length !== rank || order.toSorted((a, b) => a - b).some((axis, i) => axis !== i))
    throw new BowError('shape', `axes [${order.join(', ')}] of a tensor with ${rank}`, {
      place,
      detail: { shape: t.shape },
    });
  const from = way === 'read' ? order : axes.map((axis) => order.indexOf(axis));
  const shape = from.map((axis) => t.shape[axis]!);
  const strides = t.shape.map((_, i) => sizeOf(t.shape.slice(i + 1)));
  const steps = from.map((axis) => strides[axis]!);
  const data = emptyLike(t.data, t.data.length);
  moveElements(t.data as Float32Array, data as Float32Array, shape, steps);
  return { ...t, shape, data };
}

/** out[i j …] = data[i·steps₀ + j·steps₁ + …], row after row of the last axis. Typed as one kind of array, used with all. */
function moveElements(data: Float32Array, out: Float32Array, shape: readonly number[], steps: readonly number[]): void {
  const last = shape.length - 1;
  const index = shape.map(() => 0);
  let from = 0;
  for (let at = 0; at < out.length; ) {
    for (let i = 0; i < shape[last]!; i++) out[at++] = data[from + i * steps[last]!]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= index[axis]! * steps[axis]!;
      index[axis] = 0;
    }
  }
}

/** Tensors one after another along an axis; one alone is returned as it is. Error `shape` where they differ along another axis. */
export function joined(list: readonly TensorData[], axis: number, place: string): TensorData {
  const [first, ...others] = list;
  if (!first || others.length === 0) return first!;
  for (const t of others) {
    if (t.dtype === first.dtype && t.shape.length === first.shape.length && axis < t.shape.length)
      if (t.shape.every((d, i) => i === axis || d === first.shape[i])) continue;
    throw new BowError('shape', `tensors that do not join along axis ${axis}`, {
      place,
      detail: { first: first.shape, other: t.shape, dtypes: [first.dtype, t.dtype] },
    });
  }
  const length = list.reduce((sum, t) => sum + t.shape[axis]!, 0);
  const shape = first.shape.map((d, i) => (i === axis ? length : d));
  const data = emptyLike(first.data, sizeOf(shape));
  const out = bytesOf(data);
  const outer = sizeOf(shape.slice(0, axis));
  let offset = 0;
  for (const t of list) {
    const [source, block] = [bytesOf(t.data), t.data.byteLength / outer];
    for (let i = 0; i < outer; i++)
      out.set(source.subarray(i * block, (i + 1) * block), i * (out.length / outer) + offset);
    offset += block;
  }
  return { dtype: first.dtype, shape, data };
}

/** A tensor cut along an axis into `n` pieces, equal ones unless `sizes` says otherwise; the whole as it is when there is one. */
export function parts(
  t: TensorData,
  n: number,
  axis: number,
  sizes: readonly number[] | undefined,
  place: string,
): TensorData[] {
  if (n === 1) return [t];
  const length = t.shape[axis] ?? 0;
  const lengths = sizes ?? Array.from({ length: n }, () => length / n);
  if (lengths.length !== n || lengths.some((d) => !Number.isInteger(d)) || sizeOf(t.shape) === 0)
    throw new BowError('shape', `axis ${axis} of ${length} is not cut into ${n} pieces`, {
      place,
      detail: { shape: t.shape },
    });
  if (lengths.reduce((a, b) => a + b, 0) !== length)
    throw new BowError('shape', `pieces of ${lengths.join(', ')} do not make axis ${axis} of ${length}`, { place });
  const outer = sizeOf(t.shape.slice(0, axis));
  const source = bytesOf(t.data);
  const [row, unit] = [source.length / outer, source.length / outer / length];
  let offset = 0;
  return lengths.map((d) => {
    const shape = t.shape.map((s, i) => (i === axis ? d : s));
    const data = emptyLike(t.data, sizeOf(shape));
    const out = bytesOf(data);
    for (let i = 0; i < outer; i++)
      out.set(source.subarray(i * row + offset, i * row + offset + d * unit), i * d * unit);
    offset += d * unit;
    return { dtype: t.dtype, shape, data };
  });
}
