// What drawings of one style tell of another without a model: the nearest training image by its bare pixels (docs/clip.md, "Icons").
// usage: node bench/images/k-nearest-pixels.mjs [runs/icons/train [runs/icons/validation]] [--size 16] [--field concept]   (after npm run build; prints only)
import { parseArgs } from 'node:util';
import { loadImages, openImages } from '../../dist/data/node/index.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { size: { type: 'string', default: '16' }, field: { type: 'string', default: 'concept' } },
});
const size = Number(values.size);
const [trainPath = 'runs/icons/train', validationPath = 'runs/icons/validation'] = positionals;

/** Unit rows of pixels with each image's own mean taken off, and what each shows. */
async function rowsOf(path) {
  const { pixels, count, fields } = await loadImages(await openImages(path), { size, workers: 1 });
  const width = size * size * 3;
  const rows = Array.from({ length: count }, (_, i) => {
    const raw = Float64Array.from(pixels.subarray(i * width, (i + 1) * width));
    const mean = raw.reduce((a, b) => a + b) / width;
    const centred = raw.map((v) => v - mean);
    const norm = Math.sqrt(centred.reduce((a, v) => a + v * v, 0)) || 1;
    return centred.map((v) => v / norm);
  });
  return { rows, things: fields.map((f) => f[values.field]) };
}

const dot = (a, b) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

const [train, validation] = [await rowsOf(trainPath), await rowsOf(validationPath)];
const things = [...new Set(train.things)];
const place = new Map(things.map((thing, i) => [thing, i]));
/** Cosine of each held-out image with the likest training image of each thing. */
const likeness = validation.rows.map((row) => {
  const best = new Float64Array(things.length).fill(-1);
  train.rows.forEach((other, i) => {
    const at = place.get(train.things[i]);
    best[at] = Math.max(best[at], dot(row, other));
  });
  return best;
});
const largest = (row) => row.indexOf(row.reduce((a, b) => Math.max(a, b)));
const named = validation.things.filter((thing, i) => things[largest(likeness[i])] === thing).length;
const found = validation.things.filter((thing, i) => {
  const at = place.get(thing);
  return at !== undefined && largest(Float64Array.from(likeness, (l) => l[at])) === i;
}).length;
const share = (n) => (n / validation.rows.length).toFixed(3);
console.log(`${train.rows.length} images of ${things.length} things to look among, ${validation.rows.length} to name`);
console.log(`image → name among ${things.length}: ${share(named)}`);
console.log(`thing → image among ${validation.rows.length}: ${share(found)}`);
