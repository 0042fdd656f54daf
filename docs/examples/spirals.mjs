// Trains a small classifier on generated points, asserts how good it has become, and writes it as a checkpoint folder when one is named.
//   npm run build && node docs/examples/spirals.mjs [folder]
import assert from 'node:assert/strict';
import { Rng } from 'bow2bot/base';
import { argmax, ndarray } from 'bow2bot/engine';
import { crossEntropy, linear } from 'bow2bot/nn';
import { arraySource, parseRecipe } from 'bow2bot/train';
import { train } from 'bow2bot/train/node';

/** `n` noisy points on the three arms of a spiral, and the arm of each. */
function spirals(n, seed) {
  const rng = new Rng(seed);
  const point = new Float32Array(2 * n);
  const arm = new BigInt64Array(n);
  for (let i = 0; i < n; i++) {
    arm[i] = BigInt(rng.int(3));
    const r = rng.uniform(0.1, 1);
    const angle = 4 * r + (2 * Math.PI * Number(arm[i])) / 3 + 0.1 * rng.normal();
    point.set([r * Math.cos(angle), r * Math.sin(angle)], 2 * i);
  }
  return arraySource({ point: ndarray('float32', [n, 2], point), arm: ndarray('int64', [n], arm) });
}

// A model is a function: parameters are named where they are used.
function classifier(s, point) {
  const h = linear(s.at('hidden/0'), point.mul(3), 32).tanh(); //              b 32
  return linear(s.at('out'), linear(s.at('hidden/1'), h, 32).tanh(), 3); //   b 3
}

const trainable = {
  id: 'spirals',
  objectives: {
    arms: {
      trace(s, { point, arm }) {
        const logits = classifier(s, point);
        const accuracy = argmax(logits).equal(arm).to('float32').mean();
        return { loss: crossEntropy(logits, arm), metrics: { accuracy } };
      },
      source: spirals(2000, 1),
      validation: spirals(500, 2), // points that the training never sees
    },
  },
  config: { model_type: 'spirals', width: 32 },
};

const recipe = parseRecipe({ system: 'spirals', steps: 500, batchSize: 64, optimizer: { lr: 0.02 } });
const folder = process.argv[2];
const { metrics, seconds } = await train(trainable, recipe, folder ? { folder } : {});

console.log(`accuracy on unseen points ${metrics['eval/accuracy'].toFixed(3)} after ${seconds.toFixed(1)} s`);
assert(metrics['eval/accuracy'] > 0.97);
