/** Low-rank adaptation of linear layers. Hu et al. 2021, arXiv:2106.09685, §4. */
import { BowError } from '../base/index.ts';
import { type F, type NdArray, ndarray, type Scope, type Store, widened } from '../engine/index.ts';
import * as must from './arguments.ts';
import { dropout } from './dropout.ts';
import { kaimingUniform, zeros } from './init.ts';
import { checkPatterns, matcher } from './path-rules.ts';

/** Options of {@link withLora}. */
export type LoraOptions = {
  /** Paths of the linear layers that get an adapter: `['text/**']`. */
  readonly layers: readonly string[];
  readonly rank: number;
  /** The product of the adapter's factors is multiplied by alpha/rank; default: rank, so by 1. */
  readonly alpha?: number;
  /** Dropout of the adapters' inputs while training. */
  readonly dropout?: number;
  /** Paths of parameters that are trained in full besides, such as those of a new head. */
  readonly train?: readonly string[];
};

/** Names of the two factors below their layer; as in Hugging Face's PEFT, with slashes. */
export const LORA_FACTORS: readonly [A: string, B: string] = ['lora_A/weight', 'lora_B/weight'];
const [A, B] = LORA_FACTORS;

/**
 * The same model with y + (alpha/rank)·x Aᵀ Bᵀ for each linear layer that matches, A [rank, in] drawn as PyTorch draws linear weights, B [out, rank]
 * zero, so that training starts at the base model. Everything but A, B and `train` is frozen: no gradient, no optimiser state. Say so at the scope
 * that the whole model is built from. A pattern that matches no layer is a `config` error when the trace ends.
 */
export function withLora(s: Scope, o: LoraOptions): Scope {
  const optional = { alpha: must.number(), dropout: must.share, train: must.texts };
  must.be('withLora', { s: [s, must.scope], o: [o, must.options(optional, { layers: must.texts, rank: must.size })] });
  const [adapted, trained] = [matcher(o.layers), matcher(o.train ?? [])];
  const seen = new Set<string>();
  s.trace.checks.add(() => {
    checkPatterns(o.layers, seen, 'LoRA pattern');
    checkPatterns(o.train ?? [], s.trace.params.keys(), 'pattern of trained parameters');
  });
  const isFactor = (path: string): boolean => path.endsWith(`/${A}`) || path.endsWith(`/${B}`);
  return s.with({
    spec: (d) =>
      d.kind === 'state' || isFactor(d.path) || trained(d.path) ? d : { ...d, kind: 'buffer', fixed: true },
    linear: (layer, x, y) => {
      seen.add(layer.path);
      return adapted(layer.path) ? y.add(lowRank(layer, x, y.dim(-1), o)) : y;
    },
  });
}

function lowRank(s: Scope, x: F<'... i'>, out: number, o: LoraOptions): F<'... o'> {
  const { rank, alpha = rank } = o;
  const a = s.param(A, [rank, x.dim(-1)], kaimingUniform({ a: Math.sqrt(5) }));
  const b = s.param(B, [out, rank], zeros);
  const kept = dropout(s.at('lora_dropout'), x, o.dropout ?? 0);
  return kept
    .matmul(a.mT)
    .matmul(b.mT)
    .mul(alpha / rank);
}

/**
 * The adapted model as a plain one: all parameters and buffers, each weight with its LoRA adapter (alpha/rank)·B A added in, without A and B. The
 * store is left as it is. `layout` as in {@link linear}, by layer path. Errors: `usage` when the store has no adapters, `checkpoint` when one is
 * incomplete.
 */
export function mergeLora(
  store: Store,
  o: { readonly alpha?: number; readonly layout?: (layer: string) => 'out-in' | 'in-out' } = {},
): Map<string, NdArray> {
  must.be('mergeLora', {
    store: [store, must.store],
    o: [o, must.options({ alpha: must.number(), layout: must.call })],
  });
  const plain = new Map<string, NdArray>();
  const layers: string[] = [];
  for (const [path, array] of store.entries('param', 'buffer')) {
    if (path.endsWith(`/${A}`)) layers.push(path.slice(0, -A.length - 1));
    else if (!path.endsWith(`/${B}`)) plain.set(path, array);
  }
  if (layers.length === 0) throw new BowError('usage', 'nothing to merge: the store has no LoRA adapters');
  for (const layer of layers) {
    const weight = store.get(`${layer}/weight`);
    const merged = addProduct(weight, store.get(`${layer}/${A}`), store.get(`${layer}/${B}`), {
      transposed: o.layout?.(layer) === 'in-out',
      alpha: o.alpha,
    });
    plain.set(`${layer}/weight`, merged);
  }
  return plain;
}

function addProduct(
  w: NdArray,
  a: NdArray,
  b: NdArray,
  o: { transposed: boolean; alpha: number | undefined },
): NdArray {
  const [[rank, inner], [out]] = [a.shape as [number, number], b.shape as [number, number]];
  const scale = (o.alpha ?? rank) / rank;
  const [u, v] = [a.data as Float32Array, b.data as Float32Array];
  const { dtype, data: base } = w.dtype === 'float64' ? w : widened(w);
  const data = (base as Float32Array).slice();
  for (let i = 0; i < out; i++) {
    for (let j = 0; j < inner; j++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += v[i * rank + r]! * u[r * inner + j]!;
      data[o.transposed ? j * out + i : i * inner + j]! += scale * sum;
    }
  }
  return ndarray(dtype, w.shape, data);
}
