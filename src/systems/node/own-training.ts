/** Trainings that systems carry out by themselves: what runs them, by system. */
import { BowError } from '../../base/index.ts';
import type { FlagValues, LoadOptions } from '../../kinds/index.ts';
import type { OwnResult, Runner, System } from '../system.ts';

const runners = new Map<string, Runner>([
  ['word2vec', async (flags, o) => (await import('./word2vec/run.ts')).runWord2Vec(flags, o)],
]);

/** What carries out the `ownTraining` of a system of one's own. Error `usage` for an id that has a runner already. */
export function registerRunner(id: string, run: Runner): void {
  if (runners.has(id)) throw new BowError('usage', `the system "${id}" has a runner already`);
  runners.set(id, run);
}

/** Trains a system that learns by itself. Errors: `usage` for one without a runner, those of the training. */
export async function trainByItself(system: System, flags: FlagValues, o: LoadOptions = {}): Promise<OwnResult> {
  const run = runners.get(system.id);
  if (!run) throw new BowError('usage', `nothing runs the training of "${system.id}"`, { hint: 'registerRunner' });
  return await run(flags, o);
}
