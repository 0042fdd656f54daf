/** What a page trains in ../browser.test.ts. */
import { memoryStorage, parseRecipe, train } from '../index.ts';
import { twins } from './twins.ts';

/** Trains the twins in one go, and again with a stop in the middle; says which tensors differ in the end. */
export async function trainTwins(): Promise<{ step: number; loss: number | undefined; differing: string[] }> {
  const recipe = parseRecipe({
    ...{ system: 'twins', steps: 6, batchSize: 4, threads: 1, schedule: { name: 'constant' } },
  });
  const whole = await train(twins(), recipe, { device: 'cpu' });
  const storage = memoryStorage();
  const stop = new AbortController();
  await train(twins(), recipe, {
    ...{ storage, device: 'cpu', signal: stop.signal },
    onEvent: (e) => void (e.type === 'step-end' && e.step === 3 && stop.abort()),
  }).catch((e: { code: string }) => {
    if (e.code !== 'aborted') throw e;
  });
  const rest = await train(twins(), recipe, { storage, resume: true, device: 'cpu' });
  const paths = [...whole.store.entries()].map(([path]) => path);
  return {
    step: rest.step,
    loss: rest.metrics['eval/loss'],
    differing: paths.filter((path) => String(whole.store.get(path).data) !== String(rest.store.get(path).data)),
  };
}
