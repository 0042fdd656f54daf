import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readClipMerges } from './clip-tokenizer.ts';

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
