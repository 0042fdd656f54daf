import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compile, type F, ndarray, Store } from '../engine/index.ts';
import {
  adam,
  adamW,
  chain,
  clipByGlobalNorm,
  measureGlobalNorm,
  minimize,
  type Optimizer,
  sgd,
  zeros,
} from './index.ts';
import { difference, type Packed } from './testing/evaluate.ts';

type Outcome = { params: Packed[]; norms: number[] };
const { start, gradients, ...outcomes } = JSON.parse(
  readFileSync(new URL('testing/torch.json', import.meta.url), 'utf8'),
).optimizers as { start: Packed[]; gradients: Packed[][] } & Record<string, Outcome>;

const everything = { decay: 1 };
const cases: Record<string, [lr: number, optimizer: Optimizer]> = {
  sgd: [0.1, sgd()],
  sgdMomentum: [0.1, sgd({ momentum: 0.9, weightDecay: 0.05, ...everything })],
  sgdNesterov: [0.1, sgd({ momentum: 0.8, nesterov: true })],
  adam: [0.02, adam({ betas: [0.8, 0.95], eps: 1e-6 })],
  adamL2: [0.02, adam({ weightDecay: 0.1, ...everything })],
  adamW: [0.02, chain(measureGlobalNorm(), adamW({ betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.2, ...everything }))],
  clippedAdamW: [0.02, chain(clipByGlobalNorm(2), adamW({ weightDecay: 0.1, ...everything }))],
  clippedAdamL2: [0.02, chain(clipByGlobalNorm(2), adam({ weightDecay: 0.1, ...everything }))],
  clippedSgd: [0.1, chain(clipByGlobalNorm(2), sgd({ momentum: 0.9 }))],
  groups: [0.02, adamW({ weightDecay: 0.3, lrScale: { vector: 0.1 }, decay: { vector: 0 } })],
};

const names = ['matrix', 'vector'];

/** Three steps from the fixture's start with the fixture's gradients: those of Σ p·g. */
async function threeSteps(
  optimizer: Optimizer,
  lr: number,
  dtype: 'float32' | 'float64',
): Promise<{ params: number[][]; norms: number[] }> {
  const store = new Store();
  names.forEach((n, i) => store.set(n, ndarray(dtype, start[i]!.shape, start[i]!.data)));
  const step = compile(
    (s, inputs: Record<string, F>) => {
      const terms = names.map((n, i) => s.param(n, start[i]!.shape, zeros).mul(inputs[`g_${n}`]!).sum());
      return minimize(s, terms[0]!.add(terms[1]!), optimizer, { lr: inputs['lr']! });
    },
    { store, dtype, threads: 1 },
  );
  const norms: number[] = [];
  for (const g of gradients) {
    const inputs = Object.fromEntries(names.map((n, i) => [`g_${n}`, ndarray(dtype, g[i]!.shape, g[i]!.data)]));
    const found = await step.run({ ...inputs, lr: ndarray(dtype, [], [lr]) });
    if (found['grad_norm']) norms.push(Number(found['grad_norm'].data[0]));
  }
  await step.close();
  return { params: names.map((n) => Array.from(store.get(n).data, Number)), norms };
}

test.each(Object.keys(cases))('%s equals torch.optim after three steps', async (name) => {
  const [lr, optimizer] = cases[name]!;
  const wanted = outcomes[name] as Outcome;
  const single = await threeSteps(optimizer, lr, 'float32');
  names.forEach((_, i) => {
    expect(difference(single.params[i]!, wanted.params[i]!.data)).toBeLessThan(1e-6);
  });
  if (wanted.norms.length > 0) expect(difference(single.norms, wanted.norms)).toBeLessThan(1e-6);
  // The way moved is a small difference of float32 positions; in float64 it shows the formula alone.
  const double = await threeSteps(optimizer, lr, 'float64');
  names.forEach((_, i) => {
    const moved = (x: readonly number[]): number[] => x.map((v, k) => v - start[i]!.data[k]!);
    expect(difference(moved(double.params[i]!), moved(wanted.params[i]!.data))).toBeLessThan(1e-6);
  });
});
