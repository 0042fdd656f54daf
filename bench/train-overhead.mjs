// Share of a training run's time that is spent outside onnxruntime: data, feeding, noise, metrics, events, logs.
//   npm run build && node bench/train-overhead.mjs [width] [batch] [steps]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../dist/base/index.js';
import { gelu, ndarray } from '../dist/engine/index.js';
import * as ort from '../dist/engine/node/ort.js';
import { layerNorm, linear } from '../dist/nn/index.js';
import { arraySource, parseRecipe } from '../dist/train/index.js';
import { train } from '../dist/train/node/index.js';
import { timeInside } from './inside.mjs';

const [width = 384, batchSize = 256, steps = 200] = process.argv.slice(2).map(Number);
const depth = 6;
const samples = 2048;

const inside = timeInside(ort.InferenceSession.prototype);

const rng = new Rng(1);
const x = Float32Array.from({ length: samples * width }, () => rng.normal());
const task = {
  id: 'overhead',
  objectives: {
    identity: {
      trace(s, { x }) {
        let h = x;
        for (let i = 0; i < depth; i++) {
          const at = s.at(`layers/${i}`);
          h = h.add(linear(at.at('out'), gelu(linear(at.at('in'), layerNorm(at.at('norm'), h), 2 * width)), width));
        }
        return { loss: h.sub(x).square().mean() };
      },
      source: arraySource({ x: ndarray('float32', [samples, width], x) }),
    },
  },
  config: {},
};

const folder = mkdtempSync(join(tmpdir(), 'bow2bot-overhead-'));
const recipe = parseRecipe({ system: 'overhead', batchSize, steps, checkpointEvery: steps });
const [whole, outside] = [[], []];
let [last, insideBefore] = [0, 0];
const onEvent = (e) => {
  if (e.type !== 'step-end') return;
  const now = performance.now();
  if (e.step > 10) {
    // the first steps warm up
    whole.push(now - last);
    outside.push(now - last - (inside.share() - insideBefore));
  }
  [last, insideBefore] = [now, inside.ms];
};
await train(task, recipe, { folder, onEvent });
rmSync(folder, { recursive: true });

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const mean = (list) => list.reduce((a, b) => a + b) / list.length;
for (const [name, of] of Object.entries({ median, mean })) {
  const [step, rest] = [of(whole), of(outside)];
  console.log(
    `${name} step ${step.toFixed(2)} ms, outside session.run ${rest.toFixed(3)} ms (${((100 * rest) / step).toFixed(2)} %)`,
  );
}
