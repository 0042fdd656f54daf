import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { fuzzRuns } from '../base/testing/fuzz.ts';
import { openImages } from '../data/node/index.ts';
import { colourEncoder, colours, writeTinyImages } from '../systems/testing/tiny-images.ts';
import { buildImageIndex, openImageIndex } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-index-damage-'));
afterAll(() => rm(folder, { recursive: true }));

async function searched(path: string): Promise<void> {
  const index = await openImageIndex(path);
  try {
    const queries = [
      { name: 'sentence', vector: Float32Array.from(colours.blue) },
      { name: 'words', words: 'blue 19' },
    ];
    for (const hit of await index.search(queries, { k: 5 })) expect(typeof hit.image.id).toBe('string');
  } finally {
    await index.close();
  }
}

test(
  'any damage to a file of an image index is a typed error, or does no harm',
  async () => {
    const [images, whole, damaged] = ['images', 'whole', 'damaged'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeTinyImages(images);
    const encoder = colourEncoder();
    const model = { name: 'colours', system: 'colours', fingerprint: 'f1', open: async () => encoder };
    await buildImageIndex(whole, await openImages(images), model, { batch: 4, store: 'exact' });
    await searched(whole);
    await cp(whole, damaged, { recursive: true });
    const names: string[] = [];
    for (const name of await readdir(whole, { recursive: true }))
      if ((await stat(join(whole, name))).isFile()) names.push(name);
    const seed = Date.now() % 1e9;
    const rng = new Rng(seed);
    const attempt = async (what: string): Promise<void> =>
      searched(damaged).catch((e: Error) => {
        if (e.name !== 'BowError') throw new Error(`${what}, seed ${seed}`, { cause: e });
      });
    for (const name of names) {
      const path = join(damaged, name);
      const bytes = await readFile(join(whole, name));
      for (let i = 0; i < fuzzRuns(8); i++) {
        const some = Buffer.from(
          i === 0 ? Buffer.alloc(0) : i % 3 === 0 ? bytes.subarray(0, rng.int(bytes.length)) : bytes,
        );
        if (some.length > 0 && i % 3 !== 0) some[rng.int(some.length)] = rng.int(256);
        await writeFile(path, some);
        await attempt(`${name}, run ${i}`);
      }
      for (const other of names) {
        await writeFile(path, await readFile(join(whole, other)));
        await attempt(`${other} as ${name}`);
      }
      await rm(path);
      await attempt(`without ${name}`);
      await writeFile(path, bytes);
    }
  },
  60_000 + fuzzRuns(60_000),
);
