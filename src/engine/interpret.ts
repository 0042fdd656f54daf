/** Runs a graph with the operators' float64 references: slow, exact, independent of onnxruntime. What tests compare with. */
import { BowError } from '../base/index.ts';
import type { DType, NdArray } from './dtype.ts';
import { ancestors, type Value } from './graph.ts';
import type { Ref } from './op.ts';
import { opSpec } from './ops/index.ts';
import { isHalf, widened } from './storage.ts';

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
    node.outputs.forEach((o, i) => values.set(o, wrapped(results[i]!, o.dtype)));
  }
  return outputs.map(lookup);
}

/** Integer arithmetic truncates and wraps as the type does; int64 is exact up to 2⁵³. */
function wrapped(r: Ref, dtype: DType): Ref {
  if (dtype === 'int64') return { shape: r.shape, data: r.data.map(Math.trunc) };
  if (dtype === 'int32') return { shape: r.shape, data: r.data.map((u) => u | 0) };
  return dtype === 'uint8' ? { shape: r.shape, data: r.data.map((u) => u & 255) } : r;
}

/** An array's values as float64; those of half precision are decoded. */
export function toRef(a: NdArray): Ref {
  const { data } = isHalf(a.dtype) ? widened(a) : a;
  return { shape: a.shape, data: Float64Array.from(data as ArrayLike<number | bigint>, Number) };
}
