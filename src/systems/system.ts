/** What the registry holds of a system, and everything above the systems may know of one. */
import type { OpenSystem } from '../capabilities/index.ts';
import type { SessionOptions, Store } from '../engine/index.ts';
import type { ModelFiles } from '../hub/index.ts';
import type { DataInput, DataKind, Flag, FlagValues, LoadData, LoadOptions } from '../kinds/index.ts';
import type { MadeData, Recipe, RecipeInput, Trainable } from '../train/index.ts';

/** Options of opening a model. `size`: for images of other sides than the checkpoint's, in pixels. */
export type OpenOptions = SessionOptions & { readonly size?: number | undefined };

/** One way in which checkpoints of a system are published. */
export type LayoutFiles = {
  readonly id: string;
  /** Every file beside the weights that is read: what a download fetches first. The first of them tells a checkpoint from other folders. */
  readonly settings: readonly string[];
  /** The weights' file, where it is not `model.safetensors` or its shards. */
  readonly weights?: string;
  /** True for a checkpoint in this layout; reads settings only. */
  recognises(files: ModelFiles): Promise<boolean>;
};

/** A system of the registry. */
export type System = {
  /** Also `model_type` in config.json, and the name of `train <id>`. */
  readonly id: string;
  readonly title: string;
  readonly paper: string;
  /** Rows of its variant table; empty for a system without one. */
  readonly variants: readonly string[];
  readonly layouts: readonly LayoutFiles[];
  /** True for a checkpoint of this system in any of its layouts; reads settings only. */
  recognises(files: ModelFiles): Promise<boolean>;
  /** Opens a checkpoint. Errors: `data` for missing files, `checkpoint` for what is damaged or of another model. */
  open(files: ModelFiles, o?: OpenOptions): Promise<OpenSystem>;
  /** How the trainer trains it; absent for systems that learn by themselves, or not at all. */
  readonly training?: SystemTraining;
  /** How it learns without the trainer. Its runner is registered in `systems/node` (`registerRunner`). */
  readonly ownTraining?: OwnTraining;
};

/** The variant that is trained where none is named: `tiny`, or the first of a table without one; undefined without a table. */
export function defaultVariant({ variants }: Pick<System, 'variants'>): string | undefined {
  return variants.includes('tiny') ? 'tiny' : variants[0];
}

/** A training that a system carries out by itself, on the command line's flags. */
export type OwnTraining = {
  readonly data: DataInput;
  /** Flags beside those of the data. */
  readonly flags: readonly Flag[];
  /** Command lines, each as it follows `bow2bot `. */
  readonly examples: readonly string[];
};

/** What came of such a training, for `--json` and as lines for the user. */
export type OwnResult = {
  readonly result: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
  /** A command worth trying next, as in `try it: bow2bot …`; left out under `--quiet`. */
  readonly next?: string;
};

/** Carries out an {@link OwnTraining} on the values of its flags. */
export type Runner = (flags: FlagValues, o: LoadOptions) => Promise<OwnResult>;

/** What a training is prepared with. */
export type PrepareOptions = LoadOptions & {
  /** The files of the checkpoint that a recipe's `from` names. */
  files(from: string): Promise<ModelFiles>;
  readonly load: LoadData;
  /** A line for the person who waits. */
  readonly say?: ((line: string) => void) | undefined;
};

/** A finished stage, as the next one sees it: the checkpoint that it starts from. */
export type EarlierStage = { readonly checkpoint: string };

/** A stage ready to run, in the trainer's form (`trainStages`). */
export type PreparedStage = {
  readonly id: string;
  readonly from?: string | null;
  readonly reset?: readonly string[];
  convert?(store: Store): void;
  readonly freeze?: readonly string[];
  readonly recipe?: RecipeInput;
  readonly make?: MadeData<unknown, EarlierStage>;
  trainable(data: unknown): Promise<Trainable>;
};

/** A training ready to run. */
export type PreparedTraining = {
  readonly stages: readonly [PreparedStage, ...PreparedStage[]];
  /** What the stages learn from. */
  readonly data: unknown;
  /** Initial values; what is missing is drawn with the recipe's seed. */
  readonly store?: Store;
  /** What is worth knowing of the data. */
  readonly report: Readonly<Record<string, unknown>>;
};

/** A system's training, whatever its config, parts and data are. */
export type SystemTraining = {
  readonly data: DataKind<unknown, unknown>;
  readonly presets: Readonly<Record<string, RecipeInput>>;
  /** Presets taken where none is named: for a checkpoint (`--from`), and for LoRA on one. */
  readonly presetFor: { readonly from?: string; readonly lora?: string };
  /** Layers that `--lora` adapts; none: it has no LoRA by name. */
  readonly loraLayers: readonly string[];
  readonly stages: readonly string[];
  /** Flags of trainings that are worth showing, each as it follows `bow2bot train <id> `. */
  readonly examples: readonly string[];
  /** Loads the data of a recipe and binds the model to it. Errors: `config`, `data`, those of the checkpoint that it starts from. */
  prepare(recipe: Recipe, o: PrepareOptions): Promise<PreparedTraining>;
};
