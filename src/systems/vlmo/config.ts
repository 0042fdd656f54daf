/** Sizes of VLMo: what decides the shape and the arithmetic of a model, and the variant table. */
import { BowError } from '../../base/index.ts';
import type { ResidualOptions } from '../../nn/index.ts';

/** What a model has heads for; each is trained by the objective of its name. */
export type VlmoTasks = {
  /** BEiT's masked image modelling: numbers that its head gives for a patch, those of visual tokens or of a patch's pixels. */
  readonly mim?: { readonly predicts: 'tokens'; readonly vocabulary: number } | { readonly predicts: 'pixels' };
  /** Masked language modelling, of texts alone or beside images. */
  readonly mlm?: true;
  /** Image-text contrast: by both readouts as in pre-training, or by the unimodal one alone as retrieval is fine-tuned. */
  readonly itc?: 'both' | 'unimodal';
  /** Image-text matching. */
  readonly itm?: true;
  /** Questions: as many answers as the classifier has. */
  readonly vqa?: number;
  /** Statements about two images. */
  readonly nlvr2?: true;
};

/** Everything that decides the shape and the arithmetic of a model. */
export type VlmoConfig = {
  /** Images are `size` × `size` pixels; a token stands for `patch` × `patch` of them. */
  readonly size: number;
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Width between the two maps of an expert. */
  readonly hidden: number;
  /** First layer with an expert of both modalities. */
  readonly fusion: number;
  /** A model of the text stage: there are no experts of both modalities yet. */
  readonly textOnly?: true;
  /** One table of relative-position biases for all layers, or learned vectors added to the tokens (`base_plus`). */
  readonly positions: 'relative' | 'absolute';
  /** First value of the factors of every branch; absent: there are none. */
  readonly layerScale?: number;
  /** Share of the samples that drop the last layer's branches, rising from 0 at the first; also of the text embeddings' elements. */
  readonly dropPath: number;
  readonly text: {
    readonly vocabulary: number;
    /** Texts are padded to exactly so many tokens, [CLS] and [SEP] among them. */
    readonly context: number;
    /** Length of text that the table of relative positions is made for: that of the text stage. */
    readonly span: number;
  };
  /** A residual network whose last positions are an image's tokens, in place of patches (DIFFERS): `patch` is what one of them stands for. */
  readonly stem?: ResidualOptions;
  readonly tasks: VlmoTasks;
};

/** All heads of pre-training. */
const pretraining: VlmoTasks = { mlm: true, itc: 'both', itm: true };

type Sizes = Pick<VlmoConfig, 'width' | 'depth' | 'heads' | 'fusion'>;

/** A model of the code's registry (`multiway_transformer.py`): patches of 16, MLPs four times as wide, 40 tokens, a table for 196. */
const published = (sizes: Sizes, rest: Pick<VlmoConfig, 'positions' | 'layerScale'>): VlmoConfig => ({
  ...sizes,
  ...rest,
  size: 224,
  patch: 16,
  hidden: 4 * sizes.width,
  dropPath: 0.1,
  text: { vocabulary: 30522, context: 40, span: 196 },
  tasks: { mim: { predicts: 'pixels' }, ...pretraining },
});

/** Relative positions and layer scale, as BEiT has them. */
const likeBeit = { positions: 'relative', layerScale: 0.1 } as const;

/**
 * Sizes: §3.3 of the paper and the code's `vlmo_{base,large,base_plus}_patch16`; `tiny` is ours, for images of the tabletop on two cores. DIFFERS in
 * `tiny`: a residual stem, which learns from fewer images than patches do, and γ from 1 on, since there is no BEiT to start from that branches must not
 * disturb.
 */
export const variants: Readonly<Record<'tiny' | 'base' | 'large' | 'base_plus', VlmoConfig>> = {
  tiny: {
    ...{ size: 64, patch: 16, width: 128, depth: 4, heads: 4, hidden: 384, fusion: 2, positions: 'relative' },
    ...{ layerScale: 1, dropPath: 0 },
    text: { vocabulary: 512, context: 24, span: 24 },
    stem: { patch: 4, stages: [48, 96, 128], depth: 1 },
    tasks: { mim: { predicts: 'pixels' }, ...pretraining },
  },
  base: published({ width: 768, depth: 12, heads: 12, fusion: 10 }, likeBeit),
  large: published({ width: 1024, depth: 24, heads: 16, fusion: 21 }, likeBeit),
  base_plus: published({ width: 544, depth: 24, heads: 16, fusion: 21 }, { positions: 'absolute' }),
};

/** First layer with an expert of both modalities; the depth where there is none. */
export const fusionOf = (c: VlmoConfig): number => (c.textOnly ? c.depth : c.fusion);

/** Pixels that one of a stem's last positions stands for. */
export const stemPatch = ({ patch, stages }: ResidualOptions): number => patch * 2 ** (stages.length - 1);

/** Tokens a side of an image. */
export const gridOf = (c: Pick<VlmoConfig, 'size' | 'patch'>): number => c.size / c.patch;

/** The model for images of `size` × `size` pixels. Error `config` for a size that patches do not tile. */
export function forSize(c: VlmoConfig, size: number): VlmoConfig {
  if (Number.isInteger(size) && size >= c.patch && size % c.patch === 0) return { ...c, size };
  throw new BowError('config', `patches of ${c.patch} pixels do not tile images of ${size}`, {
    place: 'size',
    hint: `a multiple of ${c.patch}, such as ${c.patch * Math.max(1, Math.round(size / c.patch) || 1)}`,
  });
}
