/** Running totals. */
import type { DType } from '../dtype.ts';
import { axisOf } from '../shape.ts';
import { apply, needTensors, type Tensor } from '../tensor.ts';

/** Running sum along an axis; `exclusive` leaves the element itself out, `reverse` starts at the end. The shape of x. */
export function cumsum<D extends DType>(
  x: Tensor<D>,
  axis = -1,
  o: { exclusive?: boolean; reverse?: boolean } = {},
): Tensor<D> {
  needTensors('cumsum', { x }, o);
  const attrs = {
    axis: axisOf(axis, x.rank, x.graph.place),
    exclusive: o.exclusive ?? false,
    reverse: o.reverse ?? false,
  };
  return apply('CumSum', [x], attrs);
}
