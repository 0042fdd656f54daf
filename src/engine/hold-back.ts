/**
 * Values computed again for the backward pass: held back until the gradient is there, so that they are neither merged with the first ones nor early.
 */
import { isHalf } from './storage.ts';
import { apply, constantLike, type Tensor } from './tensor.ts';

/**
 * The same values, but not before `g` is there: what is computed from them can be neither merged with what was computed from the originals nor
 * computed early, neither by this engine nor by onnxruntime. Nothing is copied: a reshape to a shape that depends on `g` in form only.
 */
export function heldBack(values: readonly Tensor[], g: Tensor): Tensor[] {
  const first = g.reshape([-1]).slice(0, 0, 1);
  const there = first.equal(first); // true or, for NaN, false: both choices are the same
  return values.map((v) => {
    if (v.rank === 0) return v;
    const shape = constantLike(v, 'int64', [v.rank], v.shape);
    return apply('HoldBack', [v, apply('Where', [there, shape, shape])]);
  });
}

/** Operators that only move values. */
const moves: ReadonlySet<string> = new Set(['Transpose', 'Reshape', 'Slice', 'HoldBack']);

/**
 * A tensor that is a parameter kept in 16 bits, widened and perhaps turned: the same once more, for the backward pass. Otherwise its float32 values
 * would stay in memory from the forward pass to the backward pass, for all layers at once. Any other tensor as it is.
 */
export function widenedAgain(t: Tensor, g: Tensor): Tensor {
  const { node } = t;
  if (!node) return t;
  const from = node.inputs[0] as Tensor;
  if (node.op === 'Cast')
    return isHalf(from.dtype) && from.name !== undefined ? heldBack([from], g)[0]!.to(t.dtype) : t;
  if (!moves.has(node.op)) return t;
  const again = widenedAgain(from, g);
  return again === from ? t : apply(node.op, [again, ...(node.inputs.slice(1) as Tensor[])], node.attrs);
}
