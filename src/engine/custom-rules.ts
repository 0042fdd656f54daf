/** Gradient rules that users attach to single places of a graph, kept beside the graph and named by number in the node. */
import type { Graph } from './graph.ts';
import type { Tensor } from './tensor.ts';

/** From the gradient of the result to the gradients of the operands that were named, in order (null: none flows). */
export type CustomRule = (g: Tensor) => readonly (Tensor | null)[];

const rules = new WeakMap<Graph<Tensor>, CustomRule[]>();

/** Registers a rule with a graph and returns its number. */
export function addCustomRule(graph: Graph<Tensor>, rule: CustomRule): number {
  const list = rules.get(graph) ?? [];
  rules.set(graph, list);
  return list.push(rule) - 1;
}

/** The rule of a number. */
export function customRule(graph: Graph<Tensor>, index: number): CustomRule {
  return rules.get(graph)![index]!;
}
