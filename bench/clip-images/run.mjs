// Images a second through ViT-B/32 from JPEG files, decoding and resizing included: bow2bot beside transformers.js, on the same onnxruntime.
//   node bench/clip-images/run.mjs [--pictures 128] [--batch 64] [--rounds 5] [--dry]
// Both are warm processes that work in turns, in an order that turns from round to round.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from '../install.mjs';
import { load, machine, median, priority, table, today, writeSection } from '../results.mjs';
import { startSide } from '../side.mjs';

const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '128' },
    batch: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    dry: { type: 'boolean', default: false },
  },
});
const [images, batch, rounds] = [values.pictures, values.batch, values.rounds].map(Number);

prepare();
const { nativeRuntime } = await import('../../dist/engine/node/index.js'); // compiled by now
const loadBefore = load();
const { makeModels, makeImages } = await import('./make.mjs');
const folder = await mkdtemp(join(tmpdir(), 'bow2bot-bench-images-'));
const [ours, theirs, files] = ['ours', 'theirs', 'files'].map((name) => join(folder, name));
const running = new Map();
try {
  await makeImages(files, images);
  await makeModels(ours, theirs);
  for (const [name, file, model] of [
    ['bow2bot', 'bow2bot.mjs', ours],
    ['transformers.js', 'transformers.mjs', theirs],
  ]) {
    const env = { MODEL: model, PICTURES: files, BATCH: `${batch}` };
    const side = await startSide(process.execPath, [new URL(file, import.meta.url).pathname], { env, patience: 300 });
    running.set(name, { ...side, files: [], model: [] });
  }
  for (let i = 0; i < rounds; i++) {
    const order = [...running.values()];
    for (const side of i % 2 === 0 ? order : order.reverse()) {
      side.files.push(await side.ask('files', images));
      side.model.push(await side.ask('model'));
    }
    console.error(`round ${i + 1} of ${rounds}, load ${load()}`);
  }
  const text = report();
  console.log(text);
  if (!values.dry) writeSection('clip-images', text);
} finally {
  for (const side of running.values()) await side.close();
  await rm(folder, { recursive: true, force: true });
}

function report() {
  const own = running.get('bow2bot');
  const rate = (list, count) => list.map((r) => count / r.seconds);
  const rows = [...running].map(([name, side]) => {
    const rates = rate(side.files, images);
    const [low, high] = [Math.min(...rates), Math.max(...rates)];
    const ratio = median(side.files.map((r, i) => r.seconds / own.files[i].seconds));
    const cpu = median(side.files.map((r) => (1000 * r.cpu) / images));
    const model = median(rate(side.model, batch));
    return [
      name,
      median(rates).toFixed(1),
      `${low.toFixed(1)}–${high.toFixed(1)}`,
      `${ratio.toFixed(2)} ×`,
      cpu.toFixed(0),
      model.toFixed(1),
      Math.round(side.files.at(-1).peakMb),
    ];
  });
  const head = ['side', 'images/s', 'range', 'time / bow2bot', 'CPU ms an image', 'model alone, images/s', 'peak MiB'];
  const cosines = own.info.vectors.map((v, i) =>
    v.reduce((s, x, k) => s + x * running.get('transformers.js').info.vectors[i][k], 0),
  );
  const versions = [...running.values()].map((s) => s.info.version).join('; ');
  return `## Images through ViT-B/32, from JPEG files

\`node bench/clip-images/run.mjs\` · ${today()} · ${machine()} · load average before ${loadBefore}, after ${load()}${priority()}
${versions}; onnxruntime ${nativeRuntime.version}

${images} files of 640 × 480 (quality 90), batches of ${batch}, random weights; medians of ${rounds} interleaved rounds, ratios within a round. "Model alone":
one batch that is ready.

${table([head, ...rows])}

Cosines of both sides' vectors for the first images: ${cosines.map((c) => c.toFixed(4)).join(', ')}. They differ by the resize: ours is Pillow's, to the last bit.`;
}
