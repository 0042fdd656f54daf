/**
 * A small trainable that uses all that the trainer carries out: two objectives on data of their own, a momentum teacher, a queue, a counter, a drawn
 * mask, dropout. Points on a circle are to be told from each other by two noisy views; numbers are to be recovered from a part of them.
 */
import { Rng } from '../../base/index.ts';
import { arange, concat, einsum, type F, l2Normalize, ndarray, type Scope } from '../../engine/index.ts';
import { crossEntropy, dropout, linear, zeros } from '../../nn/index.ts';
import { arraySource, type BatchSource } from '../batches.ts';
import type { LossTerms, StepContext, Trainable } from '../trainable.ts';

const width = 5;

/** The queue of the twins. */
export const queueSize = 24;

function encode(s: Scope, x: F<'b c'>): F<'b e'> {
  const h = dropout(s.at('drop'), linear(s.at('trunk'), x, 9).tanh(), 0.2);
  return l2Normalize(linear(s.at('head'), h, width));
}

/** MoCo in small: the student's view against the teacher's, those of the batch and of earlier ones. */
function align(s: Scope, { left, right }: { left: F<'b c'>; right: F<'b c'> }, t: StepContext): LossTerms {
  const keys = encode(t.teacher, right).stopGradient();
  const queue = t.queue('keys');
  const logits = einsum('b e, n e -> b n', encode(s, left), concat([keys, queue.rows], 0)).mul(5);
  queue.enqueue(keys);
  const seen = s.state('seen', [], zeros);
  if (s.training) s.update(seen, (now) => now.add(1));
  const gap = encode(s.with({ training: false }), right)
    .sub(keys)
    .abs()
    .mean();
  const loss = crossEntropy(logits, arange(logits, left.dim(0)));
  return { loss: loss.mul(t.progress.mul(0.5).add(0.5)), metrics: { gap, seen, 'trunk/weight': logits.mean() } };
}

/** Numbers from a random half of them. */
function recover(s: Scope, { numbers }: { numbers: F<'b c'> }, t: StepContext): LossTerms {
  const mask = t.draw('mask', (d) => d.noise('keep', numbers.shape).greater(0.5)).to(numbers.dtype);
  const found = linear(s.at('decoder'), linear(s.at('trunk'), numbers.mul(mask), 9).tanh(), numbers.dim(1));
  return { loss: found.sub(numbers).square().mean(), metrics: { kept: mask.mean() } };
}

function viewsSource(n: number, seed: number): BatchSource {
  const rng = new Rng(seed).split('views');
  const [left, right] = [new Float32Array(2 * n), new Float32Array(2 * n)];
  for (let i = 0; i < n; i++) {
    const angle = rng.uniform(0, 2 * Math.PI);
    for (const side of [left, right])
      side.set([Math.cos(angle) + 0.05 * rng.normal(), Math.sin(angle) + 0.05 * rng.normal()], 2 * i);
  }
  return arraySource({ left: ndarray('float32', [n, 2], left), right: ndarray('float32', [n, 2], right) });
}

function numbersSource(n: number, seed: number): BatchSource {
  const rng = new Rng(seed).split('numbers');
  const data = Float32Array.from({ length: 2 * n }, () => rng.normal());
  return arraySource({ numbers: ndarray('float32', [n, 2], data) });
}

/** The trainable; `change` overrides parts of it. */
export function twins(change: Partial<Trainable> = {}): Trainable {
  return {
    id: 'twins',
    objectives: {
      align: { trace: align, source: viewsSource(61, 1), validation: viewsSource(13, 2) },
      recover: { trace: recover, source: numbersSource(47, 3), validation: numbersSource(11, 4), weight: 0.5 },
    },
    teacher: { decay: 0.9, update: 'before' },
    queues: { keys: { size: queueSize, width } },
    config: { model_type: 'twins' },
    ...change,
  };
}
