// Images a second from files to squares in memory: sharp and plain TypeScript, on one and on two threads, and from the cache of squares.
// usage: node bench/images/decode.mjs [folder or tar] [--size 224] [--rounds 3] [--dry]          (after npm run build, from the repository root)
// Without a set of yours: 160 made photographs (640 × 480, JPEG quality 90, 4:2:0, tabletop images with the noise of a sensor).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { Rng } from '../../dist/base/index.js';
import { loadImages, openImages } from '../../dist/data/node/index.js';
import { resizePixels } from '../../dist/image/index.js';
import { captionSample, createRenderer } from '../../dist/world/index.js';
import { load, machine, median, priority, table, today, writeSection } from '../results.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '224' },
    rounds: { type: 'string', default: '3' },
    dry: { type: 'boolean', default: false },
  },
});
const size = Number(values.size);
const home = mkdtempSync(join(tmpdir(), 'bow2bot-bench-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

/** Photographs that anybody can make: drawn at 160 pixels, enlarged, with noise. */
async function photographs(folder, count) {
  const renderer = createRenderer();
  const rng = new Rng('photographs');
  for (let i = 0; i < count; i++) {
    const { image } = captionSample(i, { size: 160, quality: 'fast' }, renderer);
    const large = resizePixels({ width: 160, height: 160, data: image }, { width: 640, height: 480 });
    const data = Uint8ClampedArray.from(large.data, (v) => v + rng.uniform(-8, 8));
    const raw = { width: 640, height: 480, channels: 3 };
    const jpeg = sharp(new Uint8Array(data.buffer), { raw }).jpeg({ quality: 90, chromaSubsampling: '4:2:0' });
    writeFileSync(join(folder, `${String(i).padStart(3, '0')}.jpg`), await jpeg.toBuffer());
  }
  return folder;
}

console.log(`${machine()}; load ${load()}`);
const path = positionals[0] ?? (await photographs(home, 160));
const set = await openImages(path);
const cache = join(home, 'squares');
const sides = [
  ['sharp, 1 thread', { decoder: 'sharp', workers: 1, cache: false }],
  ['sharp, 2 threads', { decoder: 'sharp', workers: 2, cache: false }],
  ['plain TypeScript, 1 thread', { decoder: 'plain', workers: 1, cache: false }],
  ['plain TypeScript, 2 threads', { decoder: 'plain', workers: 2, cache: false }],
  ['cached squares', { decoder: 'sharp', workers: 1, cache }],
];
await loadImages(set, { size, decoder: 'sharp', cache });

const times = sides.map(() => ({ wall: [], cpu: [] }));
for (let round = 0; round < Number(values.rounds); round++)
  for (const [i, [name, o]] of sides.entries()) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    const { count } = await loadImages(set, { size, ...o });
    const cpu = process.cpuUsage(used);
    times[i].wall.push((1000 * count) / (performance.now() - start));
    times[i].cpu.push((1e6 * count) / (cpu.user + cpu.system));
    console.log(`${name.padEnd(28)} ${times[i].wall.at(-1).toFixed(0).padStart(6)} images/s`);
  }

const rows = sides.map(([name], i) => {
  const { wall, cpu } = times[i];
  const ratio = median(times[0].cpu.map((c, r) => cpu[r] / c)); // each round beside its own first side
  return [name, ...[median(wall), Math.max(...wall), median(cpu)].map((x) => x.toFixed(0)), ratio.toFixed(2)];
});
const markdown = `## Images into memory: decode, resize to ${size}

${today()}, ${machine()}; load average over 1, 5 and 15 minutes: ${load()}${priority()}. ${values.rounds} rounds in turns; ${positionals[0] ? 'images of the user' : '160 made photographs of 640 × 480 pixels'}.
Command: \`node bench/images/decode.mjs\`. Each side lists, reads, decodes and resizes the whole set.

${table([['side', 'images/s (median)', 'best', 'per CPU second', 'to sharp, 1 thread, by CPU'], ...rows])}`;
console.log(`\n${markdown}`);
if (!values.dry) writeSection('pictures', markdown);
