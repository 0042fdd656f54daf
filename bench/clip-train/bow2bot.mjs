// One side: the trainer of `bow2bot train clip` on pairs in memory, without evaluations and checkpoints. Prints one line of JSON.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { captionedImages, dataInMemory, tabletopData } from 'bow2bot/kinds';
import { clipSystem } from 'bow2bot/systems';
import { prepareTraining } from 'bow2bot/systems/node';
import { parseRecipe } from 'bow2bot/train';
import { train } from 'bow2bot/train/node';

const { DATA, STEPS, WARMUP } = process.env;
const { captions, size, count } = JSON.parse(await readFile(join(DATA, 'pairs.json'), 'utf8'));
const pixels = new Uint8Array(await readFile(join(DATA, 'pixels.bin')));
const steps = Number(STEPS);
const never = steps + 1;
const recipe = parseRecipe({
  system: 'clip',
  steps,
  batchSize: 64,
  optimizer: { name: 'adamw', lr: 1e-3, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.1 },
  schedule: { name: 'constant' },
  evaluateEvery: never,
  checkpointEvery: never,
  log: { every: 1, tensorboard: false },
});
const data = tabletopData({ count, width: size, height: size, pixels, captions }, undefined, { shift: 2 });
const prepared = await prepareTraining(clipSystem, recipe, { load: dataInMemory(captionedImages, data) });
const trainable = await prepared.stages[0].trainable(prepared.data);
const folder = await mkdtemp(join(tmpdir(), 'bow2bot-bench-train-'));
const [ends, losses, waits] = [[], [], []];
let parameters = 0;
try {
  await train(trainable, recipe, {
    folder,
    onEvent: (e) => {
      if (e.type === 'run-start') parameters = e.parameters;
      if (e.type !== 'step-end') return;
      ends.push(performance.now());
      losses.push(e.metrics['train/loss']);
      waits.push(e.metrics['dataloading_s'] ?? 0);
    },
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
const from = Number(WARMUP);
const seconds = (ends.at(-1) - ends[from - 1]) / 1000 / (steps - from);
const loading = waits.slice(from).reduce((a, b) => a + b, 0) / (steps - from);
const version = 'bow2bot';
console.log(JSON.stringify({ version, parameters, seconds, data: loading, first: losses[0], last: losses.at(-1) }));
