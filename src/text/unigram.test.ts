import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSentencePiece, readUnigramFiles, trainUnigram, type UnigramPiece, unigram } from './index.ts';
import { whole, writeSentencePiece } from './testing/write-sentencepiece.ts';

/** A model that SentencePiece 0.2.2 learned (180 pieces, its default normaliser), texts, and their ids with XLM-R's shift by one. */
const recorded = JSON.parse(readFileSync('src/text/testing/sentencepiece-cases.json', 'utf8')) as {
  pieces: [string, number][];
  cases: [text: string, ids: number[]][];
};
const file = writeSentencePiece(recorded.pieces.slice(3));

test('ids are SentencePiece’s, one higher; specials as in XLM-R', () => {
  const { tokenizer } = readUnigramFiles({ 'beit3.spm': file });
  expect(recorded.cases.length).toBeGreaterThan(10);
  for (const [text, ids] of recorded.cases) expect([text, tokenizer.encode(text)]).toEqual([text, ids]);
  const mask = recorded.pieces.length + 1;
  expect([tokenizer.ids, tokenizer.vocabulary]).toEqual([{ start: 0, pad: 1, end: 2, unknown: 3, mask }, mask + 1]);
  expect(tokenizer.encode('a <mask> b').filter((id) => id === mask)).toHaveLength(1);
});

test('a model file gives back its pieces and scores', () => {
  const { pieces, normaliser } = readSentencePiece(file, 'm.spm');
  expect(pieces).toEqual(recorded.pieces.map(([piece, score]) => [piece, Math.fround(score)]));
  expect(normaliser).toBe('nmt_nfkc');
});

test('written files are read again: same ids', () => {
  const { tokenizer } = readUnigramFiles({ 'beit3.spm': file });
  const files = tokenizer.files(64);
  const json = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, JSON.parse(text) as unknown]));
  const again = readUnigramFiles(json);
  expect(again.longest).toBe(64);
  for (const [text, ids] of recorded.cases) expect(again.tokenizer.encode(text)).toEqual(ids);
});

test('rows are cut and keep their end; decoding leaves the specials out', () => {
  const t = unigram([['▁a', -1], ['▁b', -2], ['c', -3], ['▁', -4]]); // biome-ignore format: one line
  expect([...t.rows(['a bc', '', 'a a a a'], 5)]).toEqual([0, 4, 5, 6, 2, 0, 2, 1, 1, 1, 0, 4, 4, 4, 2]);
  expect(t.decode([0, 4, 5, 6, 2, 1])).toBe('a bc');
  expect([4, 5, 6, 0, 8].map((id) => t.continuesWord(id))).toEqual([false, false, true, false, false]);
});

test('the words of a small corpus become pieces of their own; learning is the same every time', () => {
  const [colours, things] = [['red', 'green', 'blue'], ['cube', 'ball', 'bowl', 'cup']]; // biome-ignore format: one line
  const texts = colours.flatMap((c) => things.map((thing) => `a ${c} ${thing} on the table`));
  const t = trainUnigram(texts, { vocabulary: 60 });
  expect(t.vocabulary).toBeLessThanOrEqual(60);
  expect(t.encode('a green bowl on the table')).toHaveLength(6);
  expect(t.decode(t.encode('a red cup'))).toBe('a red cup');
  expect(t.encode('a red zebra')).toContain(t.ids.unknown);
  expect(trainUnigram(texts, { vocabulary: 60 }).files(9)).toEqual(t.files(9));
  const small = trainUnigram(texts, { vocabulary: 32 });
  expect(small.vocabulary).toBeLessThanOrEqual(32);
  expect(small.decode(small.encode('the blue ball'))).toBe('the blue ball');
});

test.each<[string, () => unknown, string]>([
  ['a vocabulary below the characters', () => trainUnigram(['abcdefg'], { vocabulary: 8 }), 'at least 13'],
  ['an end in the middle', () => readSentencePiece(file.subarray(0, 100), 'm.spm'), 'in the middle of a field'],
  ['another file', () => readSentencePiece(new TextEncoder().encode('{"a": 1}'), 'm.spm'), 'SentencePiece model'],
  [
    'byte-pair encoding',
    () => readSentencePiece(writeSentencePiece([['a', 1]], { trainer: whole(3, 2) }), 'm'),
    'model_type 2',
  ],
  ['bytes', () => readSentencePiece(writeSentencePiece([['a', 1]], { trainer: whole(35, 1) }), 'm'), 'byte_fallback'],
  ['a user’s piece', () => readSentencePiece(writeSentencePiece([['a', 1]], { kind: 4 }), 'm'), 'pieces[3].type 4'],
  [
    'lower case',
    () => readSentencePiece(writeSentencePiece([['a', 1]], { normaliser: 'nmt_nfkc_cf' }), 'm'),
    'nmt_nfkc_cf',
  ],
  [
    'no first space',
    () => readSentencePiece(writeSentencePiece([['a', 1]], { rules: whole(3, 0) }), 'm'),
    'add_dummy_prefix',
  ],
  [
    'a piece twice',
    () =>
      unigram([
        ['a', 0],
        ['a', 0],
      ]),
    '"a" twice',
  ],
  ['no file', () => readUnigramFiles({}), 'no tokenizer'],
  ['WordPiece', () => readUnigramFiles({ 'tokenizer.json': { model: { type: 'WordPiece' } } }), 'no Unigram model'],
  [
    'a key',
    () => readUnigramFiles({ 'beit3.spm': file, 'tokenizer_config.json': { do_lower_case: true } }),
    'do_lower_case',
  ],
  ['a row too short', () => unigram([]).rows(['a'], 1), 'no room'],
])('refused: %s', (_, call, message) => {
  expect(call).toThrow(message);
});

const pieceAt = (json: { model: { vocab: unknown[] } }, i: number, to: unknown): unknown => ({
  ...json,
  model: { ...json.model, vocab: json.model.vocab.map((x, at) => (at === i ? to : x)) },
});

test('a tokenizer.json of another kind is refused by the key', () => {
  const pieces: UnigramPiece[] = [['▁a', -1]];
  const json = JSON.parse(unigram(pieces).files(9)['tokenizer.json']) as { model: { vocab: unknown[] } };
  const read = (x: unknown) => () => readUnigramFiles({ 'tokenizer.json': x });
  expect(read(pieceAt(json, 4, ['▁a']))).toThrow('model.vocab[4]');
  expect(read(pieceAt(json, 5, ['x', 0]))).toThrow('model.vocab ["<s>","<pad>","</s>","<unk>","x"]');
  expect(read({ ...json, normalizer: { type: 'Lowercase' } })).toThrow('normalizer {"type":"Lowercase"}');
  expect(read({ ...json, pre_tokenizer: { type: 'Whitespace' } })).toThrow('pre_tokenizer');
  expect(read({ ...json, added_tokens: [{ content: '<x>' }] })).toThrow('added_tokens');
});
