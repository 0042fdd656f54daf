import { expect, test } from 'vitest';
import { smallConfig, smallParts, tokenizer } from './testing/small.ts';
import { answerRows, captionTokens, cleanCaption, cleanQuestion, questionTokens } from './text.ts';

test.each([
  ['A Red-Ball, (near) a box!', 'a red ball near a box'],
  ['<person> in/out  of   *it*', 'person in out of it'],
  ['  two\nlines #1: "x"?~ ', 'two\nlines 1 x'],
  ['...', ''],
])('captions are cleaned as the released code cleans them: %j', (text, wanted) => {
  expect(cleanCaption(text)).toBe(wanted);
});

test('questions keep their spaces; both keep thirty words', () => {
  expect(cleanQuestion('What  is it -?')).toBe('what  is it');
  const long = Array.from({ length: 40 }, (_, i) => `w${i}`).join(' ');
  expect(cleanCaption(long).split(' ')).toHaveLength(30);
  expect(cleanQuestion(long).split(' ').at(-1)).toBe('w29');
});

test('rows have [CLS] and no [SEP], answers both', () => {
  const reader = { config: smallConfig(), parts: smallParts };
  const { cls, sep, pad } = tokenizer.ids;
  for (const rows of [captionTokens(['a red image', 'red'], reader), questionTokens(['a red image', 'red'], reader)]) {
    expect(rows.shape).toEqual([2, 8]);
    expect(Array.from(rows.data.subarray(0, 4))).toEqual([cls, ...tokenizer.encode('a red image')]);
    expect(rows.data.includes(sep)).toBe(false);
    expect(rows.data[4]).toBe(pad);
  }
  const { ids, length } = answerRows(tokenizer, ['red', 'a red image'], 17);
  expect([length, ids[0], ids[2], ids[2 * length - 1]]).toEqual([5, cls, sep, sep]);
});
