/**
 * Rewrites of a finished graph, after differentiation and before encoding. The graph is rebuilt node by node in order; a rule may answer a node
 * with other values of the same shapes. Nodes that nothing changes are shared with the original, so a pass costs little.
 */
import { ancestors, type Node } from '../graph.ts';
import type { Tensor } from '../tensor.ts';

/** A node about to be rebuilt, its inputs already rewritten. */
export type Candidate = {
  readonly op: Node<Tensor>['op'];
  readonly x: readonly Tensor[];
  readonly attrs: Node<Tensor>['attrs'];
  readonly node: Node<Tensor>;
  /** How many nodes and graph outputs use a tensor of the original graph. */
  readonly uses: (t: Tensor) => number;
};

/** New values for all outputs of the node, or undefined to leave it. */
export type RewriteRule = (c: Candidate) => readonly Tensor[] | undefined;

/** Applies rules, first match wins, in one pass over what the outputs depend on. */
export function rewrite(outputs: ReadonlyMap<string, Tensor>, rules: readonly RewriteRule[]): Map<string, Tensor> {
  const nodes = ancestors([...outputs.values()]);
  const counts = countUses(nodes, outputs);
  const now = new Map<Tensor, Tensor>();
  const current = (t: Tensor): Tensor => now.get(t) ?? t;
  for (const node of nodes) {
    const x = (node.inputs as readonly Tensor[]).map(current);
    const { graph } = node.outputs[0]!;
    graph.place = node.place;
    const candidate: Candidate = { op: node.op, x, attrs: node.attrs, node, uses: (t) => counts.get(t) ?? 0 };
    let made: readonly Tensor[] | undefined;
    for (const rule of rules) {
      made = rule(candidate);
      if (made) break;
    }
    made ??= x.every((t, i) => t === node.inputs[i])
      ? (node.outputs as readonly Tensor[])
      : graph.emit(node.op, x, node.attrs);
    node.outputs.forEach((o, i) => now.set(o, made[i]!));
  }
  return new Map([...outputs].map(([name, t]) => [name, current(t)]));
}

function countUses(nodes: readonly Node<Tensor>[], outputs: ReadonlyMap<string, Tensor>): Map<Tensor, number> {
  const counts = new Map<Tensor, number>();
  const add = (t: Tensor): void => {
    counts.set(t, (counts.get(t) ?? 0) + 1);
  };
  for (const n of nodes) for (const v of n.inputs) add(v);
  for (const t of outputs.values()) add(t);
  return counts;
}
