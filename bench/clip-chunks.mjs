// Peak memory and time of CLIP steps on a large batch: at once, and in chunks (gradient caching). Each side is a process of its own. Writes its section of RESULTS.md.
//   npm run build && node bench/clip-chunks.mjs [batch] [steps] [chunk…]
import { fork } from 'node:child_process';
import { captionedImages, dataInMemory, tabletopData } from '../dist/kinds/index.js';
import { clipSystem, clipVariants } from '../dist/systems/index.js';
import { prepareTraining } from '../dist/systems/node/index.js';
import { parseRecipe } from '../dist/train/index.js';
import { train } from '../dist/train/node/index.js';
import { load, machine, table, today, writeSection } from './results.mjs';

const [batchSize = 1024, steps = 3, ...chunks] = process.argv.slice(2).map(Number);

/** One side: `chunk` 0 encodes the batch at once. */
async function side(chunk) {
  const { size } = clipVariants.tiny.visual;
  const captions = Array.from({ length: batchSize }, (_, i) => [`picture number ${i}`]);
  const pixels = Uint8Array.from({ length: 3 * size * size * batchSize }, (_, i) => (i * 7919 + (i >> 9)) % 256);
  const pairs = { count: batchSize, width: size, height: size, pixels, captions };
  const data = { ...tabletopData(pairs, undefined, { shift: 0 }), vocabulary: 600 };
  const recipe = parseRecipe({ system: 'clip', batchSize, steps, prefetch: 1, ...(chunk ? { chunk } : {}) });
  const prepared = await prepareTraining(clipSystem, recipe, { load: dataInMemory(captionedImages, data) });
  const trainable = await prepared.stages[0].trainable(prepared.data);
  const [seconds, losses] = [[], []];
  let before = performance.now();
  await train(trainable, recipe, {
    onEvent: (e) => {
      if (e.type === 'run-start') before = performance.now();
      if (e.type !== 'step-end') return;
      seconds.push((performance.now() - before) / 1000);
      losses.push(e.metrics['train/loss']);
      before = performance.now();
    },
  });
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpu = (userCPUTime + systemCPUTime) / 1e6;
  return { peak: maxRSS / 1024, seconds: Math.min(...seconds), cpu, loss: losses.at(-1) };
}

if (process.env.CHUNK !== undefined) process.send(await side(Number(process.env.CHUNK)));
else {
  const found = [['encoded', 'peak MiB', 'fastest step, s', 'CPU s', `loss after ${steps} steps`]];
  for (const chunk of chunks.length > 0 ? chunks : [0, 256, 64, 16]) {
    const child = fork(import.meta.filename, process.argv.slice(2), { env: { ...process.env, CHUNK: String(chunk) } });
    const r = await new Promise((resolve) => child.once('message', resolve));
    const name = chunk === 0 ? 'at once' : `chunks of ${chunk}`;
    found.push([name, r.peak.toFixed(0), r.seconds.toFixed(2), r.cpu.toFixed(1), r.loss.toFixed(6)]);
    console.log(found.at(-1).join('  '));
  }
  const head = `## Large contrastive batches by gradient caching\n\n${today()}, ${machine()}. CLIP \`tiny\`, batches of ${batchSize}, ${steps} steps, a process for each row; CPU seconds include building the graphs.`;
  writeSection('clip-chunks', `${head}\n\n${table(found)}\n\nLoad average over 1, 5 and 15 minutes: ${load()}.`);
}
