import { expect, test } from 'vitest';
import { readWordPieceFiles, trainWordPiece, type WordPieceOptions, wordPiece } from './index.ts';

// Ids by Hugging Face's `tokenizers` 0.22 (BertWordPieceTokenizer).
const tokens = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'red', 'cu', '##be', '##s', 'cube', 'the', 'un', '##aff'],
  ...[
    '##able',
    '!',
    ',',
    'don',
    "'",
    't',
    '##t',
    'cafe',
    'naive',
    '中',
    '文',
    'x',
    '2',
    '##0',
    '##1',
    'ha',
    '##ll',
    '##o',
  ],
];
const texts = [
  ...[
    'A red cube, the cubes!',
    'unaffable UNAFFABLE',
    "don't",
    'Café naïve',
    '中文x',
    'a [MASK] cube [SEP]',
    '20 201 x2',
  ],
  ...['', 'zzz hallo\thallo\u0000', `${'a'.repeat(101)} a`, 'hal\u00adlo ha\u0301llo'],
];
const uncased = [
  ...[
    [5, 6, 10, 16, 11, 10, 9, 15],
    [12, 13, 14, 12, 13, 14],
    [17, 18, 19],
    [21, 22],
    [23, 24, 25],
    [5, 4, 10, 3],
  ],
  ...[[26, 27, 26, 27, 28, 1], [], [1, 29, 30, 31, 29, 30, 31], [1, 5], [29, 30, 31, 29, 30, 31]],
];
const wanted: [WordPieceOptions, Record<number, number[]>][] = [
  [{}, {}],
  [{ lowerCase: false }, { 0: [1, 6, 10, 16, 11, 10, 9, 15], 1: [12, 13, 14, 1], 3: [1, 1], 10: [29, 30, 31, 1] }],
  [{ stripAccents: false }, { 3: [1, 1], 10: [29, 30, 31, 1] }],
  [{ chineseCharacters: false }, { 4: [1] }],
];

test.each(wanted)('texts are cut as by Hugging Face: %j', (options, other) => {
  const t = wordPiece(tokens, options);
  expect(texts.map((x) => t.encode(x))).toEqual(uncased.map((ids, i) => other[i] ?? ids));
});

test('rows have [CLS] and [SEP], or [CLS] alone; long texts are cut', () => {
  const t = wordPiece(tokens);
  expect([...t.rows(['a red cube', 'a a a a a a'], 6)]).toEqual([2, 5, 6, 10, 3, 0, 2, 5, 5, 5, 5, 3]);
  expect([...t.rows(['a red cube'], 4, { sep: false })]).toEqual([2, 5, 6, 10]);
  expect(() => t.rows(['a red cube'], 4, { truncate: false })).toThrow(/5 tokens where 4 fit/);
  expect(() => t.rows(['a'], 1)).toThrow(/no room for \[CLS\] and \[SEP\]/);
  expect(t.decode([2, 5, 6, 7, 8, 9, 3, 0])).toBe('a red cubes');
  expect(() => t.decode([99])).toThrow(/no token has the id 99/);
  expect([4, 5, 9].map((id) => [t.startsWord(id), t.continuesWord(id)])).toEqual([[false, false], [true, false], [false, true]]); // biome-ignore format: one line
});

test('a vocabulary is learned: specials, characters, then frequent pairs', () => {
  const t = trainWordPiece(['a red cube', 'the red cubes are on a tray', 'a cube and a cup'], { vocabulary: 60 });
  const { vocab } = JSON.parse(t.files(20)['tokenizer.json']).model as { vocab: Record<string, number> };
  expect(Object.keys(vocab).slice(0, 8)).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '##a', '##b', '##d']);
  for (const word of ['cube', 'red']) expect(t.encode(word)).toEqual([vocab[word]]);
  expect(t.decode(t.encode('the cubes'))).toBe('the cubes');
  expect(t.encode('zebra')).toEqual([t.ids.unknown]);
  expect(() => trainWordPiece(['abc'], { vocabulary: 6 })).toThrow(/at least 8: the specials and 3 characters/);
});

test('files come back as they were written; what cannot be obeyed is refused by name', () => {
  const t = wordPiece(tokens, { lowerCase: false });
  const files = t.files(40);
  const [json, config] = [JSON.parse(files['tokenizer.json']), JSON.parse(files['tokenizer_config.json'])];
  const ids = (f: Parameters<typeof readWordPieceFiles>[0]): number[] =>
    readWordPieceFiles(f).tokenizer.encode('A red Cube');
  expect(ids({ 'tokenizer.json': json })).toEqual(t.encode('A red Cube'));
  expect(ids({ 'vocab.txt': files['vocab.txt'], 'tokenizer_config.json': config })).toEqual(t.encode('A red Cube'));
  expect(ids({ 'vocab.txt': files['vocab.txt'].replaceAll('\n', '\r\n') })).toEqual([5, 6, 10]);
  expect(readWordPieceFiles({ 'tokenizer.json': json, 'tokenizer_config.json': config }).longest).toBe(40);
  const refused = (f: Parameters<typeof readWordPieceFiles>[0], why: RegExp): void => expect(() => readWordPieceFiles(f)).toThrow(why); // biome-ignore format: one line
  refused({}, /neither tokenizer.json nor vocab.txt/);
  refused(
    { 'tokenizer.json': json, 'tokenizer_config.json': { do_upper_case: true } },
    /unknown setting do_upper_case/,
  );
  refused(
    { 'tokenizer.json': json, 'tokenizer_config.json': { never_split: ['x'] } },
    /never_split \["x"\] cannot be obeyed/,
  );
  refused({ 'tokenizer.json': { ...json, pre_tokenizer: { type: 'Whitespace' } } }, /pre_tokenizer "Whitespace"/);
  refused({ 'tokenizer.json': { ...json, model: { ...json.model, vocab: { a: 0, b: 7 } } } }, /model.vocab\["b"\] 7/);
  refused({ 'tokenizer.json': { ...json, model: { ...json.model, vocab: { '[PAD]': 0 } } } }, /lacks \[UNK\]/);
  refused(
    { 'tokenizer.json': { ...json, added_tokens: [{ content: 'ha', id: 9 }] } },
    /added_tokens .* cannot be obeyed/,
  );
  refused({ 'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\na\n' }, /"a" twice/);
});
