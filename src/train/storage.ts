/**
 * Where a run keeps its checkpoints and logs. The trainer knows this interface only: folders on disk are in `train/node`, {@link memoryStorage} serves
 * a browser and tests.
 */
import type { Metrics } from '../base/index.ts';
import { encodeSafetensors, readSafetensors, type Safetensors, type TensorData } from '../hub/index.ts';
import type { Recipe } from './recipe-schema.ts';

/** A JSON object. */
export type JsonObject = { readonly [key: string]: unknown };

/** Tensors by name. */
export type TensorMap<T = TensorData> = ReadonlyMap<string, T>;

/** A LoRA adapter under PEFT's names, and its `adapter_config.json`. */
export type Adapter<T = TensorData> = { readonly config: JsonObject; readonly tensors: TensorMap<T> };

/** What a checkpoint holds. Only `config` and `model` are needed to use it; the rest is for resuming and for people. */
export type CheckpointContent<T = TensorData> = {
  readonly config: JsonObject;
  readonly model: TensorMap<T>;
  /** Optimiser moments, averages, teachers, queues: what a resumed run needs beside the weights. */
  readonly state?: TensorMap<T>;
  /** Counters: kept in the header of `training_state.safetensors`. */
  readonly stateMetadata?: Readonly<Record<string, string>>;
  readonly recipe?: JsonObject;
  /** Markdown of `README.md`. */
  readonly card?: string;
  /** Written to the folder `adapter`. */
  readonly adapter?: Adapter<T>;
  /** Further files by name: `tokenizer.json`, `preprocessor_config.json`. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
};

/** A measured value that made a checkpoint the best so far. */
export type BestMetric = { readonly metric: string; readonly value: number };

/** A checkpoint opened for resuming; close it when done. */
export type StoredCheckpoint = {
  /** Where it is, for messages. */
  readonly folder: string;
  readonly model: Safetensors;
  readonly state: Safetensors | undefined;
  readonly recipe: JsonObject | undefined;
  close(): Promise<void>;
};

/** An open log. */
export type RunLog = { write(step: number, metrics: Metrics): void; close(): void };

/** A run's storage opened for writing; no other run can write to it until it is closed. */
export type OpenStorage = {
  /** Writes the checkpoint of a step and makes it the last, with `best` also the best. Returns where it is. */
  write(step: number, content: CheckpointContent, o: { readonly best?: BestMetric }): Promise<string>;
  /** Opens the logs; what they have of steps after `step` is dropped, since it will be written again. */
  openLog(recipe: Recipe, step: number): Promise<RunLog>;
  close(): Promise<void>;
};

/** Where a run lives. */
export type RunStorage = {
  /** What messages call it. */
  readonly place: string;
  /** The last checkpoint; undefined when there is none yet. */
  last(): Promise<StoredCheckpoint | undefined>;
  /** `keep`: how many checkpoints stay beside the best. */
  open(o: { readonly keep: number }): Promise<OpenStorage>;
};

/** A storage in memory: the last and the best checkpoint, and all that was logged. */
export type MemoryStorage = RunStorage & {
  readonly checkpoints: Readonly<
    Record<'last' | 'best', { readonly step: number; readonly content: CheckpointContent } | undefined>
  >;
  readonly log: readonly (Metrics & { readonly step: number })[];
};

/** A storage for browsers and tests. It holds copies: the run goes on without changing them. */
export function memoryStorage(): MemoryStorage {
  const checkpoints: Record<'last' | 'best', { step: number; content: CheckpointContent } | undefined> = {
    last: undefined,
    best: undefined,
  };
  const log: (Metrics & { step: number })[] = [];
  const place = 'memory';
  return {
    place,
    checkpoints,
    log,
    last: async () => {
      if (!checkpoints.last) return undefined;
      const { model, state, stateMetadata, recipe } = checkpoints.last.content;
      const open = (tensors: TensorMap): Promise<Safetensors> =>
        readSafetensors(encodeSafetensors(tensors, { metadata: stateMetadata ?? {} }), place);
      const files = { model: await open(model), state: state ? await open(state) : undefined };
      return { folder: place, ...files, recipe, close: async () => {} };
    },
    open: async () => ({
      write: async (step, content, { best }) => {
        const { state } = content;
        const kept = { ...content, model: copied(content.model), ...(state ? { state: copied(state) } : {}) };
        checkpoints.last = { step, content: kept };
        if (best) checkpoints.best = checkpoints.last;
        return place;
      },
      openLog: async (_recipe, step) => {
        log.splice(0, log.length, ...log.filter((line) => line.step <= step));
        return { write: (at, metrics) => void log.push({ ...metrics, step: at }), close: () => {} };
      },
      close: async () => {},
    }),
  };
}

function copied(tensors: TensorMap): TensorMap {
  return new Map([...tensors].map(([name, t]) => [name, { ...t, data: t.data.slice() }]));
}
