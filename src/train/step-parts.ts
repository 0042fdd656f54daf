/** What all ways to make a step share: how it is reported, and what is said when a number stops being finite. */
import { BowError, type Rng } from '../base/index.ts';
import {
  type CompileOptions,
  findNotFinite,
  type ModelFunction,
  makeArray,
  type NdArray,
  type Store,
} from '../engine/index.ts';
import type { Batch } from './batches.ts';
import type { Rates } from './optimizer.ts';
import type { Prefetched } from './prefetch.ts';
import type { StepPlan } from './step-plan.ts';

/** What one step reports. */
export type StepResult = {
  readonly metrics: Record<string, number>;
  readonly samples: number;
  readonly epoch: number | undefined;
  /** Seconds of the whole step, and of waiting for data in it. */
  readonly seconds: number;
  readonly loading: number;
};

/** What a step depends on beside its data: learning rates and what else the recipe feeds, by input. */
export type StepOptions = { readonly rates: Rates; readonly signal: AbortSignal | undefined };

/** Batches ready to be taken, by feed. */
export type Batches = ReadonlyMap<string, Prefetched<Batch>>;

/** Makes steps. */
export type Stepper = {
  /** Compiles for the shapes of the first batches, so that the store holds all that the run needs; says where it runs. */
  prepare(first: ReadonlyMap<string, Batch>): Promise<{ device: string; threads: number }>;
  /**
   * One optimiser step, number `step` from 0, from as many batches as are accumulated. When it fails, or is stopped, the state is as it was before the
   * step; when loss or gradients are not finite, a `not-finite` error names the tensor.
   */
  run(step: number, batches: Batches, o: StepOptions): Promise<StepResult>;
  close(): Promise<void>;
};

/** Makes the forward and backward passes of one step; what stands around them is the stepper's. */
export type Passes = Pick<Stepper, 'prepare' | 'run' | 'close'> & {
  /** Paths that earlier programs of a step change before its last: put back when the step is not finished. */
  readonly early: () => Iterable<string>;
};

/** What steppers are made of. */
export type StepperOptions = CompileOptions & {
  readonly store: Store;
  readonly plan: StepPlan;
  /** Length of the run. */
  readonly steps: number;
};

/** First elements of a program's outputs: its scalars. */
export function scalarsOf(outputs: Readonly<Record<string, NdArray>>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const name in outputs) out[name] = Number(outputs[name]!.data[0]);
  return out;
}

/** Keeps values of state as they are before a step, to put them back when the step is not finished. */
export function stateGuard(
  store: Store,
  paths: () => Iterable<string>,
): { readonly begin: () => void; readonly restore: () => void } {
  const kept = new Map<string, NdArray>();
  return {
    begin: () => {
      for (const path of paths()) {
        const { dtype, shape, data } = store.get(path);
        const known = kept.get(path) ?? ({ dtype, shape, data: makeArray(dtype, data.length) } as NdArray);
        (known.data as Float32Array).set(data as Float32Array);
        kept.set(path, known);
      }
    },
    restore: () => {
      for (const [path, { data }] of kept) (store.get(path).data as Float32Array).set(data as Float32Array);
    },
  };
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
