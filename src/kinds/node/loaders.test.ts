import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { encodePng, squareGeometry } from '../../image/index.ts';
import { captionedImages, type DataKind } from '../index.ts';
import { loadData, readTexts, registerLoader } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-kinds-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a folder of classes is divided, captioned and grouped', async () => {
  for (const [shade, name] of ['black', 'grey', 'white'].entries()) {
    await mkdir(join(folder, 'set', name), { recursive: true });
    for (let i = 0; i < 6; i++) {
      const data = new Uint8Array(3 * 35).fill(100 * shade + i);
      await writeFile(join(folder, 'set', name, `${i}.png`), encodePng({ width: 7, height: 5, channels: 3, data }));
    }
  }
  const data = { source: 'pictures', path: join(folder, 'set'), validation: 0.3 };
  const d = await loadData(captionedImages, data, { size: 4, geometry: squareGeometry(4, 'stretch') });
  expect(d.train.count + (d.validation?.count ?? 0)).toBe(18);
  expect([d.train.width, d.geometry, d.captionsFromLabels]).toEqual([4, squareGeometry(4, 'stretch'), true]);
  expect(d.train.captions[0]![0]).toBe('a photo of a black.');
  expect(new Set(Array.from(d.train.positives!)).size).toBe(3);
  const all = await loadData(captionedImages, { ...data, validation: 0 }, { size: 4 });
  expect([all.train.count, all.validation, all.geometry]).toEqual([18, undefined, squareGeometry(all.train.width)]);
});

test('a kind of one’s own brings its loader; one without is an error', async () => {
  const kind: DataKind<string, { readonly times: number }> = {
    ...{ id: 'words', title: 'words', schema: captionedImages.schema, flags: [], example: '' },
    fromFlags: () => ({ data: {} }),
    texts: (d) => [d],
    benchmarks: () => [],
    summary: (d) => d,
    report: () => ({}),
    fingerprint: async (d) => d,
  };
  await expect(loadData(kind, 'ab', { times: 2 })).rejects.toThrow(/data of the kind "words" cannot be loaded here/);
  registerLoader(kind, async (data, { times }) => String(data).repeat(times));
  expect(await loadData(kind, 'ab', { times: 2 })).toBe('abab');
  expect(() => registerLoader(kind, async () => '')).toThrow(/has a loader already/);
});

test('texts are read one after the other', async () => {
  await writeFile(join(folder, 'a.jsonl'), '{"body":"one","id":"x"}\n{"body":"two","id":"y"}\n');
  const found: string[] = [];
  for await (const d of readTexts({ path: join(folder, 'a.jsonl'), field: 'body' })) found.push(String(d.text));
  expect(found).toEqual(['one', 'two']);
});
