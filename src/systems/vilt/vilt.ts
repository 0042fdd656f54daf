/**
 * ViLT — "ViLT: Vision-and-Language Transformer Without Convolution or Region Supervision". Kim, Son and Kim 2021, arXiv:2102.03334.
 * One transformer over the words of a text and the patches of an image; a patch is embedded by one linear map, so that nearly all arithmetic is spent
 * where the two meet.   `bow2bot train vilt --smoke`
 */
import { BowError } from '../../base/index.ts';
import { concat, type F, type I, type Init, type Scope } from '../../engine/index.ts';
import { bertEmbeddings, initialise, layerNorm, normal, paddingMask, transformer } from '../../nn/index.ts';
import { PAD, type ViltConfig } from './config.ts';
import { type Embedded, imageTokens, type ViltImage } from './image-tokens.ts';

/** Texts as rows of token ids. */
export type ViltText = {
  readonly tokens: I<'b n'>;
  /** 1 at the tokens that count; default: all that are not {@link PAD}. */
  readonly keep?: I<'b n'> | undefined;
};

/** Texts with an image each. */
export type ViltBatch = ViltImage & ViltText;

/** Vectors behind the last norm. */
export type ViltStates = {
  readonly text: F<'b n d'>;
  /** Class token and patches. */
  readonly image: F<'b m d'>;
  /** 1 where a vector is that of a token or patch, 0 where it is filling. */
  readonly textKeep: F<'b n'>;
  readonly imageKeep: F<'b m'>;
};

/** Matrices as in the paper's code, which starts from a vision transformer; DIFFERS for narrow models: as large in sum as at width 768, not in each value. */
export const std = (c: ViltConfig): number => 0.02 * Math.sqrt(768 / c.width);

/** Where the vectors of the modalities are. */
export const modalities = ['text', 'image', 'second'] as const;

/**
 * The vector of a modality: [1 d]. That of second images starts as that of images (§4.3). Error `config` for a model that takes no second image.
 */
function modality(s: Scope, c: ViltConfig, name: (typeof modalities)[number]): F<'n d'> {
  const at = s.at('modality');
  if (name !== 'second') return at.param(name, [1, c.width], normal(0.02));
  if (c.modalities < 3)
    throw new BowError('config', 'this model has no vector for second images', {
      place: s.path,
      hint: 'statements about two images need modalities: 3',
    });
  const like = at.with({ spec: (d) => ({ ...d, like: d.path.replace(/second$/, 'image') }) });
  return like.param(name, [1, c.width], normal(0.02));
}

/** Words, with the vector of their modality (eq. 1): [b n d]. */
export function embedText(s: Scope, { tokens, keep }: ViltText, c: ViltConfig): Embedded {
  const { vocabulary, context, types } = c.text;
  const o = { vocabulary, context, types, width: c.width, epsilon: c.textEpsilon, dropout: c.dropout };
  const x = bertEmbeddings(s.at('text'), tokens, o).add(modality(s, c, 'text'));
  return { x, keep: (keep ?? tokens.equal(PAD).not()).to(x.dtype) };
}

/** Class token and patches of the first or second image of each sample, with positions and the vector of their modality (eq. 2): [b m d]. */
export function embedImage(s: Scope, image: ViltImage, c: ViltConfig, which: 'image' | 'second' = 'image'): Embedded {
  const { x, keep } = imageTokens(s.at('image'), image, c);
  return { x: x.add(modality(s, c, which)), keep };
}

/** What of the result is wanted: everything, the text's vectors, or its first ([CLS]) alone; the last block computes no more. */
export type Wanted = 'all' | 'text' | 'first';

/** The transformer over text and image side by side (eq. 3–6): [b n+m d], or as many of the first vectors as are wanted. */
export function fuse(s: Scope, text: Embedded, image: Embedded, c: ViltConfig, wanted: Wanted = 'all'): F<'b n d'> {
  const x = s.tap('embedded', concat([text.x, image.x], 1));
  const mask = paddingMask(concat([text.keep, image.keep], 1).greater(0));
  const count = wanted === 'first' ? 1 : text.x.dim(1);
  const matrices: Init = normal(std(c));
  const at = initialise(s, { '**blocks/*/attn/*/weight': matrices, '**blocks/*/mlp/*/weight': matrices });
  const y = transformer(at.at('blocks'), x, {
    ...{ depth: c.depth, heads: c.heads, hidden: c.hidden, activation: c.activation, epsilon: c.epsilon },
    ...{ bias: c.qkvBias, outBias: true, mask },
    ...{ dropout: c.dropout, hiddenDropout: c.dropout, attentionDropout: c.attentionDropout },
    ...(wanted === 'all' ? {} : { last: { pick: (t) => t.slice(1, 0, count), mask } }),
  });
  return layerNorm(s.at('norm'), y, { epsilon: c.epsilon });
}

/** All vectors of a batch of pairs. */
export function vilt(s: Scope, batch: ViltBatch, c: ViltConfig): ViltStates {
  const [text, image] = [embedText(s, batch, c), embedImage(s, batch, c)];
  const y = fuse(s, text, image, c);
  const n = text.x.dim(1);
  return { text: y.slice(1, 0, n), image: y.slice(1, n), textKeep: text.keep, imageKeep: image.keep };
}
