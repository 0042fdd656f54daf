/** Sizes of ALBEF (Li et al. 2021, arXiv:2107.07651): what decides the shape and the arithmetic of a model, and the variant table. */
import { z } from 'zod';

/** The image encoder: a vision transformer with the norms before each sublayer. `hidden`: width between the two maps of an MLP. */
export type AlbefVisual = {
  /** Images are `size` × `size` pixels, and a token stands for `patch` × `patch` of them. */
  readonly size: number;
  readonly patch: number;
  /** DIFFERS: a residual network in place of the patches' linear map, for small models; its last stage has a position a token. */
  readonly stem?: { readonly patch: number; readonly stages: readonly number[]; readonly depth: number } | undefined;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly hidden: number;
  readonly epsilon: number;
};

/** One BERT in two halves: layers before `fusion` are the text encoder, the others the multimodal encoder, which also attends to the image. */
export type AlbefText = {
  readonly vocabulary: number;
  /** Rows of the table of positions: most tokens that a text may have. */
  readonly context: number;
  /** Rows of the table of token types, of which only the first is used. */
  readonly types: number;
  /** Id of [PAD]: positions with it are not attended to. */
  readonly pad: number;
  readonly width: number;
  /** Layers of both halves. */
  readonly depth: number;
  /** The first layer that attends to the image. */
  readonly fusion: number;
  readonly heads: number;
  readonly hidden: number;
  readonly epsilon: number;
  /** Shares that training drops: of a sublayer's results, and of attention weights. */
  readonly dropout: number;
  readonly attentionDropout: number;
};

/** What stands on the encoders; a checkpoint holds those that its task has. */
export type AlbefHeads = {
  /** Projections into a space of this width, with a temperature: image-text contrast (§3.2, eq. 1). */
  readonly contrast?: number | undefined;
  /** Do image and text belong together (eq. 4)? */
  readonly match?: true | undefined;
  /** Masked words (eq. 3). */
  readonly words?: true | undefined;
  /** Layers of the decoder that writes answers (§5, VQA). */
  readonly decoder?: number | undefined;
  /** Classes of a two-layer head on the fused [CLS]: 3 for SNLI-VE, 2 for NLVR² (§5). */
  readonly classes?: number | undefined;
  /** Which of two images does the text belong to, or neither (§5, text assignment)? */
  readonly assignment?: true | undefined;
};

/** How the momentum twins distil (§3.3–3.4): used while training only. */
export type AlbefDistillation = {
  /** Weight of the twins' soft targets at the end of the ramp (§3.4: 0.4). */
  readonly alpha: number;
  /** Share of the run over which it rises from 0. The released code takes the first of 30 epochs. */
  readonly ramp: number;
  /** Decay of the twins (§3.3: 0.995). */
  readonly momentum: number;
  /** Features of earlier batches that the contrast compares with (§3.3: 65,536). */
  readonly queue: number;
};

/** Everything that decides a model. */
export type AlbefConfig = {
  readonly visual: AlbefVisual;
  readonly text: AlbefText;
  readonly heads: AlbefHeads;
  /** Two for NLVR²: every multimodal layer comes twice, and the two attend to one image each, with the same keys and values (§5). */
  readonly images: 1 | 2;
  /** The temperature's first value; similarities are divided by it. */
  readonly temperature: number;
  readonly distillation: AlbefDistillation;
};

/** Names of the paper's classes by how many there are, in the order of their numbers (released code, dataset/nlvr_dataset.py and ve_dataset.py). */
export const classNames: Readonly<Record<number, readonly string[]>> = {
  2: ['false', 'true'],
  3: ['contradiction', 'neutral', 'entailment'],
};

/** The released configs: ViT-B/16 (DeiT's sizes) and BERT-base, which the models of 4M and 14M images share (§4.1, configs/config_bert.json). */
function paperVariant(size: number, heads: AlbefHeads, images: 1 | 2 = 1): AlbefConfig {
  return {
    visual: { size, patch: 16, width: 768, depth: 12, heads: 12, hidden: 3072, epsilon: 1e-6 },
    text: {
      ...{ vocabulary: 30522, context: 512, types: 2, pad: 0, width: 768, depth: 12, fusion: 6, heads: 12 },
      ...{ hidden: 3072, epsilon: 1e-12, dropout: 0.1, attentionDropout: 0.1 },
    },
    heads,
    images,
    temperature: 0.07,
    distillation: { alpha: 0.4, ramp: 1 / 30, momentum: 0.995, queue: 65536 },
  };
}

/**
 * `base` is pre-trained at 256 × 256 pixels, the others are fine-tuned at 384 × 384 (§4.1, §5; configs/*.yaml of the released code). `tiny` is ours,
 * for images of the tabletop on two processor cores: a stem learns from fewer images, and it has the heads of several tasks at once (DIFFERS: the paper fine-tunes a model for each). Its
 * queue and the momentum fit runs of a thousand steps, not of hundreds of thousands.
 */
export const variants: Readonly<
  Record<
    'tiny' | 'base' | 'base-retrieval' | 'base-vqa' | 'base-snli-ve' | 'base-nlvr2' | 'base-text-assignment',
    AlbefConfig
  >
> = {
  tiny: {
    visual: {
      ...{ size: 64, patch: 8, stem: { patch: 4, stages: [48, 96], depth: 1 } },
      ...{ width: 128, depth: 2, heads: 4, hidden: 256, epsilon: 1e-6 },
    },
    text: {
      ...{ vocabulary: 1024, context: 32, types: 2, pad: 0, width: 128, depth: 4, fusion: 2, heads: 4 },
      ...{ hidden: 256, epsilon: 1e-12, dropout: 0.1, attentionDropout: 0.1 },
    },
    heads: { contrast: 64, match: true, words: true, decoder: 2 },
    images: 1,
    temperature: 0.07,
    distillation: { alpha: 0.4, ramp: 0.2, momentum: 0.98, queue: 1024 },
  },
  base: paperVariant(256, { contrast: 256, match: true, words: true }),
  'base-retrieval': paperVariant(384, { contrast: 256, match: true }),
  'base-vqa': paperVariant(384, { decoder: 6 }),
  'base-snli-ve': paperVariant(384, { classes: 3 }),
  'base-nlvr2': paperVariant(384, { classes: 2 }, 2),
  'base-text-assignment': paperVariant(256, { contrast: 256, assignment: true }, 2),
};

const count = (most: number): z.ZodInt => z.int().positive().max(most);
const share = z.number().min(0).max(1);

/** Largest counts of a model: larger ones are no ALBEF, and would cost hours before anything else failed. */
const most = {
  width: 2 ** 16,
  depth: 256,
  heads: 2 ** 10,
  hidden: 2 ** 18,
  size: 2 ** 14,
  vocabulary: 2 ** 24,
} as const;
const tower = {
  width: count(most.width),
  depth: count(most.depth),
  heads: count(most.heads),
  hidden: count(most.hidden),
  epsilon: z.number().positive().max(1),
};

const visual = z.strictObject({
  ...{ ...tower, size: count(most.size), patch: count(most.size) },
  stem: z
    .strictObject({ patch: count(most.size), stages: z.array(count(most.width)).min(1).max(8), depth: count(64) })
    .optional(),
});
const text = z.strictObject({
  ...tower,
  vocabulary: count(most.vocabulary),
  context: count(2 ** 12),
  types: count(64),
  pad: z.int().nonnegative(),
  fusion: count(most.depth),
  dropout: share,
  attentionDropout: share,
});
const heads = z.strictObject({
  contrast: count(most.width).optional(),
  match: z.literal(true).optional(),
  words: z.literal(true).optional(),
  decoder: count(most.depth).optional(),
  classes: count(2 ** 16).optional(),
  assignment: z.literal(true).optional(),
});
const distillation = z.strictObject({
  alpha: share,
  ramp: share,
  momentum: share,
  queue: count(2 ** 22),
});

type Unsound = readonly [wrong: boolean, path: readonly string[], message: string];

/** What a config must be beyond its types. */
function unsound(c: AlbefConfig): readonly Unsound[] {
  const { visual: v, text: t } = c;
  return [
    [v.size % v.patch !== 0, ['visual', 'patch'], `patches of ${v.patch} pixels do not tile images of ${v.size}`],
    [
      v.stem !== undefined && v.stem.patch * 2 ** (v.stem.stages.length - 1) !== v.patch,
      ['visual', 'stem'],
      `${v.stem?.stages.length} stages from patches of ${v.stem?.patch} do not end at tokens of ${v.patch} pixels`,
    ],
    [v.width % v.heads !== 0, ['visual', 'heads'], `${v.heads} heads do not divide a width of ${v.width}`],
    [t.width % t.heads !== 0, ['text', 'heads'], `${t.heads} heads do not divide a width of ${t.width}`],
    [t.fusion >= t.depth, ['text', 'fusion'], `no layer of ${t.depth} is left to fuse with the image`],
    [t.pad >= t.vocabulary, ['text', 'pad'], `no token of a vocabulary of ${t.vocabulary}`],
    [
      c.images === 2 && (c.heads.match || c.heads.words || c.heads.decoder) !== undefined,
      ['images'],
      'with two images there are no heads for matching, masked words or answers',
    ],
    [
      c.heads.decoder !== undefined && t.depth - t.fusion < c.heads.decoder,
      ['heads', 'decoder'],
      `a decoder starts as a copy of the ${t.depth - t.fusion} multimodal layers and cannot have more`,
    ],
  ];
}

/** Bounds of a sound config. */
export const albefConfig: z.ZodType<AlbefConfig> = z
  .strictObject({
    ...{ visual, text, heads, images: z.union([z.literal(1), z.literal(2)]) },
    ...{ temperature: z.number().positive().max(100), distillation },
  })
  .superRefine((c, context) => {
    for (const [wrong, path, message] of unsound(c))
      if (wrong) context.addIssue({ code: 'custom', path: [...path], message });
  });
