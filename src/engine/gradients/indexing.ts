/** Gradients of indexed reads and writes: a read's is a write that adds up, a write's is a read. */
import { BowError } from '../../base/index.ts';
import { scatterAdd } from '../functions/scatter-add.ts';
import type { indexing, Reduction } from '../ops/indexing.ts';
import { apply, fullLike, type Tensor } from '../tensor.ts';
import type { Gradients } from './rule.ts';

const gatherElements = (x: Tensor, indices: Tensor, axis: number): Tensor =>
  apply('GatherElements', [x, indices], { axis });

/** Zeros of a shape with values added at indices along an axis. */
function spread(values: Tensor, indices: Tensor, shape: readonly number[], axis: number): Tensor {
  return apply('ScatterElements', [fullLike(values, 0, shape), indices, values], { axis, reduction: 'add' });
}

/** [… a] → [a …] for the `count` axes from `axis` on, and back. */
function axesFirst(rank: number, axis: number, count: number): { to: number[]; back: number[] } {
  const order = Array.from({ length: rank }, (_, i) => i);
  const to = [...order.slice(axis, axis + count), ...order.slice(0, axis), ...order.slice(axis + count)];
  return { to, back: order.map((i) => to.indexOf(i)) };
}

/** Gradient of rows read from a table [v …]: added up where rows repeat. */
function ofRows(table: readonly number[], indices: Tensor, g: Tensor): Tensor {
  const updates = g.reshape([indices.size, ...table.slice(1)]);
  return scatterAdd(fullLike(g, 0, table), indices.reshape([indices.size, 1]), updates);
}

/** True for writes that add, false for those that replace; the others have no rule. */
function isAddition(g: Tensor, reduction: Reduction): boolean {
  if (reduction === 'add' || reduction === 'none') return reduction === 'add';
  throw new BowError('usage', `a scatter with reduction "${reduction}" has no gradient`, { place: g.graph.place });
}

export const indexingGradients: Gradients<typeof indexing> = {
  Gather: ({ x: [table, indices], g, attrs: { axis = 0 } }) => {
    if (axis === 0) return [ofRows(table.shape, indices, g), null];
    const { to } = axesFirst(g.rank, axis, indices.rank);
    const { to: first, back } = axesFirst(table.rank, axis, 1);
    const rows = ofRows(
      first.map((i) => table.shape[i]!),
      indices,
      g.transpose(to),
    );
    return [rows.transpose(back), null];
  },
  GatherElements: ({ x: [x, indices], g, attrs: { axis } }) => [spread(g, indices, x.shape, axis), null],
  // where indices repeat in a write, ONNX leaves open which one stays; the gradient goes to all of them
  ScatterElements: ({ x: [, indices, updates], g, attrs: { axis, reduction } }) => [
    isAddition(g, reduction)
      ? g
      : apply('ScatterElements', [g, indices, fullLike(updates, 0)], { axis, reduction: 'none' }),
    null,
    gatherElements(g, indices, axis),
  ],
  GatherND: ({ x: [x, indices], g }) => [scatterAdd(fullLike(g, 0, x.shape), indices, g), null],
  ScatterND: ({ x: [, indices, updates], g, attrs: { reduction } }) => [
    isAddition(g, reduction) ? g : apply('ScatterND', [g, indices, fullLike(updates, 0)], { reduction: 'none' }),
    null,
    apply('GatherND', [g, indices]),
  ],
  TopK: ({ x: [x], y: [, positions], g, attrs: { axis } }) => [spread(g, positions!, x.shape, axis)],
  ArgMax: 'not differentiable',
  ArgMin: 'not differentiable',
};
