/** Runs a graph with the operators' float64 references: slow, exact, independent of onnxruntime. What tests compare with. */
import { BowError } from '../base/index.ts';
import type { NdArray } from './dtype.ts';
import { ancestors, type Value } from './graph.ts';
import type { Ref } from './op.ts';
import { opSpec } from './ops/index.ts';

/** Values of the given tensors, all arithmetic in float64. */
export function interpret(outputs: readonly Value[], feeds: Readonly<Record<string, Ref>>): Ref[] {
  const values = new Map<Value, Ref>();
  const lookup = (v: Value): Ref => {
    let r = values.get(v);
    if (!r) {
      r = v.constant ? toRef(v.constant) : feeds[v.name ?? ''];
      if (!r) throw new BowError('usage', `interpret: no value for input "${v.name}"`);
      values.set(v, r);
    }
    return r;
  };
  for (const node of ancestors(outputs)) {
    const inputs = node.inputs.map(lookup);
    const results = opSpec(node.op).reference(
      inputs,
      node.attrs,
      node.outputs.map((o) => o.shape),
    );
    node.outputs.forEach((o, i) => values.set(o, results[i]!));
  }
  return outputs.map(lookup);
}

/** An array's values as float64. */
export function toRef(a: NdArray): Ref {
  return { shape: a.shape, data: Float64Array.from(a.data as ArrayLike<number | bigint>, Number) };
}
