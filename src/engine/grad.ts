/** Reverse-mode differentiation: walks a loss's ancestors backwards, applies the tables' rules, un-broadcasts and accumulates. */
import { BowError } from '../base/index.ts';
import { badArgument } from './arguments.ts';
import { type DType, isFloat } from './dtype.ts';
import { gradients as rules } from './gradients/index.ts';
import { ancestors, type Node } from './graph.ts';
import { widenedAgain } from './hold-back.ts';
import { sameShape } from './shape.ts';
import { fullLike, needTensors, type Tensor } from './tensor.ts';

type AnyRule = (c: {
  x: readonly Tensor[];
  y: readonly Tensor[];
  g: Tensor;
  gs: readonly (Tensor | undefined)[];
  needed: readonly boolean[];
  attrs: object;
}) => readonly (Tensor | null)[];

/**
 * Gradients of a scalar with respect to tensors of the same graph: of a list in its order, of a map (such as `s.trainable()`) by the same names.
 * A tensor that the loss does not depend on gets zeros.
 * Throws `usage` when the loss is no scalar or a path leads through an operator that has no gradient.
 */
export function grad<D extends DType>(loss: Tensor, wrt: ReadonlyMap<string, Tensor<D>>): Map<string, Tensor<D>>;
export function grad<D extends DType>(loss: Tensor, wrt: readonly Tensor<D>[]): Tensor<D>[];
export function grad(
  loss: Tensor,
  wrt: readonly Tensor[] | ReadonlyMap<string, Tensor>,
): Tensor[] | Map<string, Tensor> {
  if (Array.isArray(wrt)) return gradients(loss, wrt);
  if (!isMap(wrt)) throw badArgument(undefined, 'grad: the second argument must be tensors, as a list or by name', wrt);
  const found = gradients(loss, [...wrt.values()]);
  return new Map([...wrt.keys()].map((path, i) => [path, found[i]!]));
}

function isMap<T>(wrt: readonly T[] | ReadonlyMap<string, T>): wrt is ReadonlyMap<string, T> {
  return wrt instanceof Map;
}

function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  needTensors('grad', { loss, ...Object.fromEntries(wrt.map((t, i) => [`operand ${i}`, t])) });
  if (wrt.some((t) => t.graph !== loss.graph))
    throw new BowError('usage', 'grad: a tensor belongs to another graph than the loss', { place: loss.graph.place });
  if (!isFloat(loss.dtype)) throw new BowError('dtype', `only floats have gradients, the loss is ${loss.dtype}`);
  if (loss.size !== 1)
    throw new BowError('usage', `only a scalar has a gradient, this has shape [${loss.shape.join(', ')}]`, {
      hint: 'reduce it: loss.mean()',
    });
  return pullback(loss, fullLike(loss, 1), wrt);
}

/** Gradients of Σ y·g with respect to tensors of the same graph: how `g`, the gradient of y, goes on to what y was computed from. */
export function pullback(y: Tensor, g: Tensor, wrt: readonly Tensor[]): Tensor[] {
  const nodes = ancestors([y]);
  const reach = new Set<Tensor>(wrt.filter((t) => isFloat(t.dtype)));
  for (const n of nodes) {
    if (n.inputs.some((v) => reach.has(v))) {
      for (const o of n.outputs) if (isFloat(o.dtype)) reach.add(o);
    }
  }
  const adjoint = new Map<Tensor, Tensor>([[y, g]]);
  const { graph } = y;
  for (const node of nodes.reverse()) {
    const gs = node.outputs.map((o) => adjoint.get(o));
    const needed = node.inputs.map((v) => reach.has(v));
    if (gs.every((g) => g === undefined) || !needed.includes(true)) continue;
    graph.place = node.place;
    const contributions = applyRule(node, gs, needed);
    node.inputs.forEach((v, i) => {
      const c = contributions[i];
      if (!c || !needed[i]) return;
      const g = unbroadcast(c, v.shape);
      const before = adjoint.get(v);
      adjoint.set(v, before ? before.add(g) : g);
    });
  }
  return wrt.map((t) => adjoint.get(t) ?? fullLike(t, 0));
}

function applyRule(
  node: Node,
  gs: readonly (Tensor | undefined)[],
  needed: readonly boolean[],
): readonly (Tensor | null)[] {
  const rule = rules[node.op];
  if (rule === 'not differentiable') {
    throw new BowError('usage', `${node.op} has no gradient, but the loss depends on a parameter through it`, {
      place: node.place,
      hint: 'put .stopGradient() behind it if the dependence is not meant to be learned from',
    });
  }
  const y = node.outputs as readonly Tensor[];
  const g = gs[0] ?? fullLike(y[0]!, 0);
  const x = (node.inputs as readonly Tensor[]).map((t) => widenedAgain(t, g));
  return (rule as unknown as AnyRule)({ x, y, g, gs, needed, attrs: node.attrs });
}

/** Sums a gradient over the axes that broadcasting had repeated. */
function unbroadcast(g: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []));
  return g.sum(axes, { keep: true }).reshape(shape);
}
