/**
 * What a system can do, as small interfaces. Everything above the systems (ladder, search, HTTP, command line) is written against these and asks
 * {@link can}, never for a system's name. Batches go in and come out in the same order; all methods take `signal` where they may run long.
 */
import type { SquareFit } from '../image/index.ts';
import type { Csr } from '../text/index.ts';

/** Rows of equal length, one an input: `data` is [rows × width], row-major. */
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

/** Does this text describe this image? One score a pair, higher is better; scores of one call are comparable. */
export type ScoresPairs = {
  scorePairs(
    pairs: readonly { readonly text: string; readonly image: RgbImage }[],
    o?: CallOptions,
  ): Promise<Float32Array>;
};

/** Orders documents for a query, best first; ties by place, so that equal input gives equal output. */
export type Ranks = {
  rank(
    query: string,
    documents: readonly string[],
    o?: CallOptions & { readonly k?: number },
  ): Promise<{ readonly index: number; readonly score: number }[]>;
};

/** Images → sentences. */
export type Captions = { caption(images: readonly RgbImage[], o?: CallOptions): Promise<string[]> };

/** Questions about images → short answers. */
export type Answers = {
  answer(questions: readonly { readonly text: string; readonly image: RgbImage }[], o?: CallOptions): Promise<string[]>;
};

/** An instruction and what the cameras see now → the next action, as the numbers of the world's action space. */
export type Acts = {
  act(
    observation: {
      readonly instruction: string;
      readonly images: readonly RgbImage[];
      readonly state?: Float32Array;
    },
    o?: CallOptions,
  ): Promise<Float32Array>;
};

/** A goal in words (and what is seen) → steps in words, of those that are offered. */
export type Plans = {
  plan(
    goal: string,
    context: {
      readonly skills: readonly string[];
      readonly images?: readonly RgbImage[];
      readonly history?: readonly string[];
    },
    o?: CallOptions,
  ): Promise<string[]>;
};

/** All capabilities by method. */
export type Capabilities = EncodesText & EncodesImages & ScoresPairs & Ranks & Captions & Answers & Acts & Plans;

/**
 * A loaded system: some capabilities, and what it holds on to until closed. `imageSize`: `encodeImages` sees every image as a square of so many
 * pixels, made of it by `fitSquare` with `imageFit` (default: the middle is cut out); one that is such a square already is taken as it is. `scale`: the factor that made logits of the
 * cosines of images and texts when it was trained.
 */
export type OpenSystem = {
  readonly id: string;
  readonly imageSize?: number;
  readonly imageFit?: SquareFit;
  readonly scale?: number;
  close(): Promise<void>;
} & Partial<Capabilities>;

/** Narrows a system to one that has a capability: `if (can(system, 'encodeText')) await system.encodeText(...)`. */
export function can<K extends keyof Capabilities>(
  system: OpenSystem,
  method: K,
): system is OpenSystem & Pick<Capabilities, K> {
  return typeof system[method] === 'function';
}
