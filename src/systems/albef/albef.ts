/**
 * ALBEF — "Align before Fuse: Vision and Language Representation Learning with Momentum Distillation". Li et al. 2021, arXiv:2107.07651.
 * An image encoder, a text encoder, and a multimodal encoder whose layers attend from the text to the image (§3.1); what beyond the paper had to be
 * known is in its released code (salesforce/ALBEF, models/vit.py and models/xbert.py). `bow2bot train albef --smoke`
 */
import {
  type B,
  causalMask,
  concat,
  type F,
  type I,
  type Init,
  l2Normalize,
  relu,
  type Scope,
} from '../../engine/index.ts';
import {
  type BlockOptions,
  bertEmbeddings,
  block,
  constant,
  initialise,
  kaimingUniform,
  layerNorm,
  learnedPositions,
  linear,
  mlmHead,
  normal,
  paddingMask,
  residualTokens,
  transformer,
  truncNormal,
  uniform,
  vitTokens,
} from '../../nn/index.ts';
import type { AlbefConfig, AlbefText } from './config.ts';

/** PyTorch's default for linear and convolution layers: U(±1/√fan-in), weights and biases. */
const torchWeight: Init = kaimingUniform({ a: Math.sqrt(5) });
const torchBias = (fanIn: number): Init => uniform(-(fanIn ** -0.5), fanIn ** -0.5);

/** A linear map as PyTorch initialises it: all that neither BERT nor the vision transformer has. */
function torchLinear(s: Scope, x: F<'... i'>, out: number): F<'... o'> {
  return linear(s, x, out, { init: torchWeight, biasInit: torchBias(x.dim(-1)) });
}

/** Both halves start from N(0, 0.02²). DIFFERS: narrower ones from as much more as keeps a layer's gain what it is at the paper's width. */
const deviation = (width: number): number => 0.02 * Math.sqrt(768 / width);

/** True where a token is no [PAD]: [b n]. */
export function keptTokens(tokens: I<'b n'>, { text }: AlbefConfig): B<'b n'> {
  return tokens.equal(text.pad).not();
}

/** Images (normalised channels, CLIP's mean and deviation) → the vectors of [CLS] and all patches: [b 1+p d]. */
export function encodeImage(s: Scope, image: F<'b c y x'>, { visual: v }: AlbefConfig): F<'b m d'> {
  const init = truncNormal(deviation(v.width));
  const at = initialise(s, {
    ...(v.stem ? {} : { '**visual/patch/weight': torchWeight, '**visual/patch/bias': torchBias(3 * v.patch ** 2) }),
    '**visual/class_token': init,
    '**visual/positions': init,
    '**visual/blocks/*/attn/*/weight': init,
    '**visual/blocks/*/mlp/*/weight': init,
  }).at('visual');
  const { patch, width, depth, heads, hidden, epsilon } = v;
  if (!v.stem) return vitTokens(at, image, { patch, width, depth, heads, hidden, epsilon });
  const grid = torchLinear(at.at('patch'), residualTokens(at.at('stem'), image, v.stem), width);
  const first = at
    .param('class_token', [width], init)
    .reshape([1, 1, width])
    .expand([image.dim(0), 1, width]);
  const tokens = concat([first, grid], 1).add(learnedPositions(at, 1 + grid.dim(1), width));
  return layerNorm(at.at('norm'), transformer(at.at('blocks'), tokens, { depth, heads, hidden, epsilon }), { epsilon });
}

/** A BERT layer: norms behind the residual sums. */
function layerOptions(t: AlbefText): BlockOptions {
  const { heads, hidden, epsilon, dropout, attentionDropout } = t;
  return { order: 'post', heads, hidden, epsilon, dropout, attentionDropout };
}

/** Initial values of layers; `paired`: of those that come twice. */
function layerInit(s: Scope, t: AlbefText, path: string, kinds: readonly string[], paired = false): Scope {
  const init = normal(deviation(t.width));
  const layer = paired ? 'pairs/*/*' : 'blocks/*';
  return initialise(s, Object.fromEntries(kinds.map((kind) => [`**${path}/${layer}/${kind}/*/weight`, init])));
}

function embed(s: Scope, tokens: I<'b n'>, t: AlbefText): F<'b n d'> {
  const { vocabulary, width, context, types, epsilon, dropout } = t;
  return bertEmbeddings(s, tokens, { vocabulary, width, context, types, epsilon, dropout });
}

/** Token rows, [CLS] first → the vectors of the text encoder: [b n] → [b n d]. */
export function encodeTokens(s: Scope, tokens: I<'b n'>, c: AlbefConfig): F<'b n d'> {
  const { text } = c;
  const mask = paddingMask(keptTokens(tokens, c));
  const at = layerInit(s, text, 'text', ['attn', 'mlp']).at('text');
  let x = embed(at.at('embeddings'), tokens, text);
  for (let i = 0; i < text.fusion; i++) x = block(at.at('blocks').at(i), x, { ...layerOptions(text), mask });
  return x;
}

/** What {@link fuse} takes. `images`: one, or two for NLVR². `first`: only the vector of [CLS] is wanted, which saves most of the last layer. */
export type Fused = {
  readonly text: F<'b n d'>;
  readonly keep: B<'b n'>;
  readonly images: readonly [F<'b m d'>, (F<'b m d'> | undefined)?];
  readonly first?: boolean;
};

/**
 * The multimodal encoder: vectors of the text encoder and of the image → [b n d], or [b 1 d] of [CLS] alone. With two images every layer comes twice,
 * the two attend to one image each, with the same keys and values (§5, NLVR²); both start as copies of the layer that the store holds. Taps: the
 * attention to the image, `text/blocks/<i>/cross/weights`.
 */
export function fuse(s: Scope, { text: x, keep, images, first = false }: Fused, c: AlbefConfig): F<'b n d'> {
  const { text, images: many } = c;
  const paired = c.images === 2;
  const at = layerInit(paired ? copyingLayers(s) : s, text, 'text', ['attn', 'cross', 'mlp'], paired).at('text');
  const count = many * (text.depth - text.fusion);
  let y = x;
  for (let i = 0; i < count; i++) {
    const [layer, place] = [text.fusion + Math.floor(i / many), i % many];
    const from = images[place] ?? images[0];
    const pick = first && i === count - 1 ? { pick: (t: F) => t.slice(1, 0, 1) } : {};
    const own = paired ? sharingKeys(at, layer).at('pairs').at(layer).at(place) : at.at('blocks').at(layer);
    y = block(own, y, { ...layerOptions(text), mask: paddingMask(keep), cross: { from }, ...pick });
  }
  return y;
}

/** The second of a pair of layers has the cross-attention's keys and values of the first. */
function sharingKeys(s: Scope, layer: number): Scope {
  const second = new RegExp(`pairs/${layer}/1/cross/([kv])/`);
  return s.with({ rename: (path) => path.replace(second, `pairs/${layer}/0/cross/$1/`) });
}

/** Both layers of a pair start as copies of the single one (released code, Pretrain_nlvr.py). */
function copyingLayers(s: Scope): Scope {
  return startingAs(s, (path) => path.replace(/pairs\/(\d+)\/[01]\//, 'blocks/$1/'));
}

/** Parameters start as copies of others, where the store holds those. */
function startingAs(s: Scope, original: (path: string) => string): Scope {
  return s.with({ spec: (d) => (d.like === undefined || d.kind === 'param' ? { ...d, like: original(d.path) } : d) });
}

/** All layers from token rows: masked words, and the questions of the fine-tuned forms. */
export function encodePair(
  s: Scope,
  tokens: I<'b n'>,
  images: Fused['images'],
  c: AlbefConfig,
  o: Pick<Fused, 'first'> = {},
): F<'b n d'> {
  return fuse(s, { text: encodeTokens(s, tokens, c), keep: keptTokens(tokens, c), images, ...o }, c);
}

/** Unit vectors in the shared space: of images and of texts, from their [CLS] (§3.2). */
export function projectImage(s: Scope, image: F<'b m d'>, c: AlbefConfig): F<'b e'> {
  return l2Normalize(torchLinear(s.at('image_projection'), firstOf(image), c.heads.contrast!));
}
export function projectText(s: Scope, text: F<'b n d'>, c: AlbefConfig): F<'b e'> {
  return l2Normalize(torchLinear(s.at('text_projection'), firstOf(text), c.heads.contrast!));
}

/** The vector of [CLS]. */
export const firstOf = (x: F<'b n d'>): F<'b d'> => x.slice(1, 0, 1).squeeze(1);

/** What similarities are divided by. */
export function temperatureOf(s: Scope, c: AlbefConfig): F<''> {
  return s.param('temperature', [], constant(c.temperature));
}

/** Logits of "do not belong together" and "belong together" from a fused [CLS] (eq. 4): [b 2]. */
export function matchLogits(s: Scope, fused: F<'b n d'>): F<'b 2'> {
  return torchLinear(s.at('match'), firstOf(fused), 2);
}

/** Logits of the word at every position, by the table that words are embedded with. */
export function wordLogits(s: Scope, fused: F<'b n d'>, c: AlbefConfig): F<'b n v'> {
  return tiedHead(s.at('text'), fused, c.text);
}

function tiedHead(s: Scope, x: F<'b n d'>, { vocabulary, width, epsilon }: AlbefText): F<'b n v'> {
  const decoder = s.at('embeddings').at('tokens').param('weight', [vocabulary, width], normal(0.02));
  return mlmHead(s.at('head'), x, { vocabulary, decoder, epsilon });
}

/** Logits of classes by the head of two layers (§5, SNLI-VE and NLVR²): [b classes]. */
export function classLogits(s: Scope, fused: F<'b n d'>, c: AlbefConfig): F<'b v'> {
  const at = s.at('classifier');
  const hidden = relu(torchLinear(at.at('fc1'), firstOf(fused), c.text.width));
  return torchLinear(at.at('fc2'), hidden, c.heads.classes!);
}

/** Logits of "the first image", "the second", "neither" (§5, text assignment): [b 3]. */
export function assignmentLogits(s: Scope, fused: F<'b n d'>): F<'b 3'> {
  return torchLinear(s.at('assignment'), firstOf(fused), 3);
}

/**
 * The answer decoder (§5, VQA): logits of every next token of answers [a n] that attend to the states of their questions, [a m d] → [a n v]. Its
 * weights start as those of the multimodal layers and of the words' head, where the store holds them.
 */
export function decodeAnswers(
  s: Scope,
  answers: I<'a n'>,
  question: { readonly states: F<'a m d'>; readonly keep: B<'a m'> },
  c: AlbefConfig,
): F<'a n v'> {
  const { text } = c;
  const at = layerInit(copying(s, text), text, 'decoder', ['attn', 'cross', 'mlp']).at('decoder');
  const mask = [paddingMask(keptTokens(answers, c)), causalMask(question.states, answers.dim(1))];
  const cross = { from: question.states, mask: paddingMask(question.keep) };
  let x = embed(at.at('embeddings'), answers, text);
  for (let i = 0; i < c.heads.decoder!; i++)
    x = block(at.at('blocks').at(i), x, { ...layerOptions(text), mask, cross });
  return tiedHead(at, x, text);
}

/** The decoder starts as a copy of the text model (released code, VQA.py): its layer j as the multimodal layer of that number. */
function copying(s: Scope, { fusion }: AlbefText): Scope {
  return startingAs(s, (path) =>
    path.replace('decoder/', 'text/').replace(/blocks\/(\d+)/, (_, i: string) => `blocks/${Number(i) + fusion}`),
  );
}
