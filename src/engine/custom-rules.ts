/** Gradient rules that users attach to single places of a graph, kept beside the graph and named by number in the node. */
import type { Tensor, TensorGraph } from './tensor.ts';

/** From the gradient of the result to the gradients of the operands that were named, in order (null: none flows). */
export type CustomRule = (g: Tensor) => readonly (Tensor | null)[];

const rules = new WeakMap<TensorGraph, CustomRule[]>();

/** Registers a rule with a graph and returns its number. */
export function addCustomRule(graph: TensorGraph, rule: CustomRule): number {
  const list = rules.get(graph) ?? [];
  rules.set(graph, list);
  return list.push(rule) - 1;
}

/** The rule of a number. */
export function customRule(graph: TensorGraph, index: number): CustomRule {
  return rules.get(graph)![index]!;
}
