/** What a trainable must hold: written in JavaScript, or with a cast, it may lack anything; a teacher without `update` would never move. */
import { BowError, unknownName } from '../base/index.ts';
import { notATensor, Tensor } from '../engine/index.ts';
import type { LossTerms, Trainable } from './trainable.ts';

/** Rows times width of a queue, at most: more than any paper's, and 16 GiB of float32. */
const LARGEST_QUEUE = 2 ** 32;

/** Throws `config` for a trainable whose objectives, teacher or queues lack something, with the member. */
export function checkTrainable({ id, objectives, teacher, queues }: Trainable): void {
  const isRecord = (x: unknown): boolean => typeof x === 'object' && x !== null;
  const demand = (fits: boolean, place: string, wanted: string): void => {
    if (!fits) throw new BowError('config', wanted, { place, detail: { trainable: id } });
  };
  demand(isRecord(objectives), 'objectives', 'objectives are an object of them by name');
  for (const [name, o] of Object.entries(objectives)) {
    const place = `objectives.${name}`;
    demand(isRecord(o), place, 'an objective is an object with `trace` and `source`');
    demand(typeof o.trace === 'function', `${place}.trace`, 'the trace of an objective is a function');
    demand(
      isRecord(o.source) && typeof o.source.open === 'function',
      `${place}.source`,
      'a source of batches has `open`',
    );
  }
  if (teacher) {
    const { decay, update, rename } = teacher;
    const isDecay = typeof decay === 'function' || (typeof decay === 'number' && decay >= 0 && decay <= 1);
    demand(isDecay, 'teacher.decay', `a decay is between 0 and 1, or a function, not ${String(decay)}`);
    if (!['before', 'after'].includes(update))
      throw new BowError('config', unknownName('time of a teacher’s update', String(update), ['before', 'after']), {
        place: 'teacher.update',
      });
    demand(rename === undefined || typeof rename === 'function', 'teacher.rename', 'a renaming is a function');
  }
  for (const [name, { size, width }] of Object.entries(queues ?? {})) {
    const fits = [size, width].every((n) => Number.isInteger(n) && n > 0) && size * width <= LARGEST_QUEUE;
    demand(fits, `queues.${name}`, `a queue has whole numbers of rows and columns, not ${size} × ${width}`);
  }
}

/** Throws `config` for what a trace returns that has no loss, or metrics that are no tensors. */
export function checkTerms(terms: LossTerms, place: string): LossTerms {
  if (typeof terms !== 'object' || terms === null || !('loss' in terms))
    throw new BowError('config', 'an objective returns { loss, metrics }', { place });
  for (const [name, value] of Object.entries({ ...terms.metrics, loss: terms.loss }))
    if (!(value instanceof Tensor)) throw notATensor({ rank: 0, graph: { place } }, `${name} must be a tensor`, value);
  return terms;
}
