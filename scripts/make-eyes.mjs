// The tower of models/eyes from a run of `bow2bot train clip --preset eyes -o <run>`: its convolutional part in 16 bits, and how well it tells shapes and colours.
//   node scripts/make-eyes.mjs <run>          (after npm run build)
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32ToFloat16 } from '../dist/base/index.js';
import { fitProbe, probeAccuracy } from '../dist/evaluate/index.js';
import { openSafetensors, writeSafetensors } from '../dist/hub/node/index.js';
import { openModel } from '../dist/systems/node/index.js';
import { parallelCaptionSamples } from '../dist/world/node/index.js';

const [run] = process.argv.slice(2);
if (run === undefined) {
  console.error('usage: node scripts/make-eyes.mjs <run>');
  process.exit(2);
}
const out = new URL('../models/eyes/', import.meta.url).pathname;
const checkpoint = join(run, 'last');
await mkdir(out, { recursive: true });

const file = await openSafetensors(join(checkpoint, 'model.safetensors'));
const tensors = new Map();
for (const name of file.names.filter((n) => /^visual\/(patch|stages)/.test(n))) {
  const { shape, data } = await file.readFloat32(name);
  tensors.set(name, { dtype: 'float16', shape, data: float32ToFloat16(data) });
}
await file.close();
await writeSafetensors(join(out, 'model.safetensors'), tensors);
await writeFile(join(out, 'recipe.json'), await readFile(join(checkpoint, 'recipe.json')));

/** Single objects with their features. */
async function seen(system, split, count) {
  const samples = [];
  const o = { count, seed: 1, split, size: 64, quality: 'fast', single: true, workers: 2 };
  for await (const s of parallelCaptionSamples(o)) samples.push(s);
  const images = samples.map(({ width, height, image }) => ({ width, height, data: image }));
  return { vectors: await system.encodeImages(images), objects: samples.map((s) => s.scene.objects[0]) };
}

const system = await openModel(checkpoint);
const [train, test] = [await seen(system, 'train', 3000), await seen(system, 'validation', 1000)];
for (const key of ['kind', 'colour']) {
  const labelled = ({ vectors, objects }) => ({ x: vectors, labels: objects.map((o) => o[key]) });
  const { model } = await fitProbe(labelled(train));
  console.log(
    `${key}: ${probeAccuracy(model, labelled(test)).toFixed(3)} of ${test.objects.length} held-out single objects, by a linear probe`,
  );
}
await system.close();
