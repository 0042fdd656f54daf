/** The parts of BERT that other models take over: its embeddings and its head for masked words. Devlin et al. 2019, arXiv:1810.04805. */
import { BowError } from '../base/index.ts';
import type { F, I, Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { dropout } from './dropout.ts';
import { normal, zeros } from './init.ts';
import { embedding, linear } from './linear.ts';
import { layerNorm } from './norm.ts';
import { learnedPositions } from './positions.ts';
import { type Activation, activations } from './transformer.ts';

/** Standard deviation of BERT's initial weights (`initializer_range`). */
const STD = 0.02;
/** ε of BERT's layer norms (`layer_norm_eps`). */
const EPSILON = 1e-12;

/** Options of {@link bertEmbeddings}. */
export type BertEmbeddingOptions = {
  readonly vocabulary: number;
  readonly width: number;
  /** Most tokens that a text may have. */
  readonly context: number;
  /** Token types of the table, of which only the first is used; default 2. */
  readonly types?: number;
  /** `stored`: the table of positions is a parameter, as published checkpoints have it, and is not added. Default `added`. */
  readonly positions?: 'added' | 'stored';
  readonly epsilon?: number;
  /** Share of the result's elements that training drops; default 0. */
  readonly dropout?: number;
};

const embeddingOptions = must.options(
  { types: must.size, positions: must.oneOf('added', 'stored'), epsilon: must.number(0), dropout: must.share },
  { vocabulary: must.size, width: must.size, context: must.size },
);

/**
 * BERT's embeddings of tokens that are all of type 0, [b n] → [b n d]: word + position + type → layer norm (ε 10⁻¹²) → dropout. Parameters:
 * `tokens/weight` [vocabulary, d], `positions` [context, d], `types` [types, d], `norm`. Error `shape` for more tokens than `context`. Devlin et al.
 * 2019, figure 2; `BertEmbeddings` of Hugging Face's code.
 */
export function bertEmbeddings(s: Scope, tokens: I<'b n'>, o: BertEmbeddingOptions): F<'b n d'> {
  must.be('bertEmbeddings', { s: [s, must.scope], tokens: [tokens, must.ints('b n')], o: [o, embeddingOptions] });
  const { n } = tokens.axes('b n');
  if (n > o.context) throw new BowError('shape', `${n} tokens do not fit a context of ${o.context}`, { place: s.path });
  const words = embedding(s.at('tokens'), tokens, { size: o.vocabulary, width: o.width, init: normal(STD) });
  const positions = learnedPositions(s, o.context, o.width, { init: normal(STD) });
  const type = s.param('types', [o.types ?? 2, o.width], normal(STD)).slice(0, 0, 1); // 1 d
  const typed = words.add(type);
  const placed = o.positions === 'stored' ? typed : typed.add(positions.slice(0, 0, n));
  return dropout(s.at('drop'), layerNorm(s.at('norm'), placed, { epsilon: o.epsilon ?? EPSILON }), o.dropout ?? 0);
}

/** Options of {@link mlmHead}. */
export type MlmHeadOptions = {
  readonly vocabulary: number;
  /** The table [vocabulary, d] that words are read with, such as the embeddings' own; default: one of the head's own. */
  readonly decoder?: F<'v d'>;
  readonly activation?: Activation;
  readonly epsilon?: number;
};

const headOptions = must.options(
  { decoder: must.floats('v d'), activation: must.oneOf(...Object.keys(activations)), epsilon: must.number(0) },
  { vocabulary: must.size },
);

/**
 * Logits of the word at every position, [… d] → [… v]: linear map, exact GELU, layer norm (ε 10⁻¹²), then a product with a table of words, plus a
 * bias. Parameters: `dense`, `norm`, `decoder/weight` [v, d] unless one is given, `bias` [v]. Error `shape` for a decoder of another shape. Devlin et
 * al. 2019, §3.1; `BertLMPredictionHead` of Hugging Face's code.
 */
export function mlmHead(s: Scope, x: F<'... d'>, o: MlmHeadOptions): F<'... v'> {
  must.be('mlmHead', { s: [s, must.scope], x: [x, must.floats('... d')], o: [o, headOptions] });
  const d = x.dim(-1);
  if (o.decoder) must.beShape('mlmHead', ['o.decoder', o.decoder], [o.vocabulary, d]);
  const dense = linear(s.at('dense'), x, d, { init: normal(STD) });
  const activate = activations[o.activation ?? 'gelu'];
  const h = layerNorm(s.at('norm'), activate(dense), { epsilon: o.epsilon ?? EPSILON });
  const decoder = o.decoder ?? s.at('decoder').param('weight', [o.vocabulary, d], normal(STD));
  return h.matmul(decoder.mT).add(s.param('bias', [o.vocabulary], zeros));
}
