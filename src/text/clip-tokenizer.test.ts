import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { clipTokenizer, trainClipTokenizer } from './clip-tokenizer.ts';
import { readClipMerges, readClipTokenizer } from './clip-tokenizer-files.ts';

const file = resolve('../shared/data/tokenizers/bpe_simple_vocab_16e6.txt.gz');
const here = existsSync(file);

test.skipIf(!here)(`OpenAI’s merges give its tokens${here ? '' : ' (skipped: ../shared/data is not there)'}`, () => {
  const t = readClipMerges(gunzipSync(readFileSync(file)).toString());
  expect([t.vocabulary, t.startOfText, t.endOfText]).toEqual([49408, 49406, 49407]);
  const ids: Record<string, number[]> = {
    'a photo of a cat': [320, 1125, 539, 320, 2368],
    'a photo of a dog': [320, 1125, 539, 320, 1929],
    'a diagram': [320, 22697],
    "Hello, World!  it's 3:45pm": [3306, 267, 1002, 256, 585, 568, 274, 281, 275, 276, 990],
    'naïve café ☕': [1097, 35689, 563, 15304, 26561],
  };
  for (const [text, wanted] of Object.entries(ids)) expect(t.encode(text)).toEqual(wanted);
  expect([t.encode('!')[0], t.decode([0])]).toEqual([256, '!']);
});

const folder = resolve('src/text/testing/clip-tokenizer');
const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));

test('ids are those of Hugging Face’s tokenizers, start and end included', () => {
  const t = readClipTokenizer(json('tokenizer.json'));
  const { ids } = json('ids.json') as { ids: number[][] };
  const texts = json('texts.json') as string[];
  const found = texts.map((x) => [t.startOfText, ...t.encode(x), t.endOfText]);
  expect(found).toEqual(ids);
});

test('rows: start, ids, end, filling; cut texts keep their end', () => {
  const t = trainClipTokenizer(['red red red cube cube'], { vocabulary: 530 });
  const [red, cube] = [t.encode('red')[0]!, t.encode('cube')[0]!];
  const { startOfText: s, endOfText: e } = t;
  expect([...t.rows(['red cube', 'Red  RED cube red'], 5)]).toEqual([s, red, cube, e, e, s, red, red, cube, e]);
  expect([...t.rows(['red'], 5, { pad: 0 })]).toEqual([s, red, e, 0, 0]);
  expect(() => t.rows(['red cube red'], 4, { truncate: false })).toThrow(/5 tokens where 4 fit/);
  expect(t.decode(t.rows(['red cube'], 5))).toBe('red cube ');
  expect(() => t.decode([99999])).toThrow(/no token/);
});

test('merges are learned by frequency and survive a tokenizer.json', () => {
  const t = trainClipTokenizer(['low low low lower newest'], { vocabulary: 600 });
  expect(t.encode('low')).toHaveLength(1);
  expect(t.encode('newest').length).toBeGreaterThan(1); // seen once: nothing occurs twice
  const again = readClipTokenizer(JSON.parse(JSON.stringify(t.toJson())));
  expect(again.encode('low lower newest wide')).toEqual(t.encode('low lower newest wide'));
  expect(() => trainClipTokenizer([], { vocabulary: 100 })).toThrow(/at least 514/);
  expect(() => readClipTokenizer({ model: { type: 'WordPiece' } })).toThrow(/not a tokenizer of CLIP/);
  expect(() => readClipMerges('#version\nin\n')).toThrow(/two parts/);
  expect(clipTokenizer([]).vocabulary).toBe(514);
});
