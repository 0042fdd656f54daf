/**
 * One object says everything about a system: its paper, its sizes, its model, the folders it recognises, how it is trained, what it can do once it
 * is open. Registering it is one line (registry.ts); `train <id>` and its help, checkpoints, resume, the ladder, search and serving follow from the
 * definition and are written once, for all systems.
 */
import type { z } from 'zod';
import type { OpenSystem } from '../capabilities/index.ts';
import type { InputSpec, NdArray, Scope, SessionOptions, Store, Tensor } from '../engine/index.ts';
import type { Benchmark } from '../evaluate/index.ts';
import type { ModelFiles, Safetensors, TensorName } from '../hub/index.ts';
import type { DataKind } from '../kinds/index.ts';
import type {
  MadeData,
  ModelCardContent,
  Objective,
  QueueSpec,
  RecipeInput,
  Teacher,
  Trainable,
} from '../train/index.ts';
import type { LayoutFiles } from './system.ts';

/** A model without its weights: its config, and what else it takes to use it (tokenizer, preprocessing). */
export type ModelParts<C, P> = { readonly config: C; readonly parts: P };

/** A model with its weights. */
export type Model<C, P> = ModelParts<C, P> & { readonly store: Store };

/** One way in which checkpoints of a system are published. */
export type Layout<C, P> = LayoutFiles & {
  /** Errors `checkpoint` for a config that is damaged, or of a model that is not this one. */
  config(files: ModelFiles): Promise<C>;
  /** Tokenizer, preprocessing, for a config that may be for images of another size than the stored one. Errors `data` for missing files, `checkpoint` for what does not fit the config. */
  parts(files: ModelFiles, config: C, stored: C): Promise<P>;
  /** The tensors of a file by path; undefined for a model that has our own paths there, since no other library has it. */
  names(config: C): readonly TensorName[] | undefined;
  /** What published files hold beside the weights. */
  readonly beside?: RegExp;
  /** What all keys of a published file may begin with, where it was written by a wrapper of the model: `module.`. */
  readonly wrappers?: readonly string[];
  /** What the library that publishes them changes in stored weights before they fit a config, such as tables that it cuts off. */
  fit?(store: Store, config: C): void;
  /**
   * The state of the training that a file holds, by path (`teacher/**`, `queue/**`): what a training that starts from the checkpoint goes on with. Nothing
   * else reads it.
   */
  state?(file: Safetensors, config: C): Promise<ReadonlyMap<string, NdArray>>;
  /** The keys of its config that decide how many tensors there are, and the shapes of those with such paths: named where weights do not fit. */
  readonly keys?: { readonly depth: string; readonly shapes: readonly (readonly [paths: RegExp, keys: string])[] };
  /** Every settings file by name. Error `config` for a model that this layout cannot say. */
  write(model: ModelParts<C, P>): Readonly<Record<string, string>>;
  /** Fits tables of positions to images of another size, as the library does whose layout this is. */
  resize?(store: Store, stored: C, wanted: C): void;
};

/** What a stage of a training is made of. With one stage a run is that stage; several run one after the other, each in a folder of its own. */
export type Stage<C, P, D> = {
  readonly id: string;
  /** The stage whose weights this one starts from; default: the one before; null: initial values. */
  readonly from?: string | null;
  /** Path patterns of weights that are not taken over from that stage. */
  readonly reset?: readonly string[];
  /** What becomes of the weights that are taken over, such as a table that many layers shared and of which each gets its own. */
  convert?(store: Store, config: C): void;
  /** Whether the stage is part of a training: of one on this data, from a checkpoint, from a trained image network (`eyes`), or from nothing. Default: always. */
  when?(data: D, from: 'checkpoint' | 'eyes' | 'nothing'): boolean;
  /** Path patterns of parameters that stay as they are. */
  readonly freeze?: readonly string[];
  /** The stage's own defaults, over the preset. */
  readonly recipe?: RecipeInput;
  readonly make?: MadeData<D, OpenSystem>;
  /** Losses with their batches: summed, in turns, or one a step drawn by weight. */
  objectives(model: ModelParts<C, P>, data: D): Readonly<Record<string, Objective>>;
  readonly combine?: 'sum' | 'alternate' | 'sample';
  teacher?(config: C): Teacher;
  queues?(config: C): Readonly<Record<string, QueueSpec>>;
  /** What the stage is evaluated by; default: the benchmarks of its kind of data. */
  benchmarks?(data: D): readonly Benchmark[];
};

/** Lowest and highest values of parameters by path pattern. */
type Bounds = NonNullable<Trainable['limits']>;

/** How a system is trained by the trainer. D: the data it learns from, N: what loading the data needs to know. */
export type Training<C, P, D, N> = {
  readonly data: DataKind<D, N>;
  readonly presets: Readonly<Record<string, RecipeInput>>;
  /** Presets taken where none is named: for a checkpoint (`--from`), and for LoRA on one. */
  readonly presetFor?: { readonly from?: string; readonly lora?: string };
  /** Layers that `--lora` adapts. */
  readonly loraLayers?: readonly string[];
  /** What the data is loaded for. `parts`: of the checkpoint that the training starts from. */
  needs(config: C, parts: P | undefined): N;
  /** The model for the data: a vocabulary is learned where there are no parts yet; the parts of a checkpoint note what they are trained on from now. */
  parts(config: C, parts: P | undefined, data: D): ModelParts<C, P>;
  /** The path of the convolutional tower that may start as another one ended (recipe key `eyes`); undefined for a config without. */
  readonly stem?: (config: C) => string | undefined;
  /** Reads a trained image network as what the model starts from, for a config that has no stem (recipe key `eyes`); undefined for one that cannot. */
  readonly eyes?: (config: C) => ((file: Safetensors) => Promise<Store>) | undefined;
  /** Bounds that parameters are held in after every step, by path pattern. */
  readonly limits?: Bounds | ((config: C) => Bounds);
  readonly stages: readonly [Stage<C, P, D>, ...Stage<C, P, D>[]];
  /** Flags of trainings that are worth showing in help, each as it follows `bow2bot train <id> `. */
  readonly examples?: readonly string[];
  /** What the model card says about the system. */
  readonly card: Partial<ModelCardContent>;
};

/** Everything about a system whose weights the trainer trains. C: its config, P: its parts, D and N: as in {@link Training}. */
export type SystemDefinition<C, P, D, N> = {
  /** Also `model_type` in config.json, and the name of `train <id>`. */
  readonly id: string;
  readonly title: string;
  readonly paper: string;
  /** The variant table: the paper's sizes, and small ones. */
  readonly variants: Readonly<Record<string, C>>;
  /** Bounds of a sound config: a file that claims more is refused before any work. */
  readonly config: z.ZodType<C>;
  /** The first is the one that checkpoints of a training are written in. */
  readonly layouts: readonly [Layout<C, P>, ...Layout<C, P>[]];
  /** A forward pass that asks for every parameter, on symbolic inputs. */
  readonly model: {
    inputs(config: C): Readonly<Record<string, InputSpec>>;
    trace(s: Scope, inputs: Record<string, Tensor>, config: C): Record<string, Tensor>;
  };
  /** The same model for images of another size. Error `config` for a size that does not fit. */
  resized?(config: C, size: number): C;
  open(model: Model<C, P>, o?: SessionOptions): OpenSystem;
  readonly training?: Training<C, P, D, N>;
};
