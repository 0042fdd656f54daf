/**
 * CLIP — "Learning Transferable Visual Models From Natural Language Supervision". Radford et al. 2021, arXiv:2103.00020.
 * Two towers and one temperature, trained so that in a batch every image matches its own caption and every caption its image.
 * `bow2bot train clip --smoke`
 */
import { BowError } from '../../base/index.ts';
import {
  arange,
  argmax,
  einsum,
  type F,
  gather,
  type I,
  type Init,
  l2Normalize,
  type Scope,
  type Tensor,
} from '../../engine/index.ts';
import {
  type Activation,
  bagOfTokens,
  constant,
  crossEntropy,
  dropout,
  initialise,
  kaimingUniform,
  linear,
  normal,
  residualTower,
  softCrossEntropy,
  textTransformer,
  uniform,
  vit,
} from '../../nn/index.ts';

/** One tower's transformer. `hidden`: width between the two maps of an MLP. */
export type TowerConfig = {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly hidden: number;
  /** OpenAI's checkpoints have quick-gelu, most of open_clip's the exact one. */
  readonly activation: Activation;
  /** Of the norms. */
  readonly epsilon: number;
  /** First value of LayerScale's factors (Touvron et al. 2021, arXiv:2103.17239), which some of open_clip's models have. */
  readonly layerScale?: number;
};

/** Everything that decides the shape and the arithmetic of a model. */
export type ClipConfig = {
  /** Width of the shared space. */
  readonly embed: number;
  /** Images are `size` × `size` pixels, cut into patches of `patch` × `patch`; what is left at the right and below belongs to no patch. */
  readonly visual: TowerConfig & {
    readonly size: number;
    readonly patch: number;
    /** Channels of a residual network's stages, of `depth` blocks each, which then stands where the transformer would; `width` is the last. */
    readonly stages?: readonly number[];
  };
  readonly text: TowerConfig & {
    readonly vocabulary: number;
    /** Most tokens of a text, start and end included. */
    readonly context: number;
    /** Where a text is read: at the first token with this id, or at the largest id of the row, as in OpenAI's code. */
    readonly eot: number | 'largest';
    /** Texts are bags of words: the mean of the tokens' vectors stands where the transformer would, and `depth`, `heads` and `hidden` mean nothing. */
    readonly bag?: true;
  };
};

/** Of every row: the activation of OpenAI's checkpoints and PyTorch's epsilon. */
const asInPaper = { activation: 'quick-gelu', epsilon: 1e-5 } as const;

/** A row of the variant table in fewer words: heads are width/64, MLPs four times as wide (§2.4; sizes in open_clip's JSON files). */
function paperVariant(embed: number, size: number, patch: number, vision: [number, number], text: number): ClipConfig {
  const tower = (depth: number, width: number): TowerConfig => ({
    ...{ width, depth, heads: width / 64, hidden: 4 * width },
    ...asInPaper,
  });
  return {
    embed,
    visual: { ...tower(...vision), size, patch },
    text: { ...tower(12, text), vocabulary: 49408, context: 77, eot: 'largest' },
  };
}

/** A residual tower for images of 64 pixels: one block a stage. */
function residual(stages: readonly number[]): ClipConfig['visual'] {
  const width = stages.at(-1)!;
  return { size: 64, patch: 4, stages, width, depth: 1, heads: 1, hidden: width, ...asInPaper };
}

/**
 * Sizes: the paper's tables 19 and 20; `tiny` and `scenes` are ours, for images of the tabletop on two processor cores, `icons` for thousands of
 * drawings, and `eyes` for single objects: a convolutional tower learns from fewer images (DIFFERS: not the paper's ResNets, whose stems and bottlenecks are for 224 pixels), and words
 * without their order from fewer captions (DIFFERS: no text transformer).
 */
export const variants: Readonly<
  Record<'tiny' | 'scenes' | 'icons' | 'eyes' | 'ViT-B/32' | 'ViT-B/16' | 'ViT-L/14' | 'ViT-L/14@336px', ClipConfig>
> = {
  tiny: {
    embed: 64,
    visual: { size: 64, patch: 8, width: 96, depth: 3, heads: 3, hidden: 384, ...asInPaper },
    text: { width: 96, depth: 2, heads: 3, hidden: 384, ...asInPaper, vocabulary: 1024, context: 32, eot: 'largest' },
  },
  icons: {
    embed: 128,
    visual: residual([48, 96, 192]),
    text: {
      bag: true,
      width: 96,
      depth: 1,
      heads: 1,
      hidden: 96,
      ...asInPaper,
      vocabulary: 4096,
      context: 16,
      eot: 'largest',
    },
  },
  scenes: {
    embed: 128,
    visual: residual([48, 96, 128]),
    text: { width: 96, depth: 2, heads: 3, hidden: 384, ...asInPaper, vocabulary: 1024, context: 32, eot: 'largest' },
  },
  eyes: {
    embed: 128,
    visual: residual([48, 96, 128]),
    text: {
      bag: true,
      width: 96,
      depth: 1,
      heads: 1,
      hidden: 96,
      ...asInPaper,
      vocabulary: 1024,
      context: 32,
      eot: 'largest',
    },
  },
  'ViT-B/32': paperVariant(512, 224, 32, [12, 768], 512),
  'ViT-B/16': paperVariant(512, 224, 16, [12, 768], 512),
  'ViT-L/14': paperVariant(768, 224, 14, [24, 1024], 768),
  'ViT-L/14@336px': paperVariant(768, 336, 14, [24, 1024], 768),
};

/** The model for images of `size` × `size` pixels: its own size, or one that patches tile. */
export function forSize(c: ClipConfig, size: number): ClipConfig {
  if (size === c.visual.size) return c;
  const patch = c.visual.patch * 2 ** ((c.visual.stages?.length ?? 1) - 1); // every further stage halves the places
  if (Number.isInteger(size) && size >= patch && size % patch === 0) return { ...c, visual: { ...c.visual, size } };
  throw new BowError('config', `patches of ${patch} pixels do not tile images of ${size}`, {
    place: 'size',
    hint: `a multiple of ${patch}, such as ${patch * Math.max(1, Math.round(size / patch) || 1)}`,
  });
}

/** Largest value of the logit scale's logarithm: "clipped to prevent scaling the logits by more than 100" (§2.5). */
export const LARGEST_SCALE: number = Math.log(100);

/** Share of the elements that training drops from word vectors, and from what a residual tower sees in an image; transformers drop nothing. */
const DROPOUT = 0.2;

/** Images (normalised channels, see the image room's `CLIP_MEAN`) → the shared space, not normalised. */
export function encodeImage(s: Scope, image: F<'b c y x'>, c: ClipConfig): F<'b e'> {
  const { visual } = c;
  if (visual.stages) {
    const projected = initialise(s, { '**visual_projection/weight': normal(visual.width ** -0.5) });
    const pooled = residualTower(s.at('visual'), image, { ...visual, stages: visual.stages }); // b d
    const kept = dropout(projected.at('visual/drop'), pooled, DROPOUT);
    return linear(projected.at('visual_projection'), kept, c.embed, { bias: false });
  }
  const at = initialise(s, visualInit(c));
  const whole = Math.floor(visual.size / visual.patch) * visual.patch; // as a convolution with this stride leaves out the rest
  const tiled = whole === visual.size ? image : image.slice(2, 0, whole).slice(3, 0, whole);
  const x = vit(at.at('visual'), tiled, { ...visual, preNorm: true, patchBias: false }); // b d
  return linear(at.at('visual_projection'), x, c.embed, { bias: false });
}

/** Token rows → the shared space, not normalised. What stands after the end of a text changes nothing: attention looks back only. */
export function encodeText(s: Scope, tokens: I<'b n'>, c: ClipConfig): F<'b e'> {
  const { text } = c;
  if (text.bag) {
    const projected = initialise(s, { '**text_projection/weight': normal(text.width ** -0.5) });
    const x = bagOfTokens(s.at('text'), tokens, { ...text, dropout: DROPOUT }); // b d
    return linear(projected.at('text_projection'), x, c.embed, { bias: false });
  }
  const at = initialise(s, textInit(c));
  const x = textTransformer(at.at('text'), tokens, { ...text, pool: { eot: text.eot } }); // b d
  return linear(at.at('text_projection'), x, c.embed, { bias: false });
}

/** Unit rows of the pairs of a batch. */
export type ClipPairs = { readonly image: F<'b e'>; readonly text: F<'b e'> };

/** What {@link clip} gives: unit rows and exp(logit_scale). */
export type ClipOutputs = ClipPairs & { readonly scale: F<''> };

/** Both towers of figure 3: rows of unit length. */
export function encodePairs(s: Scope, batch: { image: F<'b c y x'>; tokens: I<'b n'> }, c: ClipConfig): ClipPairs {
  return { image: l2Normalize(encodeImage(s, batch.image, c)), text: l2Normalize(encodeText(s, batch.tokens, c)) };
}

/** exp(logit_scale); the first temperature is 0.07 (§2.5). */
const scaleOf = (s: Scope): F<''> => s.param('logit_scale', [], constant(Math.log(1 / 0.07))).exp();

/** The model of figure 3. */
export function clip(s: Scope, batch: { image: F<'b c y x'>; tokens: I<'b n'> }, c: ClipConfig): ClipOutputs {
  return { ...encodePairs(s, batch, c), scale: scaleOf(s) };
}

/** Cosines of all pairs of a batch, times the scale: row i are image i's logits of the texts. */
export function clipLogits({ image, text, scale }: ClipOutputs): F<'i j'> {
  return einsum('i e, j e -> i j', image, text).mul(scale);
}

/**
 * Symmetric InfoNCE: the i-th text belongs to the i-th image, in both directions (figure 3). Where several pairs of a batch show the same thing,
 * `group` says so: equal numbers belong to each other, and the target is spread evenly over them (Yang et al. 2022, arXiv:2204.03610, eq. 4–5).
 * Without two equal numbers that is the same loss. `smoothing`: the share of every target that is spread evenly over the batch (Szegedy et al. 2016,
 * arXiv:1512.00567, §7).
 */
export function clipLoss(logits: F<'i j'>, group?: I<'i'>, smoothing = 0): F<''> {
  const o = { labelSmoothing: smoothing };
  if (group) {
    const same = group.unsqueeze(1).equal(group.unsqueeze(0)).to(logits.dtype);
    const target = same.div(same.sum(1, { keep: true })); // `same` is symmetric, so this serves both directions
    return softCrossEntropy(logits, target, o)
      .add(softCrossEntropy(logits.mT, target, o))
      .mul(0.5);
  }
  const target = arange(logits, logits.dim(0));
  return crossEntropy(logits, target, o)
    .add(crossEntropy(logits.mT, target, o))
    .mul(0.5);
}

/** PyTorch's default for linear and convolution layers: U(±1/√fan-in), weights and biases. */
const torchWeight = kaimingUniform({ a: Math.sqrt(5) });
const torchBias = (fanIn: number): Init => uniform(-(fanIn ** -0.5), fanIn ** -0.5);

/** Initial values of the vision tower as in OpenAI's code: the tables drawn with 1/√d, the blocks as PyTorch initialises its layers. */
function visualInit(c: ClipConfig): Record<string, Init> {
  const { width: d, hidden } = c.visual;
  const inProjection = Math.sqrt(6 / (4 * d)); // Xavier's bound for q, k and v in one matrix [3d, d]
  return {
    '**visual/patch/weight': torchWeight,
    '**visual/class_token': normal(d ** -0.5),
    '**visual/positions': normal(d ** -0.5),
    '**visual/blocks/*/attn/out/weight': torchWeight,
    '**visual/blocks/*/attn/*/weight': uniform(-inProjection, inProjection),
    '**visual/blocks/*/mlp/*/weight': torchWeight,
    '**visual/blocks/*/mlp/fc1/bias': torchBias(d),
    '**visual/blocks/*/mlp/fc2/bias': torchBias(hidden),
    '**visual_projection/weight': normal(d ** -0.5),
  };
}

/** Initial values of the text tower: `initialize_parameters` of OpenAI's model.py. */
function textInit(c: ClipConfig): Record<string, Init> {
  const { width: d, depth, hidden } = c.text;
  const residual = d ** -0.5 * (2 * depth) ** -0.5;
  return {
    '**text/tokens/weight': normal(0.02),
    '**text/positions': normal(0.01),
    '**text/blocks/*/attn/out/weight': normal(residual),
    '**text/blocks/*/attn/*/weight': normal(d ** -0.5),
    '**text/blocks/*/mlp/fc1/weight': normal((2 * d) ** -0.5),
    '**text/blocks/*/mlp/fc2/weight': normal(residual),
    '**text/blocks/*/mlp/fc1/bias': torchBias(d),
    '**text/blocks/*/mlp/fc2/bias': torchBias(hidden),
    '**text_projection/weight': normal(d ** -0.5),
  };
}

/** Options of {@link clipObjective} and {@link traceClip}. `smoothing`: as in {@link clipLoss}, while training. */
export type ClipObjectiveOptions = { readonly smoothing?: number | undefined };

/** Loss and metrics of the pairs of a batch; `accuracy`: the share of images whose best text is theirs (or of their group). */
export function clipObjective(
  s: Scope,
  pairs: ClipPairs,
  group?: I<'i'>,
  o: ClipObjectiveOptions = {},
): { loss: F<''>; metrics: Record<string, F<''>> } {
  const scale = scaleOf(s);
  const logits = clipLogits({ ...pairs, scale });
  const best = argmax(logits);
  const right = group ? gather(group, best).equal(group) : best.equal(arange(logits, logits.dim(0), 'int64'));
  const accuracy = right.to(logits.dtype).mean();
  return { loss: clipLoss(logits, group, s.training ? o.smoothing : 0), metrics: { accuracy, scale } };
}

/** Model, loss and metrics as the trainer wants them: inputs `image` [b, 3, y, x], `tokens` [b, n], and `group` [b] where there are groups. */
export function traceClip(
  s: Scope,
  batch: Record<string, Tensor>,
  c: ClipConfig,
  o: ClipObjectiveOptions = {},
): ReturnType<typeof clipObjective> {
  const pairs = { image: batch['image']!.asFloat(), tokens: batch['tokens']!.asInt() };
  return clipObjective(s, encodePairs(s, pairs, c), batch['group']?.asInt(), o);
}
