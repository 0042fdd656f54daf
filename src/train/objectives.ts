/** Tracing the objectives of a step (or an evaluation) into one graph: their batches, their weights, the names they are reported by. */
import { BowError, unknownName } from '../base/index.ts';
import type { Scope, Tensor } from '../engine/index.ts';
import { checkTerms } from './check-trainable.ts';
import { type Census, counterInputs, own, stepContext } from './step-context.ts';
import type { Inputs, LossTerms, Trainable } from './trainable.ts';

/** The inputs below a prefix without it; with an empty prefix all that the trainer does not feed itself. */
export function inputsOf(inputs: Inputs, prefix: string): Inputs {
  const out: Inputs = {};
  for (const [name, x] of Object.entries(inputs)) {
    if (prefix === '' ? name.startsWith(own) : !name.startsWith(prefix)) continue;
    out[name.slice(prefix.length)] = x;
  }
  return out;
}

/** Loss and metrics of the named objectives. `prefixOf`: what the names of an objective's inputs begin with. */
export function traceObjectives(
  trainable: Trainable,
  model: Scope,
  inputs: Inputs,
  o: { readonly names: readonly string[]; readonly prefixOf: (name: string) => string; readonly census?: Census },
): Map<string, LossTerms> {
  const terms = new Map<string, LossTerms>();
  for (const name of o.names) {
    const batch = inputsOf(inputs, o.prefixOf(name));
    const context = stepContext(trainable, model, { batch, inputs, ...(o.census ? { census: o.census } : {}) });
    terms.set(name, checkTerms(trainable.objectives[name]!.trace(model, batch, context), `objectives.${name}`));
  }
  return terms;
}

/**
 * One objective outside of a run, for tests and studies: its loss and metrics in the caller's graph, at a given step (default: the first). A teacher
 * is a copy of the student unless the store has it; queues take what is enqueued where the graph is in training mode.
 */
export function traceObjective(
  trainable: Trainable,
  name: string,
  s: Scope,
  batch: Inputs,
  o: { readonly step?: number; readonly progress?: number } = {},
): LossTerms {
  const objective = trainable.objectives[name];
  if (!objective)
    throw new BowError('usage', unknownName('objective', name, Object.keys(trainable.objectives)), {
      place: trainable.id,
    });
  const inputs = {
    [counterInputs.step]: s.constant(o.step ?? 0),
    [counterInputs.progress]: s.constant(o.progress ?? 0),
  };
  return checkTerms(objective.trace(s, batch, stepContext(trainable, s, { batch, inputs })), `objectives.${name}`);
}

/** Metrics of a run's own, which no objective may take when it is alone. */
const reserved = /^(loss|grad_norm|lr(\/.*)?|step|progress|keep|open\/.*)$/;

/** Where the scalars of an objective are reported: below its name, unless it is the only one. */
export function placeOf(trainable: Pick<Trainable, 'objectives'>, name: string): string {
  return Object.keys(trainable.objectives).length === 1 ? '' : `${name}/`;
}

/**
 * The scalars of objectives under the names they are reported by, `train/loss`, `train/accuracy`, or `train/<objective>/…` where there are
 * several. Errors: `shape` for what is no scalar, `config` for a metric with a name of the trainer's own.
 */
export function reportOf(
  trainable: Pick<Trainable, 'objectives' | 'id'>,
  terms: ReadonlyMap<string, LossTerms>,
  prefix: 'train/' | 'eval/',
): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {};
  for (const [name, { loss, metrics = {} }] of terms) {
    const place = placeOf(trainable, name);
    for (const metric of Object.keys(metrics)) {
      if (!(place === '' ? reserved : /^loss$/).test(metric)) continue;
      throw new BowError('config', `a metric cannot be called "${metric}": the trainer reports one of that name`, {
        place: trainable.id,
      });
    }
    for (const [metric, value] of Object.entries({ ...metrics, loss })) {
      if (value.size !== 1)
        throw new BowError('shape', `${prefix}${place}${metric} must be a scalar`, {
          place: trainable.id,
          detail: { shape: value.shape },
        });
      outputs[`${prefix}${place}${metric}`] = value;
    }
  }
  return outputs;
}

/** What a step minimises: the weighted sum of its objectives' losses; drawn objectives are not weighted again. */
export function totalLoss(trainable: Trainable, terms: ReadonlyMap<string, LossTerms>): Tensor {
  const losses = [...terms].map(([name, { loss }]) => {
    const { weight = 1 } = trainable.objectives[name]!;
    return weight === 1 || trainable.combine === 'sample' ? loss : loss.mul(weight);
  });
  return losses.reduce((sum, loss) => sum.add(loss.reshape(sum.shape)));
}
