/**
 * The trainer: steps, evaluations, checkpoints, logs, in a loop that can be stopped anywhere and resumes bit for bit. It knows trainables and
 * recipes, no system.
 */
import { BowError, isBowError, type Metrics, throwIfAborted, unknownName } from '../base/index.ts';
import type { Store } from '../engine/index.ts';
import type { JsonTree } from './json-tree.ts';
import { reportedRates } from './optimizer.ts';
import type { Recipe } from './recipe-schema.ts';
import { openRun, type Run, type TrainOptions } from './run.ts';
import { cardOf } from './run-card.ts';
import { progressMetadata, type RunProgress, tensorsOf } from './run-state.ts';
import { selectionRule } from './select.ts';
import type { StepResult } from './step-parts.ts';
import type { Trainable } from './trainable.ts';

/** What a run came to. */
export type TrainResult = {
  readonly step: number;
  readonly reason: 'finished' | 'early-stop';
  /** Metrics of the last evaluation; empty when there are none. */
  readonly metrics: Metrics;
  readonly best: RunProgress['best'];
  /** The trained state. */
  readonly store: Store;
  /** Seconds over all processes that took part in the run. */
  readonly seconds: number;
};

/**
 * Trains a model on its data. Errors: `config` for a recipe that does not fit the trainable, its data or the run that is resumed; `not-finite` when the loss or a
 * gradient is, with the scope path of the first such tensor, the last good checkpoint kept; `aborted` after writing a checkpoint when the
 * signal fires; what the trainable's sources and evaluation throw.
 */
export async function train(trainable: Trainable, recipe: Recipe, o: TrainOptions = {}): Promise<TrainResult> {
  const run = await openRun(trainable, recipe, o);
  try {
    const reason = await loop(run);
    const { step, metrics, best, seconds } = run.progress;
    return { step, reason, metrics, best, store: run.store, seconds };
  } finally {
    await run.close();
  }
}

async function loop(run: Run): Promise<TrainResult['reason']> {
  const { o, emit } = run;
  try {
    for (;;) {
      await evaluateWhenDue(run);
      const reason = ending(run);
      await checkpointWhenDue(run, reason !== undefined);
      if (reason !== undefined) {
        emit({ type: 'run-end', step: run.progress.step, reason });
        return reason;
      }
      await pauseWhenAsked(run);
      throwIfAborted(o.signal);
      await step(run);
    }
  } catch (e) {
    const { step } = run.progress;
    if (!o.signal?.aborted || !isAbort(e)) {
      emit({ type: 'run-end', step, reason: 'failed' });
      throw e;
    }
    await checkpointWhenDue(run, true);
    emit({ type: 'run-end', step, reason: 'aborted' });
    throw new BowError('aborted', `stopped on request after step ${step} of ${run.steps}`, {
      ...(o.storage ? { place: o.storage.place, hint: 'resume goes on from here, bit for bit' } : {}),
      cause: e,
    });
  }
}

function isAbort(e: unknown): boolean {
  return (isBowError(e) && e.code === 'aborted') || (e instanceof Error && e.name === 'AbortError');
}

function ending(run: Run): TrainResult['reason'] | undefined {
  const { patience } = run.recipe.select;
  if (run.progress.step >= run.steps) return 'finished';
  return patience !== null && run.progress.stale >= patience ? 'early-stop' : undefined;
}

async function pauseWhenAsked(run: Run): Promise<void> {
  const { control, signal } = run.o;
  if (!control?.paused) return;
  const { step } = run.progress;
  run.emit({ type: 'run-pause', step });
  await control.gate(signal);
  run.emit({ type: 'run-resume', step });
}

async function step(run: Run): Promise<void> {
  const { progress, recipe, emit, o } = run;
  const rates = run.rates(progress.step);
  const result = await run.stepper.run(progress.step, run.batches, { rates, signal: o.signal });
  progress.step += 1;
  const metrics: Metrics = { ...result.metrics, ...reportedRates(rates) };
  if (progress.step % recipe.log.every === 0 || progress.step === run.steps) {
    run.log.write(progress.step, { ...metrics, ...speed(result) });
  }
  emit({ type: 'step-end', step: progress.step, epoch: result.epoch, metrics });
  o.onProgress?.({
    task: `train ${recipe.system}`,
    done: progress.step,
    total: run.steps,
    unit: 'steps',
    metrics: { loss: metrics['train/loss']! },
  });
}

function speed(r: StepResult): Metrics {
  const epoch = r.epoch === undefined ? {} : { epoch: r.epoch };
  return { samples_per_s: r.samples / r.seconds, step_s: r.seconds, dataloading_s: r.loading, ...epoch };
}

/** Evaluates after every `evaluateEvery` steps and after the last, once for each step whatever resumes come between. */
async function evaluateWhenDue(run: Run): Promise<void> {
  const { progress, recipe, emit } = run;
  const { step } = progress;
  const due = (step > 0 && step % recipe.evaluateEvery === 0) || step >= run.steps;
  if (!due || progress.evaluated === step) return;
  const metrics = await run.evaluator.evaluate(step, run.o.signal);
  progress.evaluated = step;
  run.written = -1; // a checkpoint of this step that a stop in the middle of the evaluation left knows nothing of it
  if (Object.keys(metrics).length === 0) return;
  progress.metrics = Object.fromEntries(Object.entries(metrics).filter(([, v]) => Number.isFinite(v)));
  run.isBest = select(run, metrics);
  run.log.write(step, metrics);
  emit({
    type: 'evaluation-end',
    step,
    metrics,
    selectionMetric: selectionRule(recipe, run.trainable).metric,
    isBest: run.isBest,
  });
}

/** Compares the evaluation with the best so far and notes the result. A metric that is not finite is no improvement. */
function select({ recipe, trainable, progress }: Run, metrics: Metrics): boolean {
  const { minDelta } = recipe.select;
  const { metric, mode } = selectionRule(recipe, trainable);
  const value = metrics[metric];
  if (value === undefined) {
    throw new BowError('config', unknownName('metric', metric, Object.keys(metrics)), {
      place: 'select.metric',
      detail: { evaluated: Object.keys(metrics) },
    });
  }
  const gain =
    progress.best === null ? Number.POSITIVE_INFINITY : (value - progress.best.value) * (mode === 'max' ? 1 : -1);
  const isBest = Number.isFinite(value) && gain > minDelta;
  if (isBest) progress.best = { metric, value, step: progress.step };
  progress.stale = isBest ? 0 : progress.stale + 1;
  return isBest;
}

/** Writes a checkpoint at the steps that the recipe names, for every new best, and when `now`. */
async function checkpointWhenDue(run: Run, now: boolean): Promise<void> {
  const { progress, recipe, trainable, writer } = run;
  const { step } = progress;
  const due = now || run.isBest || (step > 0 && step % recipe.checkpointEvery === 0);
  if (!writer || !due || (run.written === step && !run.isBest)) return;
  progress.seconds = run.seconds();
  const best = run.isBest && progress.best ? progress.best : undefined;
  const folder = await writer.write(
    step,
    {
      ...tensorsOf(run.store, {
        lora: recipe.lora,
        from: recipe.from,
        ...(trainable.tensors ? { tensors: trainable.tensors } : {}),
      }),
      config: trainable.config,
      stateMetadata: progressMetadata(progress, trainable.fingerprint),
      recipe: recipe as unknown as JsonTree,
      card: cardOf(trainable, recipe, { progress, parameters: run.parameters, device: run.device, plan: run.plan }),
      ...(trainable.files ? { files: trainable.files } : {}),
    },
    best ? { best } : {},
  );
  run.written = step;
  run.emit({ type: 'checkpoint-write', step, folder, isBest: run.isBest });
  run.isBest = false;
}
