/** What an objective sees of the training: counters, teacher, queues, recorded draws. The same in steps and in evaluations. */
import { BowError, unknownName } from '../base/index.ts';
import { arange, type F, type ParamSpec, type Scope, scatterNd, where } from '../engine/index.ts';
import { unitRows, zeros } from '../nn/index.ts';
import type { Inputs, Queue, QueueSpec, StepContext, Teacher, Trainable } from './trainable.ts';

/** Begins the names of what the trainer feeds to a step; batches have no inputs that begin so. */
export const own = 'train/';

/** Inputs that {@link StepContext} reads. */
export const counterInputs = { step: `${own}step`, progress: `${own}progress` } as const;

/** Values of the counters at a step. */
export function counters(step: number, steps: number): Record<string, number> {
  return { [counterInputs.step]: step, [counterInputs.progress]: step / steps };
}

/** What the traces of a run have asked for, over all its programs. */
export type Census = {
  readonly specs: Map<string, ParamSpec>;
  /** Paths of the teacher's tensors with those of the student. */
  readonly teacher: Map<string, string>;
  /** Paths that forward passes update: running statistics, counters, queues. */
  readonly updates: Set<string>;
};

/** A census without entries. */
export function newCensus(): Census {
  return { specs: new Map(), teacher: new Map(), updates: new Set() };
}

/** Takes down what a forward pass has asked for and updates. */
export function recordForward(s: Scope, census: Census): void {
  for (const { spec } of s.trace.params.values())
    if (!spec.path.startsWith('optimizer/')) census.specs.set(spec.path, spec);
  for (const path of s.trace.updates.keys()) census.updates.add(path);
}

/** The context of an objective. `model`: the scope of its model; `batch`: its batch; `inputs`: all inputs of the graph. */
export function stepContext(
  trainable: Pick<Trainable, 'teacher' | 'queues' | 'id'>,
  model: Scope,
  o: { readonly batch: Inputs; readonly inputs: Inputs; readonly census?: Census },
): StepContext {
  const counter = (name: string): F<''> => o.inputs[name]!.to(model.trace.dtype);
  return {
    get step() {
      return counter(counterInputs.step);
    },
    get progress() {
      return counter(counterInputs.progress);
    },
    get teacher() {
      if (trainable.teacher) return teacherScope(model, trainable.teacher, o.census);
      throw new BowError('config', `"${trainable.id}" declares no teacher`, { place: 'teacher' });
    },
    queue: (name) => {
      const spec = trainable.queues?.[name];
      if (spec) return queue(model, name, spec);
      throw new BowError('config', unknownName('queue', name, Object.keys(trainable.queues ?? {})), {
        place: 'queues',
      });
    },
    draw: (name, make) => {
      const drawn = o.batch[`recorded/${name}`] ?? make(model.at('draw').at(name));
      return model.tap(`draw/${name}`, drawn);
    },
  };
}

function teacherScope(model: Scope, { rename = (path) => `teacher/${path}` }: Teacher, census?: Census): Scope {
  return model.with({
    rename,
    training: false,
    spec: (d) => {
      if (d.like === undefined) return d; // shared with the student
      census?.teacher.set(d.path, d.like);
      return { ...d, kind: 'state' };
    },
  });
}

/** A ring buffer in two tensors of state: the rows, and where the next one goes. */
function queue(model: Scope, name: string, spec: QueueSpec): Queue {
  const { size, width, init = unitRows } = spec;
  const at = model.at('queue').at(name);
  const rows = at.state('rows', [size, width], init);
  const pointer = at.state('pointer', [], zeros);
  const wrapped = (position: F): F => where(position.greaterEqual(size), position.sub(size), position);
  return {
    rows,
    enqueue: (fresh) => {
      const [b, d] = [fresh.dim(0), fresh.dim(1)];
      if (fresh.rank !== 2 || d !== width || b > size) {
        throw new BowError('shape', `a queue of ${size} rows of ${width} cannot take [${fresh.shape.join(', ')}]`, {
          place: at.path,
        });
      }
      if (!model.training) return;
      const places = wrapped(model.current(pointer).add(arange(rows, b, 'int32').to(rows.dtype)));
      const index = places.to('int64').unsqueeze(1);
      model.update(rows, (now) => scatterNd(now, index, fresh.stopGradient().to(rows.dtype)));
      model.update(pointer, (now) => wrapped(now.add(b)));
    },
  };
}
