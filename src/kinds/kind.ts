/**
 * Kinds of data that systems learn from. A kind owns the schema of the recipe's `data` key, the flags that decide its keys, and the benchmarks that
 * its held-out side allows. Kinds run in Node and in a browser; what reads a kind's data from disk is its loader (`kinds/node`).
 */
import type { z } from 'zod';
import type { OnProgress } from '../base/index.ts';
import type { Benchmark } from '../evaluate/index.ts';
import type { Json, JsonTree, RecipeInput } from '../train/index.ts';

/** A flag of a command, as data: commander's own notation (`<corpus>` is an argument that must be given), and what help says of it. */
export type Flag = {
  readonly flags: string;
  readonly description: string;
  /** May be given again: the values are a list. */
  readonly repeat?: boolean;
  /** Error `usage` when it is missing. */
  readonly required?: boolean;
  readonly default?: string;
};

/** Values of flags by the names that commander gives them (`--split-by` is `splitBy`, `<corpus>` is `corpus`); what was not given is absent. */
export type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What else was said on the command line that a kind may refuse to be combined with. */
export type FlagContext = {
  /** A run of seconds that tries everything once: the kind takes little of its data. */
  readonly smoke: boolean;
  /** A recipe from a file, or that of a run that is resumed, lies under the flags. */
  readonly under: boolean;
  /** The preset that was named, with its own `data` keys. */
  readonly preset?: { readonly name: string; readonly data: JsonTree } | undefined;
};

/** How command lines and recipes name what is learned from. */
export type DataInput = {
  readonly id: string;
  /** In `train --help`: "images with texts or classes". */
  readonly title: string;
  /** The recipe's `data` key. */
  readonly schema: z.ZodType<Json>;
  readonly flags: readonly Flag[];
  /** How flags name this kind's data in an example: `--data photos/`. */
  readonly example: string;
  /** The recipe keys that flags decide: only those that were given, so that a resumed run keeps the rest. Error `usage` for flags that exclude each other. */
  fromFlags(f: FlagValues, o: FlagContext): RecipeInput & { readonly data: JsonTree };
};

/** One kind that the trainer trains on. D: its data once loaded. N: what loading needs to know of the model (image sizes, windows). */
export type DataKind<D, N> = DataInput & {
  /** The side of the images that a recipe asks for, in pixels: the model is resized to it. Undefined: the model's own, or a kind without images. */
  imageSize?(data: Json): number | undefined;
  /** Texts of the training side, for vocabularies. */
  texts(data: D): Iterable<string>;
  /** What the held-out side allows to measure; the first one's headline makes the best checkpoint. */
  benchmarks(data: D): readonly Benchmark[];
  /** A line for the user: how many, what was left out and why. */
  summary(data: D): string;
  /** What is worth knowing of the data, for `--json`. */
  report(data: D): Readonly<Record<string, unknown>>;
  /** A digest of all that the steps of a run see: a resumed run must find the same. */
  fingerprint(data: D): Promise<string>;
  /** Never set: carries N in the type. */
  needs?(needs: N): void;
};

/** Options of loading. */
export type LoadOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Called with what was passed over or odd but read, a line of text each. */
  readonly onNotice?: ((text: string) => void) | undefined;
};

/** Loads the data that a recipe names. Errors: `data`, `config` with the recipe's key as place. */
export type Loader<D, N> = (data: Json, needs: N, o: LoadOptions) => Promise<D>;

/** Loads any kind's data: in Node `loadData` of `kinds/node`, in a browser a function of the page. */
export type LoadData = <D, N>(kind: DataKind<D, N>, data: Json, needs: N, o: LoadOptions) => Promise<D>;
