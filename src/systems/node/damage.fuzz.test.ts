import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { fuzzRuns } from '../../base/testing/fuzz.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import { classify, fitTextClassifier, loadWord2Vec, openTextClassifier } from '../index.ts';
import { buildTextIndex, openTextIndex, saveTextClassifier, saveWord2Vec, trainWord2Vec } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-damage-'));
afterAll(() => rm(folder, { recursive: true }));

const texts = [
  'the red block',
  'a blue bowl',
  'the red bowl and the block',
  'a green cup',
  'the cup is red',
  'blue cup',
];
async function* documents(): AsyncGenerator<{ id: string; text: string }> {
  for (const [i, text] of texts.entries()) yield { id: `d${i}`, text };
}

const searched = async (path: string): Promise<void> => {
  const index = await openTextIndex(path);
  try {
    index.search('red cup', { k: 5 });
  } finally {
    index.close();
  }
};

/** What is written, and what reads all of it. */
const kinds: Record<string, readonly [(path: string) => Promise<unknown>, (path: string) => Promise<unknown>]> = {
  'tf-idf': [(path) => buildTextIndex(path, documents()), searched],
  bm25: [
    (path) => buildTextIndex(path, documents(), { scheme: { kind: 'bm25' }, counting: { tokenPattern: /\w+/ } }),
    searched,
  ],
  classifier: [
    async (path) => {
      const labelled = [...texts, ...texts].map((text, i) => ({ text, label: i % 2 ? 'x' : 'y' }));
      await saveTextClassifier(path, await fitTextClassifier(labelled, {}));
    },
    async (path) => classify(await openTextClassifier(await openModelFiles(path)), ['red cup']),
  ],
  word2vec: [
    async (path) => saveWord2Vec(path, await trainWord2Vec(texts, { minCount: 1, vectorSize: 8, epochs: 1 })),
    async (path) => {
      const { wv } = await loadWord2Vec(await openModelFiles(path));
      wv.mostSimilar(wv.words[0]!);
    },
  ],
};

test.each(Object.keys(kinds))(
  'any damage to a file of a %s folder is a typed error, or does no harm',
  async (kind) => {
    const [write, open] = kinds[kind]!;
    const whole = join(folder, kind);
    await write(whole);
    await open(whole);
    const damaged = join(folder, `${kind}-damaged`);
    await cp(whole, damaged, { recursive: true });
    const seed = Date.now() % 1e9;
    const rng = new Rng(seed);
    for (const name of await readdir(whole)) {
      const path = join(damaged, name);
      const bytes = await readFile(join(whole, name));
      for (let i = 0; i < fuzzRuns(25); i++) {
        const some = Buffer.from(
          i === 0 ? Buffer.alloc(0) : i % 3 === 0 ? bytes.subarray(0, rng.int(bytes.length)) : bytes,
        );
        for (let k = 1 + rng.int(3); k > 0 && some.length > 0 && i % 3 !== 0; k--)
          some[rng.int(some.length)] = rng.int(256);
        await writeFile(path, some);
        await open(damaged).catch((e: Error) => {
          if (e.name !== 'BowError') throw new Error(`${kind}/${name}, seed ${seed}, run ${i}`, { cause: e });
        });
      }
      await rm(path);
      await expect(open(damaged)).rejects.toMatchObject({ name: 'BowError' });
      await writeFile(path, bytes);
    }
  },
  60_000 + fuzzRuns(60_000),
);
