/** What all ways to make a step share: how it is reported, and what is said when a number stops being finite. */
import { BowError, type Rng } from '../base/index.ts';
import {
  type CompileOptions,
  findNotFinite,
  type ModelFunction,
  type NdArray,
  type Store,
  type Tensor,
} from '../engine/index.ts';
import type { Batch } from './batches.ts';
import type { Prefetched } from './prefetch.ts';

/** The input of a step that the schedule feeds. */
export const learningRate = 'train/lr';

/** What one step reports. */
export type StepResult = {
  readonly metrics: Record<string, number>;
  readonly samples: number;
  readonly epoch: number | undefined;
  /** Seconds of the whole step, and of waiting for data in it. */
  readonly seconds: number;
  readonly loading: number;
};

/** What a step depends on beside its data. */
export type StepOptions = { readonly lr: number; readonly signal: AbortSignal | undefined };

/** Makes steps. */
export type Stepper = {
  /** Compiles for the shapes of a batch, so that the store holds all that the run needs; says where it runs. */
  prepare(batch: Batch): Promise<{ device: string; threads: number }>;
  /**
   * One optimiser step, number `step` from 0, from as many batches as are accumulated. When loss or gradients are not finite, the state is as
   * it was before the step and a `not-finite` error names the tensor.
   */
  run(step: number, batches: Prefetched<Batch>, o: StepOptions): Promise<StepResult>;
  close(): Promise<void>;
};

/** First elements of a program's outputs: its scalars. */
export function figures(outputs: Readonly<Record<string, NdArray>>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const name in outputs) out[name] = Number(outputs[name]!.data[0]);
  return out;
}

/** Loss and metrics under the names they are reported by. Error `shape` for what is no scalar. */
export function reportOf(
  traced: { readonly loss: Tensor; readonly metrics?: Readonly<Record<string, Tensor>> },
  place = '',
): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = { 'train/loss': traced.loss };
  for (const [name, value] of Object.entries(traced.metrics ?? {})) outputs[`train/${name}`] = value;
  for (const [name, { shape, size }] of Object.entries(outputs)) {
    if (size === 1) continue;
    throw new BowError('shape', `${name} must be a scalar`, { place, detail: { shape } });
  }
  return outputs;
}

/** A call of a step's function that may have made the first number that is not finite. */
export type Attempt = {
  readonly fn: ModelFunction;
  readonly inputs: Readonly<Record<string, NdArray>>;
  readonly rng: Rng;
};

/** The error for a step whose loss or gradient is not finite: the calls are made again, in their order, with every intermediate in view. */
export async function notFinite(
  attempts: readonly Attempt[],
  o: CompileOptions & { readonly store: Store },
  at: { readonly step: number; readonly loss: number; readonly norm?: number | undefined },
): Promise<BowError> {
  const what = Number.isFinite(at.loss) ? 'the gradient' : 'the loss';
  const norm = at.norm === undefined ? {} : { 'gradient norm': String(at.norm) };
  const detail = { step: at.step, loss: String(at.loss), ...norm };
  for (const { fn, inputs, rng } of attempts) {
    const first = await findNotFinite(fn, inputs, { ...o, rng });
    if (!first) continue;
    return new BowError('not-finite', `${what} is not finite at step ${at.step}`, {
      place: first.place,
      detail: {
        ...detail,
        first: first.op ?? 'a given value',
        shape: first.shape,
        NaN: first.nan,
        infinite: first.infinite,
      },
      hint: 'the last good checkpoint is kept; a lower learning rate, a longer warm-up or clipNorm are the usual cures',
    });
  }
  return new BowError('not-finite', `${what} is not finite at step ${at.step}, but was when computed again`, {
    detail,
  });
}
