/** Gradient checkpointing: intermediates are computed again for the backward pass instead of kept. Chen et al. 2016, arXiv:1604.06174. */
import { BowError } from '../../base/index.ts';
import type { DType } from '../dtype.ts';
import { pullback } from '../grad.ts';
import { ancestors, type Node } from '../graph.ts';
import { heldBack } from '../hold-back.ts';
import { needTensors, Tensor } from '../tensor.ts';
import { customGradient } from './custom-gradient.ts';

/**
 * `block(x)`, whose gradient computes the block a second time: between the forward and the backward pass only `x` is kept, and what the block
 * takes from outside (parameters, masks, noise: the same values both times). Costs one more forward pass of the block and saves the memory of its
 * intermediates; worth it for the repeated blocks of a deep model. Checkpoints may be nested.
 */
export function checkpoint<X extends Tensor, D extends DType>(block: (x: X) => Tensor<D>, x: X): Tensor<D> {
  needTensors('checkpoint', { x });
  const { graph } = x;
  const before = graph.nodes.length;
  const y = block(x);
  if (!(y instanceof Tensor))
    throw new BowError('usage', 'checkpoint: the block must return one tensor', { place: graph.place });
  const nodes = ancestors<Tensor>([y]).filter((n) => n.index >= before);
  if (nodes.length === 0) return y;
  const inside = new Set(nodes);
  const taken = new Set<Tensor>();
  for (const n of nodes) for (const v of n.inputs) if (!v.constant && !(v.node && inside.has(v.node))) taken.add(v);
  const operands = [...taken];
  return customGradient(y, operands, (g, now, needed) => {
    const held = heldBack(now, g);
    const again = new Map<Tensor, Tensor>(operands.map((v, i) => [v, held[i]!]));
    recompute(nodes, again);
    const wrt = held.filter((_, i) => needed[i]);
    const gradients = pullback(again.get(y)!, g, wrt);
    let next = 0;
    return needed.map((n) => (n ? gradients[next++]! : null));
  });
}

/** The nodes once more, on other operands: `now` has the values by those that they stand for, and gets the new results. */
function recompute(nodes: readonly Node<Tensor>[], now: Map<Tensor, Tensor>): void {
  for (const node of nodes) {
    const { graph } = node.outputs[0]!;
    graph.place = node.place;
    const inputs = node.inputs.map((v) => now.get(v) ?? v);
    graph.emit(node.op, inputs, node.attrs).forEach((t, i) => {
      now.set(node.outputs[i]!, t);
    });
  }
}
