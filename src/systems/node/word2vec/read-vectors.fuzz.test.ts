import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { Rng } from '../../../base/index.ts';
import { fuzzRuns } from '../../../base/testing/fuzz.ts';
import { KeyedVectors } from '../../word2vec/vectors.ts';
import { readVectors } from './read-vectors.ts';
import { writeVectors } from './write-vectors.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-vectors-'));
afterAll(() => rm(folder, { recursive: true }));

test('any damage gives vectors or a typed error', async () => {
  const kv = new KeyedVectors(
    ['a', 'b', 'c'],
    Float32Array.from({ length: 15 }, (_, i) => Math.sin(i)),
    5,
  );
  const seed = Date.now() % 1e9;
  const rng = new Rng(seed);
  for (const binary of [true, false]) {
    const path = join(folder, `fuzz-${binary}`);
    await writeVectors(path, kv, { binary });
    const whole = await readFile(path);
    for (let i = 0; i < fuzzRuns(150); i++) {
      const bytes = Buffer.from(whole.subarray(0, rng.uniform(0, 1) < 0.5 ? whole.length : rng.int(whole.length)));
      for (let k = rng.int(4); k > 0 && bytes.length > 0; k--) bytes[rng.int(bytes.length)] = rng.int(256);
      await writeFile(path, rng.uniform(0, 1) < 0.2 ? gzipSync(bytes) : bytes);
      await readVectors(path).catch((e: Error) => {
        expect([e.name, `seed ${seed}, run ${i}`]).toEqual(['BowError', `seed ${seed}, run ${i}`]);
      });
    }
  }
});
