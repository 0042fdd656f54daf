import { expect, test } from 'vitest';
import { type F, type I, ndarray, newTrace, Scope } from '../engine/index.ts';
import { crossEntropy, linear } from '../nn/index.ts';
import { arraySource, parseRecipe, type Trainable, traceObjective, train } from './index.ts';

const source = arraySource({
  x: ndarray('float32', [6, 2], new Float32Array(12).fill(0.5)),
  y: ndarray('int32', [6], [0, 1, 0, 1, 0, 1]),
});
const logits = (s: Scope, x: F<'b c'>): F<'b v'> => linear(s.at('head'), x, 2);
const objective: Trainable['objectives'][string] = {
  trace: (s, { x, y }) => ({ loss: crossEntropy(logits(s, x!.asFloat()), y!.asInt()) }),
  source,
};
const good: Trainable = { id: 'small', objectives: { fit: objective }, config: {} };
const recipe = parseRecipe({ system: 'small', steps: 2, batchSize: 3, threads: 1 });

test.each<[what: string, part: object, place: string]>([
  ['no objectives', { objectives: undefined }, 'objectives'],
  ['an objective that is none', { objectives: { fit: 3 } }, 'objectives.fit'],
  ['an objective without a trace', { objectives: { fit: { source } } }, 'objectives.fit.trace'],
  ['an objective without a source', { objectives: { fit: { trace: objective.trace } } }, 'objectives.fit.source'],
  ['a teacher that would never move', { teacher: { decay: 0.9 } }, 'teacher.update'],
  ['a teacher that moves at an unknown time', { teacher: { decay: 0.9, update: 'befor' } }, 'teacher.update'],
  ['a teacher without a decay', { teacher: { update: 'after' } }, 'teacher.decay'],
  ['a decay that is not a number', { teacher: { decay: Number.NaN, update: 'after' } }, 'teacher.decay'],
  ['a decay beyond 1', { teacher: { decay: 2, update: 'after' } }, 'teacher.decay'],
  ['a queue without rows', { queues: { q: { size: 0, width: 2 } } }, 'queues.q'],
  ['a queue of half a row', { queues: { q: { size: 3.5, width: 2 } } }, 'queues.q'],
  ['a queue beyond all memory', { queues: { q: { size: 1e12, width: 2 } } }, 'queues.q'],
])('%s', async (_, part, place) => {
  await expect(train({ ...good, ...part } as Trainable, recipe)).rejects.toMatchObject({ code: 'config', place });
});

test('what a trace returns must be a loss with its metrics', async () => {
  const returning = (terms: unknown): Trainable => ({
    ...good,
    objectives: { fit: { ...objective, trace: () => terms as ReturnType<typeof objective.trace> } },
  });
  const scalar = new Scope(newTrace()).constant(1);
  for (const terms of [undefined, null, 3, scalar, {}])
    await expect(train(returning(terms), recipe)).rejects.toMatchObject({ code: 'config', place: 'objectives.fit' });
  for (const terms of [{ loss: 3 }, { loss: undefined }, { loss: scalar, metrics: { a: 3 } }])
    await expect(train(returning(terms), recipe)).rejects.toMatchObject({ code: 'usage', place: 'objectives.fit' });
  const s = new Scope(newTrace());
  expect(() => traceObjective(returning({}), 'fit', s, {})).toThrow(/returns \{ loss, metrics \}/);
  const x = s.trace.graph.input('x', 'float32', [3, 2]);
  const y: I = s.trace.graph.input('y', 'int32', [3]);
  expect(traceObjective(good, 'fit', s, { x, y }).loss.rank).toBe(0);
});
