/**
 * What a system can do, as small interfaces. Everything above the systems (ladder, search, HTTP, command line) is written against these and asks
 * {@link can}, never for a system's name. Batches go in and come out in the same order, and an empty batch is an empty answer; what comes out for one
 * input does not depend on its neighbours. All methods take `signal`. Where something is drawn at random it is drawn from `seed` (default 0) and the input's number in the batch:
 * the same call gives the same answer. An option that a system does not have is an error that names it ({@link refuseOptions}), never ignored.
 */
import type { ImagePreprocessing } from '../image/index.ts';
import type { Csr } from '../text/index.ts';
import type { Acts, Plans } from '../world/index.ts';

/** Rows of equal length, one per input: `data` is [rows × width], row-major. */
export type DenseVectors = { readonly rows: number; readonly width: number; readonly data: Float32Array };

/** Encodings of a batch: dense rows, or sparse ones where most numbers are 0. Only vectors of one system and one space may be compared. */
export type Vectors = DenseVectors | Csr<Float32Array | Float64Array>;

/** An image as RGB bytes, [height × width × 3], row by row from the top. */
export type RgbImage = {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
};

/** Options every capability takes. */
export type CallOptions = { readonly signal?: AbortSignal | undefined };

/** Text → vectors; cosine similarity is meaningful. */
export type EncodesText = { encodeText(texts: readonly string[], o?: CallOptions): Promise<Vectors> };

/** Images → vectors, in the same space as the system's text where it encodes both. */
export type EncodesImages = { encodeImages(images: readonly RgbImage[], o?: CallOptions): Promise<Vectors> };

/** A text and the image it may describe. */
export type TextImagePair = { readonly text: string; readonly image: RgbImage };

/** Does this text describe this image? One score per pair, higher is better; scores of one call are comparable. */
export type ScoresPairs = { scorePairs(pairs: readonly TextImagePair[], o?: CallOptions): Promise<Float32Array> };

/** Orders documents for a query, best first; ties by place, so that equal input gives equal output. */
export type Ranks = {
  rank(
    query: string,
    documents: readonly string[],
    o?: CallOptions & { readonly k?: number },
  ): Promise<{ readonly index: number; readonly score: number }[]>;
};

/** How text is written, token by token. Each system has its own defaults; none has to have all. */
export type WritingOptions = CallOptions & {
  /** Most tokens of the answer. */
  readonly maxTokens?: number;
  readonly minTokens?: number;
  /** Texts that end the answer and are left out of it. */
  readonly stop?: readonly string[];
  /** 0: the likeliest token always. */
  readonly temperature?: number;
  /** Draws among the likeliest so many tokens; among the likeliest that have this probability together (nucleus, Holtzman et al. 2020). */
  readonly topK?: number;
  readonly topP?: number;
  /** Hypotheses that a beam search keeps; exponent of the length that it divides scores by. */
  readonly beams?: number;
  readonly lengthPenalty?: number;
  /** Divides the logits of what is there already (Keskar et al. 2019, §4.1). */
  readonly repetitionPenalty?: number;
  readonly seed?: number | string;
  /** Answers per input, the best first, in `alternatives`; default 1. */
  readonly n?: number;
  /** Gets the answer to input `index` piece by piece while it is written. */
  readonly onText?: (piece: string, index: number) => void;
};

/** A text with the sum of its tokens' log-probabilities (nats), where the system knows it. */
export type ScoredText = { readonly text: string; readonly score?: number };

/**
 * What a system wrote. `alternatives`: with `n`, the n best; with `candidates`, all of them; sorted by score, the first is the answer itself.
 * `end`: whether it came to an end of its own, or to `maxTokens`.
 */
export type WrittenText = ScoredText & {
  readonly alternatives?: readonly ScoredText[];
  readonly end?: 'stop' | 'length';
};

/** Images → captions. */
export type Captions = { caption(images: readonly RgbImage[], o?: WritingOptions): Promise<WrittenText[]> };

/** A question about one image, or about several in the order in which the question speaks of them (NLVR2: left, right). */
export type ImageQuestion = { readonly text: string; readonly images: readonly RgbImage[] };

/**
 * Questions about images → short answers. `candidates`: the answers that are allowed, of which the likeliest is taken (ALBEF §4.3, BLIP §4.3 rank
 * their answers so); a classifier's own list where they are left out. Error `usage` for a number of images that the system cannot take ({@link oneImage}).
 */
export type Answers = {
  answer(
    questions: readonly ImageQuestion[],
    o?: WritingOptions & { readonly candidates?: readonly string[] },
  ): Promise<WrittenText[]>;
};

/** A rectangle in pixels of the image as it was given, (x, y) its left upper corner; not rounded. */
export type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/** Where a system looked: numbers by place, [height × width], row by row from the top, over the whole image whatever its size. */
export type HeatMap = { readonly width: number; readonly height: number; readonly data: Float32Array };

/** A box with how sure the system is; scores of one image are comparable. */
export type ScoredBox = Box & { readonly score: number };

/**
 * Phrases and images → where in the image what the phrase says is: boxes, the best first, at least one. `proposals`: boxes of a detector, one list a pair, of which the
 * system chooses (ALBEF §5 ranks them on RefCOCO+); `k`: most boxes a pair; `onMap` gets the map of pair `index` where the system has one.
 */
export type Grounds = {
  ground(
    pairs: readonly TextImagePair[],
    o?: CallOptions & {
      readonly proposals?: readonly (readonly Box[])[];
      readonly k?: number;
      readonly onMap?: (map: HeatMap, index: number) => void;
    },
  ): Promise<ScoredBox[][]>;
};

/** Text to be continued; images may stand between its parts, as in LLaVA's turns and PaLM-E's multimodal sentences. */
export type Prompt = string | readonly (string | RgbImage)[];

/**
 * Prompts → their continuations, without the prompt. `candidates`: continuations that are allowed, the same for all prompts; all are scored and the likeliest is
 * taken (SayCan §3 scores its skills so). Error `usage` for images where the system reads text only ({@link onlyText}).
 */
export type Completes = {
  complete(
    prompts: readonly Prompt[],
    o?: WritingOptions & { readonly candidates?: readonly string[] },
  ): Promise<WrittenText[]>;
};

/** All capabilities by method; `act` and `plan` open sessions (`world/sessions.ts`), one an episode. */
export type Capabilities = EncodesText &
  EncodesImages &
  ScoresPairs &
  Ranks &
  Captions &
  Answers &
  Grounds &
  Completes &
  Acts &
  Plans;

/**
 * A loaded system: some capabilities, and what it holds on to until closed. `preprocessing`: what it sees of every image (`imageBatch`); images
 * fitted by `fitImage` beforehand are not fitted again. `scale`: the factor that made logits of the cosines of images and texts when it was trained.
 */
export type OpenSystem = {
  readonly id: string;
  readonly preprocessing?: ImagePreprocessing;
  readonly scale?: number;
  close(): Promise<void>;
} & Partial<Capabilities>;

/** Narrows a system to one that has every capability named: `if (can(system, 'encodeText', 'encodeImages')) await system.encodeText(...)`. */
export function can<K extends keyof Capabilities>(
  system: OpenSystem,
  ...methods: readonly [K, ...K[]]
): system is OpenSystem & Pick<Capabilities, K> {
  return methods.every((method) => typeof system[method] === 'function');
}
