/**
 * What a system hands to the trainer: a model bound to its data. The trainer knows no system by name: everything particular (the objectives, the
 * data, how it is evaluated, what is saved beside the weights) is in its trainable.
 */
import type { Metrics } from '../base/index.ts';
import type { Compiled, F, Init, ModelFunction, ParamSpec, Scope, Store, Tensor } from '../engine/index.ts';
import type { TensorNames } from '../hub/index.ts';
import type { BatchSource } from './batches.ts';
import type { JsonTree } from './json-tree.ts';
import type { ModelCardContent } from './model-card.ts';
import type { CheckpointContent } from './storage.ts';

/** What an evaluation may use. */
export type EvaluationContext = {
  /** The weights as they would be saved: with `ema` in the recipe their moving average, with `lora` the merged ones. */
  readonly store: Store;
  readonly step: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  /**
   * A function over the same weights, not in training mode; compiled once in a run, however often it is evaluated. It sees the live state of the
   * training (teacher, queues, counters), which no evaluation changes; state of its own, such as a key/value cache, it may update.
   */
  compile(fn: ModelFunction): Compiled;
};

/** Inputs of a model by name. */
export type Inputs = Record<string, Tensor>;

/** What an objective traces: a scalar to minimise and scalars to report. */
export type LossTerms = { readonly loss: Tensor; readonly metrics?: Readonly<Record<string, Tensor>> };

/** A first-in, first-out memory of rows, such as the features of earlier batches. */
export type Queue = {
  /** All rows [size, width] as they were before this step. No gradient. */
  readonly rows: F<'q d'>;
  /** Puts rows [b, width] in the place of the oldest, from the next step on; does nothing in evaluations. */
  enqueue(rows: F<'b d'>): void;
};

/** What an objective may know and use of the training beside its batch. */
export type StepContext = {
  /** Optimiser steps finished before this one: 0 in the first. */
  readonly step: F<''>;
  /** `step` as a share of the run's length, in [0, 1): for ramps, such as ALBEF's α. */
  readonly progress: F<''>;
  /** The model with the teacher's parameters, in evaluation mode. Stop the gradient where `rename` shares parameters. Error `config` when none is declared. */
  readonly teacher: Scope;
  /** A declared queue; `config` error with the nearest name for another. */
  queue(name: string): Queue;
  /**
   * A random choice (mined negatives, masks), made by `make` from noise of the scope it is given. When the batch has an input `recorded/<name>`, that
   * is returned instead: tests replay another program's draws. Can be tapped as `draw/<name>`.
   */
  draw(name: string, make: (s: Scope) => Tensor): Tensor;
};

/**
 * A loss over all samples of a batch at once, in two halves. With these a recipe may say `chunk`: samples are encoded a few at a time, and the
 * loss is still that of the whole batch (Gao et al. 2021, arXiv:2101.06983).
 */
export type TwoPhaseLoss = {
  /** Representations, the samples on their first axis. Each must depend on its own sample alone: no batch norm in training. */
  encode(s: Scope, batch: Inputs, t: StepContext): Record<string, Tensor>;
  /** Loss and metrics (scalars) from the representations of a whole batch and those of its inputs that `inputs` names. */
  loss(s: Scope, found: Record<string, Tensor>, batch: Inputs, t: StepContext): LossTerms;
  /** Inputs of the batch that the loss looks at beside the representations. */
  readonly inputs?: readonly string[];
};

/** One thing that a model learns: a loss with its data. */
export type Objective = {
  /** Loss (a scalar) and metrics (scalars) of a batch. Called once for every shape of batch; in training mode for steps (`s.training`). */
  trace(s: Scope, batch: Inputs, t: StepContext): LossTerms;
  /** Objectives with the same source object see the same batches. */
  readonly source: BatchSource;
  /** Held-out batches: their mean loss and metrics are evaluated. */
  readonly validation?: BatchSource;
  /** Factor of the loss in the sum and in turns; with `combine: 'sample'` how often it is drawn instead. Default 1. */
  readonly weight?: number;
  /** Takes part in every n-th step, from the first on (`combine: 'sum'`). Default 1. */
  readonly every?: number;
  /** The same loss in two halves, where it compares samples with each other. */
  readonly twoPhase?: TwoPhaseLoss;
};

/** A copy of the model that follows it slowly: momentum encoders (He et al. 2020, arXiv:1911.05722; ALBEF, BLIP), mean teachers. */
export type Teacher = {
  /**
   * Where its parameters live; default `teacher/<path>`. A path that stays as it is belongs to teacher and student alike, such as a temperature.
   */
  readonly rename?: (path: string) => string;
  /** teacher ← decay · teacher + (1 − decay) · student: a number or a function of the step. */
  readonly decay: number | ((at: { readonly step: number; readonly progress: number }) => number);
  /** Whether it moves before the forward pass of a step (MoCo, ALBEF, BLIP) or after the student's step (mean teachers, DINO). Once an optimiser step. */
  readonly update: 'before' | 'after';
};

/** How large a queue is and what it starts as. */
export type QueueSpec = {
  readonly size: number;
  readonly width: number;
  /** Default: random rows of length 1. */
  readonly init?: Init;
};

/** A model that can be trained, bound to its data. */
export type Trainable = {
  /** The system's id, as in `recipe.system`. */
  readonly id: string;
  /** What it learns, by name. With one objective its metrics are `train/<metric>`, with several `train/<objective>/<metric>`. */
  readonly objectives: Readonly<Record<string, Objective>>;
  /**
   * Several objectives in one run. `sum` (default): the weighted sum of all in one step. `alternate`: one a step, in turns. `sample`: one a step,
   * drawn in proportion to the weights.
   */
  readonly combine?: 'sum' | 'alternate' | 'sample';
  readonly teacher?: Teacher;
  readonly queues?: Readonly<Record<string, QueueSpec>>;
  /**
   * Every parameter and buffer of the model, by path. Those that no objective uses (parts that another stage trains) keep their values, are saved with
   * the others, and may be named by the recipe's `freeze`.
   */
  readonly parameters?: ReadonlyMap<string, ParamSpec>;
  /** Bounds that parameters are held in after every step, by path pattern. */
  readonly limits?: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** Further metrics on held-out data, reported as `eval/<name>`. */
  evaluate?(context: EvaluationContext): Promise<Metrics>;
  /** The evaluated metric that makes a checkpoint the best, unless the recipe names one; default: the smallest `eval/loss`. */
  readonly select?: { readonly metric: string; readonly mode: 'min' | 'max' };
  /** `config.json` of the checkpoints: what is needed to build the model again. */
  readonly config: JsonTree;
  /**
   * How the model's tensors lie in `model.safetensors` where the published layout differs; all others are saved under their paths. State that is
   * named here (a teacher, a queue) is saved there too.
   */
  readonly tensors?: TensorNames;
  /** Identifies the data: a resumed run must find the same. */
  readonly fingerprint?: string;
  /** Further files of the checkpoints: `tokenizer.json`, `preprocessor_config.json`. */
  readonly files?: NonNullable<CheckpointContent['files']>;
  /** What the model card says about the system; the trainer adds the training and the evaluation. */
  readonly card?: Partial<ModelCardContent>;
};

/** Data that a stage makes with the model of the stage it starts from (captions, instructions): made once, in a folder of the run, and read from there. */
export type MadeData<D, Previous> = {
  run(o: {
    readonly previous: Previous;
    readonly data: D;
    readonly folder: string;
    readonly signal: AbortSignal | undefined;
  }): Promise<void>;
  load(folder: string, data: D): Promise<D>;
};
