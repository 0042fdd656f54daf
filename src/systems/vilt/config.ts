/** Sizes of ViLT. Kim et al. 2021, §4.2. */
import type { Activation } from '../../nn/index.ts';

/** Everything that decides the shape and the arithmetic of a model. */
export type ViltConfig = {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Width between the two maps of an MLP. */
  readonly hidden: number;
  readonly activation: Activation;
  /** Of the norms in and behind the blocks: 1e-6 in the paper's code, 1e-12 in Hugging Face's. */
  readonly epsilon: number;
  /** Of the norms that come from BERT: behind the embeddings of words, in the head for masked words. */
  readonly textEpsilon: number;
  /** Whether q, k and v have biases. */
  readonly qkvBias: boolean;
  /** Share of the values that training drops, of embeddings and of every sublayer. */
  readonly dropout: number;
  /** The same for the weights of attention: 0 in the paper's code. */
  readonly attentionDropout: number;
  readonly image: {
    /** The table of positions is for images of `size` × `size` pixels; it is fitted to every other size. */
    readonly size: number;
    readonly patch: number;
    /**
     * A residual tower whose last feature map, a position for every `patch` pixels, stands where the pixels of the patches would (DIFFERS: the paper does
     * without, with millions of images; a few thousand teach a tower more).
     */
    readonly stem?: Stem;
    /** Most patches of an image that training sees, drawn at random (§4.2); absent: all. */
    readonly most?: number;
  };
  readonly text: {
    readonly vocabulary: number;
    /** Most tokens of a text, [CLS] and [SEP] included. */
    readonly context: number;
    /** Rows of BERT's table of token types, of which the first is used. */
    readonly types: number;
  };
  /** Vectors of modalities: text, image and, for statements, second image. */
  readonly modalities: 2 | 3;
  readonly tasks: ViltTasks;
};

/** Patches of the first stage in pixels, channels of each stage, blocks a stage. He et al. 2016; `residualTokens`. */
export type Stem = { readonly patch: number; readonly stages: readonly number[]; readonly depth: number };

/** The heads that a model has. */
export type ViltTasks = {
  /** Masked words, read with a table of their own or with that of the embeddings. */
  readonly mlm?: 'own' | 'tied';
  /** Whether text and image belong to each other. */
  readonly itm?: true;
  /** A score of text and image for retrieval. */
  readonly rank?: true;
  /** Questions by a classifier over so many answers (§4.3). */
  readonly answers?: number;
  /** Statements about two images, false or true (§4.3). */
  readonly statements?: true;
};

/** Of every row: the paper's heads of pre-training, and the constants of its code. */
const asInPaper = {
  activation: 'gelu',
  epsilon: 1e-6,
  textEpsilon: 1e-12,
  qkvBias: true,
  dropout: 0.1,
  attentionDropout: 0,
  modalities: 2,
  tasks: { mlm: 'own', itm: true },
} as const;

/** The vocabulary of bert-base-uncased and texts of at most 40 tokens (§4.2). */
const paperText = { vocabulary: 30522, context: 40, types: 2 } as const;

/**
 * Sizes: the paper’s model (§4.2: ViT-B/32 at 384 pixels; at most 200 patches of an image in pre-training); `tiny` is ours, for images of the tabletop on
 * two processor cores, with a stem.
 */
export const variants: Readonly<Record<'tiny' | 'ViLT-B/32', ViltConfig>> = {
  tiny: {
    ...{ width: 128, depth: 4, heads: 4, hidden: 256 },
    ...asInPaper,
    dropout: 0,
    image: { size: 64, patch: 16, stem: { patch: 4, stages: [48, 96, 128], depth: 1 } },
    text: { vocabulary: 1024, context: 24, types: 2 },
  },
  'ViLT-B/32': {
    ...{ width: 768, depth: 12, heads: 12, hidden: 3072 },
    ...asInPaper,
    image: { size: 384, patch: 32, most: 200 },
    text: paperText,
  },
};

/** The id of [PAD]: nothing sees tokens that have it. */
export const PAD = 0;
