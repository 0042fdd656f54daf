/**
 * VLMo — "VLMo: Unified Vision-Language Pre-Training with Mixture-of-Modality-Experts". Bao et al. 2021, arXiv:2111.02358. One network with shared
 * attention and an expert (norm and MLP) for every modality reads an image, a text, or both: a dual encoder and a fusion encoder in one.
 * `bow2bot train vlmo --smoke`
 */
import { concat, type F, full, type I, type Init, l2Normalize, type Scope } from '../../engine/index.ts';
import {
  attention,
  bertEmbeddings,
  constant,
  dropPath,
  initialise,
  layerNorm,
  linear,
  type Mask,
  mlp,
  paddingMask,
  patchEmbedding,
  residualTokens,
  truncNormal,
} from '../../nn/index.ts';
import { fusionOf, gridOf, type VlmoConfig } from './config.ts';
import { type Mode, relativeBiases } from './positions.ts';

/** Id of [PAD], as in BERT's vocabulary. */
export const PAD = 0;

/** ε of the network's norms. */
const EPSILON = 1e-6;

/**
 * Standard deviation of the initial weights: BERT's and BEiT's 0.02. DIFFERS below a width of 512, where it grows so that a layer gives as much as in
 * networks of the papers: with 0.02 the [CLS] of a narrow one is the same whatever it reads, and the contrast has no gradient.
 */
const stdOf = ({ width }: VlmoConfig): number => 0.02 * Math.sqrt(Math.max(1, 512 / width));

/** Normal values, for text and heads. */
export const bertNormal = (c: VlmoConfig): Init => truncNormal(stdOf(c));

/** What BEiT draws its weights from: cut off at one standard deviation (its `trunc_normal_`). */
export function beitNormal(c: VlmoConfig): Init {
  const std = stdOf(c);
  return truncNormal(std, { low: -std, high: std });
}

/** The same values divided by √(2·(layer + 1)), for what a branch ends with (BEiT's `fix_init_weight`). */
function endOfBranch(c: VlmoConfig, layer: number): Init {
  const std = stdOf(c) / Math.sqrt(2 * (layer + 1));
  return truncNormal(std, { low: -std, high: std });
}

/** What a pass of the network needs beside its tokens. */
export type PassOptions = {
  readonly mode: Mode;
  /** Tokens that may be attended to. */
  readonly mask?: Mask | undefined;
  /** Biases of the scores, by layer. */
  readonly biases?: readonly F<'h n m'>[] | undefined;
};

type Expert = 'text' | 'image' | 'vl';

/** One MLP with its norm: x + γ₂ ⊙ MLP(LN(x)). */
function expert(s: Scope, x: F<'b n d'>, name: Expert, layer: number, c: VlmoConfig): F<'b n d'> {
  const at = s.at(name);
  const init = name === 'image' ? [beitNormal(c), endOfBranch(c, layer)] : [bertNormal(c), bertNormal(c)];
  const own = initialise(at.at('mlp'), { '**fc1/weight': init[0]!, '**fc2/weight': init[1]! });
  const y = mlp(own, layerNorm(at.at('ln2'), x, { epsilon: EPSILON }), { hidden: c.hidden });
  return branch(s, x, y, `${name}/path`, 'ls2', layer, c);
}

/** x + drop(γ ⊙ y). One γ₂ serves all experts of a layer. */
function branch(s: Scope, x: F, y: F, path: string, scale: string, layer: number, c: VlmoConfig): F<'b n d'> {
  const scaled = c.layerScale === undefined ? y : y.mul(s.param(scale, [c.width], constant(c.layerScale)));
  return x.add(dropPath(s.at(path), scaled, (c.dropPath * layer) / Math.max(1, c.depth - 1)));
}

/**
 * One multiway block (§2.1, eq. 1 and 2): attention shared by the modalities, then the expert of the mode. Below layer `fusion` a pass of both sends
 * the first `context` tokens through the text's expert and the others through the image's. Tap: the mode's name. Parameters: `ln1`,
 * `attn/{q,k,v,out}` (no bias of the keys), `ls1`, `ls2`, `{text,image,vl}/{ln2,mlp}`.
 */
export function multiwayBlock(s: Scope, x: F<'b n d'>, layer: number, c: VlmoConfig, o: PassOptions): F<'b n d'> {
  const attended = attention(
    s.at('attn'),
    ...twice(layerNorm(s.at('ln1'), x, { epsilon: EPSILON })),
    { heads: c.heads, keyBias: false, mask: [o.mask, o.biases?.[layer]], init: beitNormal(c), outInit: endOfBranch(c, layer) }, // biome-ignore format: one line
  );
  const y = branch(s, x, attended, 'attn/path', 'ls1', layer, c);
  if (o.mode !== 'vl') return s.tap(o.mode, expert(s, y, o.mode, layer, c));
  if (layer >= fusionOf(c)) return s.tap('vl', expert(s, y, 'vl', layer, c));
  const { context } = c.text;
  const text = expert(s, y.slice(1, 0, context), 'text', layer, c);
  return s.tap('vl', concat([text, expert(s, y.slice(1, context), 'image', layer, c)], 1));
}

const twice = <T>(x: T): [T, T] => [x, x];

/** Layers `from` … `to` − 1. */
export function layers(s: Scope, x: F<'b n d'>, c: VlmoConfig, o: PassOptions, from = 0, to: number = c.depth): F {
  let y = x;
  for (let i = from; i < to; i++) y = multiwayBlock(s.at('blocks').at(i), y, i, c, o);
  return y;
}

/** The norm behind the last layer, the same for every mode. */
export const finalNorm = (s: Scope, x: F): F => layerNorm(s.at('norm'), x, { epsilon: EPSILON });

/** Patches of an image as vectors, without [CLS]: [b c y x] → [b p d]. Parameters: `visual/patch`, and `visual/stem` where the model has one. */
export function patchTokens(s: Scope, image: F<'b c y x'>, c: VlmoConfig): F<'b p d'> {
  const at = s.at('visual');
  const init = beitNormal(c);
  if (!c.stem) return patchEmbedding(at.at('patch'), image, { patch: c.patch, width: c.width, init });
  return linear(at.at('patch'), residualTokens(at.at('stem'), image, c.stem), c.width, { init });
}

/** [CLS] before the patches, and learned positions where the model has them. Parameters: `visual/class_token` [d], `visual/positions` [1 + p, d]. */
export function imageTokens(s: Scope, patches: F<'b p d'>, c: VlmoConfig): F<'b n d'> {
  const at = s.at('visual');
  const { b, d } = patches.axes('b p d');
  const first = at.param('class_token', [d], bertNormal(c)).reshape([1, 1, d]).expand([b, 1, d]);
  const tokens = concat([first, patches], 1);
  if (c.positions === 'relative') return tokens;
  return tokens.add(at.param('positions', [gridOf(c) ** 2 + 1, d], bertNormal(c)));
}

/** What an image enters the network as; `place`: 0, or 1 for the second image of a statement. Parameter: `modality/{image,second_image}` [1, d]. */
export function embedImage(s: Scope, image: F<'b c y x'>, c: VlmoConfig, place: 0 | 1 = 0): F<'b n d'> {
  return imageTokens(s, patchTokens(s, image, c), c).add(modality(s, place === 0 ? 1 : 2, c));
}

/** What a text enters the network as: BERT's embeddings, with positions of their own only where the biases have none. Parameters: `text`, `modality/text` [1, d]. */
export function embedText(s: Scope, tokens: I<'b n'>, c: VlmoConfig): F<'b n d'> {
  const { vocabulary, context } = c.text;
  const positions = c.positions === 'relative' ? 'stored' : 'added';
  const o = { vocabulary, context, width: c.width, positions, dropout: c.dropPath } as const;
  return bertEmbeddings(s.at('text'), tokens, o).add(modality(s, 0, c));
}

/**
 * The vector of a modality: text, image, second image. That of a second image starts as the first's, where there is one already (`vlmo_module.py`). They
 * are one table in the code, so a pass that uses one asks for both.
 */
function modality(s: Scope, row: 0 | 1 | 2, c: VlmoConfig): F<'1 d'> {
  const at = s.at('modality');
  const ask = (t: Scope, name: string): F => t.param(name, [1, c.width], bertNormal(c));
  const [text, image] = [ask(at, 'text'), ask(at, 'image')];
  if (row !== 2) return row === 0 ? text : image;
  return ask(at.with({ spec: (d) => ({ ...d, like: `${at.path}/image` }) }), 'second_image');
}

/** True at the tokens that count. */
const counted = (tokens: I<'b n'>): I => tokens.equal(PAD).not().to('int32');

/** A text or image as the dual encoder reads it: states [b n d] behind the last layer, and those of the branch through the vl experts. */
export type Encoded = { readonly states: F<'b n d'>; readonly vl?: F<'b n d'> };

/** The network over one modality; with `branch` its upper layers a second time, through the vl experts (`cls_vlffn_feats` of the code). */
function encodeAlone(s: Scope, x: F, c: VlmoConfig, o: PassOptions, branch: boolean): Encoded {
  const fusion = fusionOf(c);
  const below = layers(s, x, c, o, 0, fusion);
  const states = finalNorm(s, layers(s, below, c, o, fusion));
  if (!branch) return { states };
  return { states, vl: finalNorm(s, layers(s, below, c, { ...o, mode: 'vl' }, fusion)) };
}

/** The biases of a mode, or none for learned positions. */
function biasesOf(s: Scope, c: VlmoConfig, mode: Mode, tokens: number): F[] | undefined {
  return c.positions === 'relative' ? relativeBiases(s, c, mode, tokens) : undefined;
}

/** An embedded image alone. */
export function encodeImage(s: Scope, embedded: F<'b n d'>, c: VlmoConfig, o: { branch?: boolean } = {}): Encoded {
  const biases = biasesOf(s, c, 'image', 1);
  return encodeAlone(s, embedded, c, { mode: 'image', biases }, o.branch ?? false);
}

/** A text alone, of any length up to the table's. */
export function encodeText(s: Scope, tokens: I<'b n'>, c: VlmoConfig, o: { branch?: boolean } = {}): Encoded {
  const biases = biasesOf(s, c, 'text', tokens.dim(1));
  const mask = paddingMask(counted(tokens));
  return encodeAlone(s, embedText(s, tokens, c), c, { mode: 'text', mask, biases }, o.branch ?? false);
}

/** Images with texts, embedded or as ids: states of both, the text's first. */
export type Fused = { readonly text: F<'b n d'>; readonly image: F<'b n d'> };

/** The fusion encoder: [b context] tokens beside an embedded image [b n d]. */
export function encodeTogether(s: Scope, tokens: I<'b n'>, image: F<'b n d'>, c: VlmoConfig): Fused {
  const { context } = c.text;
  const { b, n } = image.axes('b n d');
  const biases = biasesOf(s, c, 'vl', context);
  const keep = counted(tokens);
  const mask = paddingMask(concat([keep, full(keep, [b, n], 1)], 1)); // images have no padding
  const x = concat([embedText(s, tokens, c), image], 1);
  const y = finalNorm(s, layers(s, x, c, { mode: 'vl', mask, biases }));
  return { text: y.slice(1, 0, context), image: y.slice(1, context) };
}

/** tanh(W x + b) of [CLS]: [b n d] → [b d]. Parameters: `pooler`. */
export function pooled(s: Scope, { text }: Fused, c: VlmoConfig): F<'b d'> {
  const first = text.at(1, 0);
  return linear(s.at('pooler'), first, first.dim(-1), { init: bertNormal(c) }).tanh();
}

/** Whose [CLS] is read, behind which experts. */
export type Readout = 'text' | 'image' | 'vl_text' | 'vl_image';

/** The unit vector of [CLS] in the space of a readout: [b n d] → [b d]. Parameter: `itc/<name>`, without bias. */
export function readout(s: Scope, states: F<'b n d'>, name: Readout, c: VlmoConfig): F<'b d'> {
  const first = states.at(1, 0);
  return l2Normalize(linear(s.at('itc').at(name), first, first.dim(-1), { bias: false, init: bertNormal(c) }));
}
