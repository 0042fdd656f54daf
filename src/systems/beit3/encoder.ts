/**
 * The encoder: torchscale's (Ma et al. 2022, arXiv:2211.13184) with Multiway layers and a second norm in both sublayers ("sub-LN", Wang et al. 2022,
 * arXiv:2210.06423, §2). A sequence is an image's tokens, then a text's; the split, how many are the image's, decides which copy of a layer a token goes to.
 */
import { BowError } from '../../base/index.ts';
import { concat, type F, gather, gelu, type I, type Init, rearrange, type Scope } from '../../engine/index.ts';
import {
  attend,
  dropPath,
  embedding,
  layerNorm,
  linear,
  type Mask,
  type Memory,
  mergeHeads,
  normal,
  paddingMask,
  patchEmbedding,
  residualTokens,
  splitHeads,
  truncNormal,
  zeros,
} from '../../nn/index.ts';
import { type Beit3Config, gridOf } from './config.ts';

/** The id of padding (XLM-R's, Conneau et al. 2020): padded positions start as zeros, and nothing attends to them. */
export const PAD = 1;

/** The first row of both position tables that is read: fairseq counts from 2. */
export const FIRST_ROW = 2;

/** What is encoded: an image, a text, or both. */
export type Beit3Input = {
  readonly image?: F<'b c y x'>;
  readonly tokens?: I<'b n'>;
  /** 1 where a patch is hidden behind the mask token; `none`: the parameter is asked for and not used. */
  readonly masked?: I<'b p'> | 'none';
  /** Beside the padding's, which follows from the tokens. */
  readonly mask?: Mask;
  /** Rows of the texts' position table, for decoding in the middle of a text; default from the first on. */
  readonly places?: I<'n'>;
  readonly memory?: Memory;
};

/** What came of it. */
export type Encoded = {
  /** All tokens, without the norm after the last layer. */
  readonly x: F<'b n d'>;
  /** With it, where the model has one. */
  normed(): F<'b n d'>;
  /** How many of the tokens are the image's. */
  readonly split: number;
};

/** Which copy of a layer: images, texts, or pairs (in a feed-forward network with three experts). */
type Way = 'A' | 'B' | 'VL';

/** A stretch of tokens and the copy that it goes to; without one the layer has no copies. */
type Stretch = { readonly way?: Way; readonly from: number; readonly to: number };

/** Cut at one standard deviation, as in the released code. */
const cut = (std: number): Init => truncNormal(std, { low: -std, high: std });

/**
 * Linear layers: 0.02 for 768 columns, as in BEiT (Bao et al. 2022, arXiv:2106.08254, §2.5). DIFFERS: narrower models have proportionally more, 0.02·√(768/d);
 * with 0.02 a width of 64 learns in 300 steps what it else does in 100.
 */
const stdOf = ({ width }: Pick<Beit3Config, 'width'>): number => Math.max(0.02, 0.02 * Math.sqrt(768 / width));

/** Initial values of a linear layer. */
export const weightInit = (c: Pick<Beit3Config, 'width'>): Init => cut(stdOf(c));

/** The matrices that write into the residual stream: divided by √2l in layer l (the same). */
const outInit = (c: Beit3Config, layer: number): Init => cut(stdOf(c) / Math.sqrt(2 * (layer + 1)));

/** Encodes images, texts or pairs. Taps: `encoder/embedding`, `encoder/blocks/<i>/output`. Error `shape` for a text longer than the table. */
export function encode(s: Scope, input: Beit3Input, c: Beit3Config): Encoded {
  const at = s.at('encoder');
  const { x: embedded, split, keep } = embed(at, input, c);
  let x = at.tap('embedding', embedded);
  const padding = keep && !input.memory ? paddingMask(keep) : undefined; // decoding has no padded texts
  const isPair = split > 0 && split < x.dim(1);
  for (let i = 0; i < c.depth; i++) {
    const b = at.at('blocks').at(i);
    const own = { ...c, dropPath: ((c.dropPath ?? 0) * i) / Math.max(1, c.depth - 1) };
    x = attentionLayer(b, x, split, { mask: [input.mask, padding], memory: input.memory }, own, i);
    x = feedForward(
      b,
      x,
      stretches(x, split, isPair && i >= c.depth - (c.fusionLayers ?? 0) ? 'VL' : undefined),
      own,
      i,
    );
    b.tap('output', x);
  }
  const last = x;
  const normed = (): F => {
    if (!c.finalNorm) return last;
    const ways = c.sharedAttention ? [whole(last)] : stretches(last, split);
    return through(last, ways, (way, part) => [layerNorm(copy(at.at('norm'), way), part, c)])[0]!;
  };
  return { x: last, normed, split };
}

const copy = (s: Scope, way: Way | undefined): Scope => (way === undefined ? s : s.at(way));

const whole = (x: F, way?: Way): Stretch => ({ from: 0, to: x.dim(1), ...(way ? { way } : {}) });

/** The image's tokens and the text's; or all of them for an expert of pairs. */
function stretches(x: F, split: number, expert?: Way): readonly Stretch[] {
  if (expert) return [whole(x, expert)];
  const both: Stretch[] = [
    { way: 'A', from: 0, to: split },
    { way: 'B', from: split, to: x.dim(1) },
  ];
  return both.filter(({ from, to }) => to > from);
}

/** Each stretch through its copy, and what comes of it joined again: as many tensors as `f` gives. */
function through(x: F, ways: readonly Stretch[], f: (way: Way | undefined, part: F) => readonly F[]): readonly F[] {
  if (ways.length === 1) return f(ways[0]!.way, x);
  const parts = ways.map(({ way, from, to }) => f(way, x.slice(1, from, to)));
  return parts[0]!.map((_, i) =>
    concat(
      parts.map((p) => p[i]!),
      1,
    ),
  );
}

type Attending = { readonly mask: readonly (Mask | undefined)[]; readonly memory: Memory | undefined };

/** x + out(norm(attention(ln1 x))): every token attends to those of both modalities. */
function attentionLayer(s: Scope, x: F, split: number, a: Attending, c: Beit3Config, layer: number): F {
  const at = s.at('attn');
  const ways = c.sharedAttention ? [whole(x)] : stretches(x, split);
  const project = (name: string, way: Way | undefined, h: F): F =>
    splitHeads(linear(copy(at.at(name), way), h, c.width, { init: weightInit(c) }), c.heads);
  const [q, k, v] = headsThrough(x, ways, (way, part) => {
    const h = layerNorm(copy(s.at('ln1'), way), part, c);
    return ['q', 'k', 'v'].map((name) => project(name, way, h));
  });
  const [keys, values] = a.memory ? a.memory(at, k!, v!) : [k!, v!];
  const mixed = mergeHeads(attend(at, q!, keys, values, { mask: a.mask }));
  const [y] = through(mixed, ways, (way, part) => {
    const h = layerNorm(copy(at.at('norm'), way), part, c);
    return [linear(copy(at.at('out'), way), h, c.width, { init: outInit(c, layer) })];
  });
  return x.add(dropPath(s.at('ln1/path'), y!, c.dropPath ?? 0));
}

/** As {@link through}, for results that have heads before their tokens. */
function headsThrough(
  x: F,
  ways: readonly Stretch[],
  f: (way: Way | undefined, part: F) => readonly F[],
): readonly F[] {
  const parts = ways.map(({ way, from, to }) => f(way, ways.length === 1 ? x : x.slice(1, from, to)));
  if (parts.length === 1) return parts[0]!;
  return parts[0]!.map((_, i) =>
    concat(
      parts.map((p) => p[i]!),
      2,
    ),
  );
}

/** x + fc2(norm(gelu(fc1(ln2 x)))): an expert for each modality. */
function feedForward(s: Scope, x: F, ways: readonly Stretch[], c: Beit3Config, layer: number): F {
  const [y] = through(x, ways, (way, part) => {
    const at = copy(s.at('mlp'), way);
    const h = linear(at.at('fc1'), layerNorm(copy(s.at('ln2'), way), part, c), c.hidden, { init: weightInit(c) });
    return [linear(at.at('fc2'), layerNorm(at.at('norm'), gelu(h), c), c.width, { init: outInit(c, layer) })];
  });
  return x.add(dropPath(s.at('ln2/path'), y!, c.dropPath ?? 0));
}

/** What the first layer sees: tokens with their positions, padded ones zero. */
function embed(s: Scope, input: Beit3Input, c: Beit3Config): { x: F; split: number; keep?: I<'b n'> } {
  const image = input.image ? embedImage(s, input.image, input.masked, c) : undefined;
  if (!input.tokens) {
    if (!image) throw new BowError('usage', 'neither an image nor a text to encode', { place: s.path });
    return { x: image, split: image.dim(1) };
  }
  const text = embedText(s, input.tokens, input.places, c);
  const counts = input.tokens.equal(PAD).not();
  const shown = text.mul(counts.to(text.dtype).unsqueeze(-1));
  if (!image) return { x: shown, split: 0, keep: counts.to('int32') };
  const split = image.dim(1);
  const all = input.tokens
    .slice(1, 0, 1)
    .mul(0)
    .add(1)
    .expand([input.tokens.dim(0), split])
    .to('int32');
  return { x: concat([image, shown], 1), split, keep: concat([all, counts.to('int32')], 1) };
}

/** DIFFERS: torchscale's position tables start as N(0, 1), BEiT's as N(0, 0.02²); between them small models learned fastest. */
const positionInit = normal(0.3);

function embedImage(s: Scope, image: F<'b c y x'>, masked: Beit3Input['masked'], c: Beit3Config): F<'b n d'> {
  const used = gridOf(c) * c.patch; // as a convolution with this stride leaves out the rest
  const tiled = used === c.size ? image : image.slice(2, 0, used).slice(3, 0, used);
  const patches = hidden(s, patchTokens(s, tiled, masked, c), masked); // b p d
  const [b, p] = [patches.dim(0), patches.dim(1)];
  const first = s.param('class_token', [c.width], normal(0.02)).reshape([1, 1, c.width]).expand([b, 1, c.width]);
  const table = s.at('positions').param('A', [FIRST_ROW + 1 + gridOf(c) ** 2, c.width], positionInit);
  return concat([first, patches], 1).add(table.slice(0, FIRST_ROW, FIRST_ROW + 1 + p));
}

function patchTokens(s: Scope, image: F<'b c y x'>, masked: Beit3Input['masked'], c: Beit3Config): F<'b p d'> {
  if (!c.stem) return patchEmbedding(s.at('patch'), image, { patch: c.patch, width: c.width });
  const seen = masked === undefined || masked === 'none' ? image : blackened(image, masked, c); // a stem would see hidden patches in their neighbours
  return residualTokens(s.at('stem'), seen, c.stem);
}

/** 0 in hidden patches. */
function blackened(image: F<'b c y x'>, masked: I<'b p'>, { patch: p }: Beit3Config): F<'b c y x'> {
  const [b, g] = [image.dim(0), image.dim(2) / p];
  const shown = masked.to(image.dtype).neg().add(1).reshape([b, 1, g, 1, g, 1]);
  const cut = rearrange(image, 'b c (y p) (x q) -> b c y p x q', { p, q: p });
  return rearrange(cut.mul(shown), 'b c y p x q -> b c (y p) (x q)');
}

/** The mask token in the place of hidden patches, before positions are added. */
function hidden(s: Scope, patches: F<'b p d'>, masked: Beit3Input['masked']): F<'b p d'> {
  if (masked === undefined) return patches;
  const token = s.param('mask_token', [patches.dim(2)], zeros);
  if (masked === 'none') return patches;
  const w = masked.to(patches.dtype).unsqueeze(-1);
  return patches.mul(w.neg().add(1)).add(token.mul(w));
}

function embedText(s: Scope, tokens: I<'b n'>, places: I<'n'> | undefined, c: Beit3Config): F<'b n d'> {
  const n = tokens.dim(1);
  if (n > c.context - FIRST_ROW)
    throw new BowError('shape', `${n} tokens do not fit a table for ${c.context - FIRST_ROW}`, { place: s.path });
  const x = embedding(s.at('tokens'), tokens, { size: c.vocabulary, width: c.width, init: normal(c.width ** -0.5) });
  const table = s.at('positions').param('B', [c.context, c.width], positionInit);
  return x.add(places ? gather(table, places) : table.slice(0, FIRST_ROW, FIRST_ROW + n));
}
