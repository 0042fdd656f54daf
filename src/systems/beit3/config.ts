/** Configs of BEiT-3: what decides a model, and the sizes that have names. */
import { BowError } from '../../base/index.ts';

/** What a model is for: its heads. A published checkpoint has those of one task, a model trained here may have several. */
export type Beit3Tasks = {
  /** Image and text vectors in one space. */
  readonly retrieval?: true;
  /** Tokens predicted at masked positions: masked language modelling and captioning. */
  readonly tokens?: true;
  /** Answers to questions about an image: how many there are. */
  readonly answers?: number;
  /** Statements about two images: classes (NLVR2 has 2). */
  readonly pairs?: number;
  /** Classes of images. */
  readonly classes?: number;
  /** Visual tokens that are predicted at masked patches: size of the codebook. */
  readonly codes?: number;
};

/** Everything that decides the shape and the arithmetic of a model. */
export type Beit3Config = {
  /** Images are `size` × `size` pixels, cut into patches of `patch` × `patch`. */
  readonly size: number;
  readonly patch: number;
  /**
   * A convolutional stem in place of the patches' matrix (DIFFERS): its last stage, as wide as the model, has a token for each patch of `patch` pixels. Hidden
   * patches are black to it.
   */
  readonly stem?: { readonly patch: number; readonly stages: readonly number[]; readonly depth: number };
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Width between the two maps of a feed-forward network. */
  readonly hidden: number;
  readonly vocabulary: number;
  /** Rows of the texts' position table; the first two are never read, as in fairseq. */
  readonly context: number;
  /** Of the norms. */
  readonly epsilon: number;
  /** A norm after the last layer; checkpoints of classification and VQA alone have none. */
  readonly finalNorm: boolean;
  /** The paper's design (§2.1): attention and its norms serve both modalities. The released checkpoints have a copy for each. */
  readonly sharedAttention?: true;
  /** Top layers whose feed-forward network has a third expert, for pairs (§2.1). */
  readonly fusionLayers?: number;
  /** Rate of stochastic depth in the last layer while training, rising from 0. */
  readonly dropPath?: number;
  readonly tasks: Beit3Tasks;
};

const asReleased = { vocabulary: 64010, context: 1024, epsilon: 1e-5, finalNorm: true } as const;
const pretraining = { retrieval: true, tokens: true, codes: 8192 } as const;

const small = {
  ...{
    size: 64,
    width: 128,
    depth: 4,
    heads: 4,
    hidden: 512,
    vocabulary: 1024,
    context: 30,
    epsilon: 1e-5,
    finalNorm: true,
  },
  tasks: { retrieval: true, tokens: true, answers: 64, codes: 256 },
} as const;

/**
 * Sizes: `base` and `large` are the released ones (modeling_utils.py), `giant` the paper's (§2.3: 40 layers, width 1408, 6144 between, 16 heads, patches
 * of 14, attention shared, vision-language experts in the three top layers). `tiny` and `tiny-patch` are ours, for images of the tabletop on two processor
 * cores, the first with a stem that learns from fewer images.
 */
export const variants: Readonly<Record<'tiny' | 'tiny-patch' | 'base' | 'large' | 'giant', Beit3Config>> = {
  tiny: { ...small, patch: 16, stem: { patch: 4, stages: [48, 96, 128], depth: 1 } },
  'tiny-patch': { ...small, patch: 8 },
  base: { size: 224, patch: 16, width: 768, depth: 12, heads: 12, hidden: 3072, ...asReleased, tasks: pretraining },
  large: { size: 224, patch: 16, width: 1024, depth: 24, heads: 16, hidden: 4096, ...asReleased, tasks: pretraining },
  giant: {
    ...{ size: 224, patch: 14, width: 1408, depth: 40, heads: 16, hidden: 6144 },
    ...asReleased,
    ...{ sharedAttention: true, fusionLayers: 3, tasks: pretraining },
  },
};

/** Patches on a side of the image. */
export const gridOf = ({ size, patch }: Pick<Beit3Config, 'size' | 'patch'>): number => Math.floor(size / patch);

/** Most tokens of a text: the first two rows of the table are not read. */
export const longestText = ({ context }: Beit3Config): number => context - 2;

/** The model for images of `size` × `size` pixels: its own size, or one that patches tile. */
export function forSize(c: Beit3Config, size: number): Beit3Config {
  if (size === c.size) return c;
  if (Number.isInteger(size) && size >= c.patch && size % c.patch === 0) return { ...c, size };
  throw new BowError('config', `patches of ${c.patch} pixels do not tile images of ${size}`, {
    place: 'size',
    hint: `a multiple of ${c.patch}, such as ${c.patch * Math.max(1, Math.round(size / c.patch) || 1)}`,
  });
}
