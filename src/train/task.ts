/**
 * What a system hands to the trainer. The trainer knows no system by name: everything particular (the loss, the data, how it is judged, what
 * is saved beside the weights) is in its task.
 */
import type { Compiled, ModelFunction, Scope, Store, Tensor } from '../engine/index.ts';
import type { BatchSource } from './batches.ts';
import type { CheckpointContent } from './checkpoint-folder.ts';
import type { JsonTree } from './json-tree.ts';
import type { ModelCardContent } from './model-card.ts';

/** Metrics by name. */
export type Metrics = Readonly<Record<string, number>>;

/** What an evaluation may use. */
export type EvaluationContext = {
  /** The weights as they would be saved: with `ema` in the recipe their moving average, with `lora` the merged ones. */
  readonly store: Store;
  readonly step: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  /** A function over the same weights, not in training mode; compiled once in a run, however often it is evaluated. */
  compile(fn: ModelFunction): Compiled;
};

/**
 * A loss over all samples of a batch at once, in two halves. With these a recipe may say `chunk`: samples are encoded a few at a time, and the
 * loss is still that of the whole batch (Gao et al. 2021, arXiv:2101.06983).
 */
export type TwoPhaseLoss = {
  /** Representations, the samples on their first axis. Each must depend on its own sample alone: no batch norm in training. */
  encode(s: Scope, batch: Record<string, Tensor>): Record<string, Tensor>;
  /** Loss and metrics (scalars) from the representations of a whole batch and those of its inputs that `inputs` names. */
  loss(
    s: Scope,
    found: Record<string, Tensor>,
    batch: Record<string, Tensor>,
  ): { readonly loss: Tensor; readonly metrics?: Record<string, Tensor> };
  /** Inputs of the batch that the loss looks at beside the representations. */
  readonly inputs?: readonly string[];
};

/** A trainable system, bound to its data. */
export type Task = {
  /** The system's id, as in `recipe.system`. */
  readonly id: string;
  /** Loss (a scalar) and metrics (scalars) of a batch. Called once for every shape of batch, in training mode (`s.training`). */
  trace(s: Scope, batch: Record<string, Tensor>): { readonly loss: Tensor; readonly metrics?: Record<string, Tensor> };
  /** The same in two halves, where the loss compares samples with each other. */
  readonly twoPhase?: TwoPhaseLoss;
  /** Bounds that parameters are held in after every step, by path pattern. */
  readonly limits?: Readonly<Record<string, readonly [low: number, high: number]>>;
  readonly source: BatchSource;
  /** Held-out batches: their mean loss and metrics become `eval/loss`, `eval/<metric>`. */
  readonly validation?: BatchSource;
  /** Further metrics on held-out data, reported as `eval/<name>`. */
  evaluate?(context: EvaluationContext): Promise<Metrics>;
  /** The evaluated metric that makes a checkpoint the best, unless the recipe names one; default: the smallest `eval/loss`. */
  readonly select?: { readonly metric: string; readonly mode: 'min' | 'max' };
  /** `config.json` of the checkpoints: what is needed to build the model again. */
  readonly config: JsonTree;
  /** Names of parameters in `model.safetensors`, by path, where the published layout has others; each tensor is saved as it is. */
  readonly names?: ReadonlyMap<string, string>;
  /** What tells this data from any other: a resumed run must find the same. */
  readonly fingerprint?: string;
  /** Further files of the checkpoints: `tokenizer.json`, `preprocessor_config.json`. */
  readonly files?: NonNullable<CheckpointContent['files']>;
  /** What the model card says about the system; the trainer adds the training and the evaluation. */
  readonly card?: Partial<ModelCardContent>;
};
