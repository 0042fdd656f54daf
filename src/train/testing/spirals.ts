/** A small task on generated data for tests: which arm of a spiral is a point on? Not linearly separable, learned in a second. */
import { Rng } from '../../base/index.ts';
import { argmax, type F, type I, type NdArray, ndarray, type Scope } from '../../engine/index.ts';
import { crossEntropy, linear } from '../../nn/index.ts';
import { arraySource } from '../batches.ts';
import type { Trainable } from '../trainable.ts';

export const arms = 3;

/** Noisy points on three spiral arms: `point` [n, 2], `arm` [n]. */
export function spirals(n: number, seed: number): { point: NdArray<'float32'>; arm: NdArray<'int64'> } {
  const rng = new Rng(seed).split('spirals');
  const point = new Float32Array(2 * n);
  const arm = new BigInt64Array(n);
  for (let i = 0; i < n; i++) {
    const a = rng.int(arms);
    const r = rng.uniform(0.1, 1);
    const angle = 4 * r + (2 * Math.PI * a) / arms + 0.1 * rng.normal();
    point.set([r * Math.cos(angle), r * Math.sin(angle)], 2 * i);
    arm[i] = BigInt(a);
  }
  return { point: ndarray('float32', [n, 2], point), arm: ndarray('int64', [n], arm) };
}

/** Scores of the arms [b, 3]; `dropout` draws noise in training, so that resuming has randomness to get right. */
function classifier(s: Scope, point: F<'b c'>, width: number, dropout: number): F<'b v'> {
  let h = linear(s.at('hidden/0'), point.mul(3), width).tanh(); // b d
  if (s.training && dropout > 0) {
    const keep = s.at('hidden/0').noise('keep', h.shape).greater(dropout).to(h.dtype);
    h = h.mul(keep).div(1 - dropout);
  }
  return linear(s.at('out'), linear(s.at('hidden/1'), h, width).tanh(), arms);
}

/** The task; `size` samples to train on, a seventh as many to evaluate. */
export function spiralsTask(o: { size?: number; width?: number; dropout?: number; seed?: number } = {}): Trainable {
  const { size = 701, width = 23, dropout = 0.1, seed = 5 } = o;
  return {
    id: 'spirals',
    objectives: {
      arms: {
        trace: (s, { point, arm }: { point: F<'b c'>; arm: I<'b'> }) => {
          const logits = classifier(s, point, width, dropout);
          const loss = crossEntropy(logits, arm);
          const correct = argmax(logits).equal(arm).to(logits.dtype).mean();
          return { loss, metrics: { accuracy: correct } };
        },
        source: arraySource(spirals(size, seed)),
        validation: arraySource(spirals(Math.ceil(size / 7), seed + 1)),
      },
    },
    config: { model_type: 'spirals', width },
    card: { summary: 'Tells the arms of a spiral apart.', pipelineTag: 'tabular-classification' },
  };
}
