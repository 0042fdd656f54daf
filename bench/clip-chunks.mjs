// Peak memory and time of CLIP steps on a large batch: at once, and in chunks (gradient caching). Each side is a process of its own.
//   npm run build && node bench/clip-chunks.mjs [batch] [steps] [chunk…]
import { fork } from 'node:child_process';
import { loadavg } from 'node:os';
import { clipVariants } from '../dist/systems/index.js';
import { trainClipTokenizer } from '../dist/text/index.js';
import { clipTask, parseRecipe, train, withVocabulary } from '../dist/train/index.js';

const [batchSize = 1024, steps = 3, ...chunks] = process.argv.slice(2).map(Number);

/** One side: `chunk` 0 encodes the batch at once. */
async function side(chunk) {
  const variant = clipVariants.tiny;
  const { size } = variant.visual;
  const captions = Array.from({ length: batchSize }, (_, i) => [`picture number ${i}`]);
  const pixels = Uint8Array.from({ length: 3 * size * size * batchSize }, (_, i) => (i * 7919 + (i >> 9)) % 256);
  const tokenizer = trainClipTokenizer(captions.flat(), { vocabulary: 600 });
  const task = clipTask({
    config: withVocabulary(variant, tokenizer.vocabulary),
    tokenizer,
    pad: tokenizer.endOfText,
    pixels: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    train: { count: batchSize, size, pixels, captions },
  });
  const recipe = { system: 'clip', batchSize, steps, prefetch: 1, ...(chunk ? { chunk } : {}) };
  const [seconds, losses] = [[], []];
  let before = performance.now();
  await train(task, parseRecipe(recipe), {
    onEvent: (e) => {
      if (e.type === 'run-start') before = performance.now();
      if (e.type !== 'step-end') return;
      seconds.push((performance.now() - before) / 1000);
      losses.push(e.metrics['train/loss']);
      before = performance.now();
    },
  });
  return { chunk, peak: process.resourceUsage().maxRSS / 1024, seconds: Math.min(...seconds), loss: losses.at(-1) };
}

if (process.env.CHUNK !== undefined) process.send(await side(Number(process.env.CHUNK)));
else {
  console.log(`CLIP tiny, batches of ${batchSize}, ${steps} steps; load ${loadavg()[0].toFixed(1)}`);
  for (const chunk of chunks.length > 0 ? chunks : [0, 256, 64, 16]) {
    const child = fork(import.meta.filename, process.argv.slice(2), { env: { ...process.env, CHUNK: String(chunk) } });
    const r = await new Promise((resolve) => child.once('message', resolve));
    const name = chunk === 0 ? 'at once' : `chunks of ${chunk}`;
    console.log(
      `${name.padEnd(14)} peak ${r.peak.toFixed(0).padStart(6)} MiB  fastest step ${r.seconds.toFixed(2)} s  loss after ${steps} steps ${r.loss.toFixed(6)}`,
    );
  }
}
