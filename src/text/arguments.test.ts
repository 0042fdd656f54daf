/** Every function and class of text with arguments of every wrong kind: a typed error each time. */
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { type Call, notRefused } from '../base/testing/wrong-arguments.ts';
import * as text from './index.ts';
import { writeSentencePiece } from './testing/write-sentencepiece.ts';

const docs = ['a red cube', 'a blue ball and a red one', 'the ball'];
const counter = new text.CountVectorizer().fit(docs);
const counts = counter.transform(docs);
const tfidf = new text.TfidfVectorizer().fit(docs);
const weighted = tfidf.transform(docs);
const bm25 = new text.Bm25Transformer().fit(counts);
const model = await text.fitLogisticRegression(counts, ['x', 'y', 'x']);
const clip = text.trainClipTokenizer(docs, { vocabulary: 520 });
const merges: [string, string][] = [['r', 'e']];
const terms = (): text.TermCounter =>
  new text.TermCounter({ mode: 'learn', analyze: (t) => t.split(' '), onRows: () => {} });
const reader = text.tableReader('table.csv');
const options = ['undefined'];
const sentencePieceModel = writeSentencePiece([['▁a', -1]]);
const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const dict = { call: (o: object) => new text.CountVectorizer(o), fine: [['undefined', 'a date']] };
/** The option of a vectoriser, alone. `undefined` is the default, `null` too where a type says so. */
const option = (name: string, value: unknown, ...fine: string[]): [string, Call] => [
  `option ${name}`,
  {
    call: (v: never) => new text.TfidfVectorizer({ [name]: v }),
    args: [value],
    fine: [['undefined', 'null', ...fine]],
  },
];
const hashing = (name: string, value: unknown, ...fine: string[]): [string, Call] => [
  `HashingVectorizer ${name}`,
  {
    call: (v: never) => new text.HashingVectorizer({ [name]: v }),
    args: [value],
    fine: [['undefined', 'null', ...fine]],
  },
];

const calls: Readonly<Record<string, Call>> = {
  analyzerOf: { call: text.analyzerOf, args: [{}], fine: [['an object', 'a date']] },
  'analyzerOf, its function': { call: text.analyzerOf({}), args: ['a b'], fine: [['a string']] },
  Bm25Transformer: {
    call: (o: object) => new text.Bm25Transformer(o),
    args: [{ k1: 1 }],
    fine: [['undefined', 'a date']],
  },
  ...Object.fromEntries((['method', 'k1', 'b', 'delta'] as const).map((name): [string, Call] => [`Bm25Transformer ${name}`, { call: (v: never) => new text.Bm25Transformer({ [name]: v }), args: [{ method: 'lucene', k1: 1, b: 0.5, delta: 1 }[name]], fine: [['undefined', 'null', 'a fraction', ...(name === 'delta' ? ['a negative number'] : [])]] }])), // biome-ignore format: one line
  'Bm25Transformer.fit': { call: (x: text.Csr) => new text.Bm25Transformer().fit(x), args: [counts] },
  'Bm25Transformer.fitFrequencies': { call: (...a: [number[], number, number]) => new text.Bm25Transformer().fitFrequencies(...a), args: [[1, 2], 3, 2.5], fine: [[], [], ['a fraction']] }, // biome-ignore format: one line
  'Bm25Transformer.transform': { call: (x: text.Csr) => bm25.transform(x), args: [counts] },
  'Bm25Transformer.scores': { call: (...a: [text.Csr<Float64Array>, text.Csr]) => bm25.scores(...a), args: [bm25.transform(counts), counter.transform(['red'])] }, // biome-ignore format: one line
  'Bm25Transformer.termWeight': { call: (...a: [number, number]) => bm25.termWeight(...a), args: [1, 3], fine: [['a fraction'], ['a fraction']] }, // biome-ignore format: one line
  clipTokenizer: { call: text.clipTokenizer, args: [merges, undefined, {}], fine: [[], 'all', ['undefined', 'an object', 'a date']] }, // biome-ignore format: one line
  'clipTokenizer ids': { call: (ids: Map<string, number>) => text.clipTokenizer(merges, ids), args: [new Map(text.clipTokenizer(merges).toJson() && Object.entries((text.clipTokenizer(merges).toJson() as { model: { vocab: Record<string, number> } }).model.vocab))], fine: [options] }, // biome-ignore format: one line
  trainClipTokenizer: { call: text.trainClipTokenizer, args: [docs, { vocabulary: 520 }] },
  'trainClipTokenizer vocabulary': { call: (vocabulary: number) => text.trainClipTokenizer(docs, { vocabulary }), args: [520] }, // biome-ignore format: one line
  'ClipTokenizer.encode': { call: clip.encode, args: ['red'], fine: [['a string']] },
  'ClipTokenizer.decode': { call: clip.decode, args: [[1, 2]], fine: [['bigints in a typed array']] },
  'ClipTokenizer.rows': { call: clip.rows, args: [docs, 9, {}], fine: [[], [], ['undefined', 'an object', 'a date']] },
  'ClipTokenizer.rows pad': { call: (pad: number) => clip.rows(docs, 9, { pad }), args: [0], fine: [options] },
  readClipMerges: { call: text.readClipMerges, args: ['#version\nr e', {}], fine: [[], ['undefined', 'an object', 'a date']] }, // biome-ignore format: one line
  'readClipMerges count': {
    call: (count: number) => text.readClipMerges('r e', { count }),
    args: [1],
    fine: [options],
  },
  readClipTokenizer: { call: text.readClipTokenizer, args: [clip.toJson()] },
  readClipTokenizerFiles: { call: text.readClipTokenizerFiles, args: [{ 'tokenizer.json': clip.toJson() }, (n: string) => n], fine: [[], ['undefined', 'a function']] }, // biome-ignore format: one line
  CountVectorizer: { ...dict, args: [{ binary: true }] },
  'CountVectorizer.fit': { call: (d: string[]) => new text.CountVectorizer().fit(d), args: [docs] },
  'CountVectorizer.fitTransform': { call: (d: string[]) => new text.CountVectorizer().fitTransform(d), args: [docs] },
  'CountVectorizer.partialFit': { call: (d: string[]) => new text.CountVectorizer().partialFit(d), args: [docs] },
  'CountVectorizer.transform': { call: (d: string[]) => counter.transform(d), args: [docs] },
  'CountVectorizer.indexOf': { call: (t: string) => counter.indexOf(t), args: ['red'], fine: [['a string']] },
  'CountVectorizer.inverseTransform': { call: (x: text.Csr) => counter.inverseTransform(x), args: [counts] },
  'CountVectorizer.analyze': { call: (t: string) => counter.analyze(t), args: ['red'], fine: [['a string']] },
  'CountVectorizer.restore': { call: text.CountVectorizer.restore, args: [{}, counter.state()], fine: [['undefined', 'a date']] }, // biome-ignore format: one line
  ...Object.fromEntries([
    option('encoding', 'utf-8'),
    option('decodeError', 'ignore'),
    option('lowercase', false, 'true'),
    option('stripAccents', 'ascii', 'a function'),
    option('preprocessor', (t: string) => t, 'a function'),
    option('tokenizer', (t: string) => [t], 'a function'),
    option('analyzer', 'char', 'a function'),
    option('tokenPattern', /\w/gu, 'a string'),
    option('stopWords', ['a']),
    option('ngramRange', [1, 2]),
    option('segment', 'intl'),
    option('minDf', { count: 1 }, 'a fraction'),
    option('maxDf', { count: 1 }, 'a fraction'),
    option('maxFeatures', 3),
    option('tieBreak', 'alphabetical'),
    option('binary', true, 'true'),
    option('norm', 'l1'),
    option('useIdf', false, 'true'),
    option('smoothIdf', false, 'true'),
    option('sublinearTf', true, 'true'),
    option('dtype', 'float32'),
    hashing('nFeatures', 8),
    hashing('norm', 'l1'),
    hashing('alternateSign', true, 'true'),
    hashing('binary', true, 'true'),
    hashing('seed', 3),
  ]),
  'option locale': { call: (locale: string) => new text.CountVectorizer({ segment: 'intl', locale }).fit(docs), args: ['de'], fine: [['undefined', 'null', 'a string']] }, // biome-ignore format: one line
  'option vocabulary': { call: (vocabulary: string[]) => new text.CountVectorizer({ vocabulary }).transform(docs), args: [['red']] }, // biome-ignore format: one line
  'a preprocessor that gives no text': { call: (v: never) => new text.CountVectorizer({ preprocessor: () => v }).fit(docs), args: ['some red'], fine: [['a string']] }, // biome-ignore format: one line
  'a tokenizer that gives no tokens': { call: (v: never) => new text.CountVectorizer({ tokenizer: () => v }).fit(docs), args: [['red']] }, // biome-ignore format: one line
  'an analyzer that gives no terms': { call: (v: never) => new text.HashingVectorizer({ analyzer: () => v }).transform(docs), args: [['red']] }, // biome-ignore format: one line
  concat: { call: text.concat, args: [[counts, counts]] },
  dot: { call: text.dot, args: [counts, 0, counts, 1] },
  fromDense: { call: text.fromDense, args: [[[1, 0], [0, 2]]], fine: [['an array of arrays']] }, // biome-ignore format: one line
  newIndptr: { call: text.newIndptr, args: [2, 3] },
  nnz: { call: text.nnz, args: [counts] },
  normalizeRows: { call: text.normalizeRows, args: [weighted, 'l2'] },
  row: { call: text.row, args: [counts, 0] },
  slice: { call: text.slice, args: [counts, 0, 2] },
  toDense: { call: text.toDense, args: [counts] },
  transpose: { call: text.transpose, args: [counts] },
  markedEncoding: { call: text.markedEncoding, args: [new Uint8Array(3)] },
  textDecoder: { call: text.textDecoder, args: [{}], fine: [['undefined', 'an object', 'a date']] },
  'textDecoder encoding': {
    call: (encoding: string) => text.textDecoder({ encoding }),
    args: ['utf-8'],
    fine: [options],
  },
  'textDecoder decodeError': { call: (decodeError: 'strict') => text.textDecoder({ decodeError }), args: ['strict'], fine: [options] }, // biome-ignore format: one line
  textOf: { call: text.textOf, args: [new Uint8Array(3), 'a.txt'], fine: [[], 'all'] },
  notTextAs: { call: text.notTextAs, args: [new Uint8Array(9)] },
  validUtf8: { call: text.validUtf8, args: [new Uint8Array(3)] },
  HashingVectorizer: { call: (o: object) => new text.HashingVectorizer(o), args: [{ nFeatures: 8 }], fine: [['undefined', 'a date']] }, // biome-ignore format: one line
  'HashingVectorizer.fit': { call: (d: string[]) => new text.HashingVectorizer().fit(d), args: [docs], fine: [['an array of null', 'an array of arrays', 'an array of objects', 'bigints in a typed array']] }, // biome-ignore format: one line
  'HashingVectorizer.fitTransform': {
    call: (d: string[]) => new text.HashingVectorizer().fitTransform(d),
    args: [docs],
  },
  'HashingVectorizer.transform': { call: (d: string[]) => new text.HashingVectorizer().transform(d), args: [docs] },
  minimize: { call: text.minimize, args: [(w: Float64Array, g: Float64Array) => { g[0] = 2 * w[0]!; return w[0]! ** 2; }, Float64Array.of(3), {}], fine: [[], [], ['undefined', 'an object', 'a date']] }, // biome-ignore format: one line
  accuracy: { call: text.accuracy, args: [model, counts, ['x', 'y', 'x']] },
  fitLogisticRegression: { call: text.fitLogisticRegression, args: [counts, ['x', 'y', 'x'], {}], fine: [[], [], ['undefined', 'an object', 'a date']] }, // biome-ignore format: one line
  'fitLogisticRegression c': { call: (c: number) => text.fitLogisticRegression(counts, ['x', 'y', 'x'], { c }), args: [1], fine: [['undefined', 'null', 'a fraction']] }, // biome-ignore format: one line
  'fitLogisticRegression maxIterations': { call: (maxIterations: number) => text.fitLogisticRegression(counts, ['x', 'y', 'x'], { maxIterations }), args: [1], fine: [options] }, // biome-ignore format: one line
  linearModel: { call: text.linearModel, args: [new Float64Array(3), ['x', 'y'], 2] },
  predictLabels: { call: text.predictLabels, args: [model, counts] },
  predictProbabilities: { call: text.predictProbabilities, args: [model, counts] },
  englishStopWords: { call: text.englishStopWords, args: [] },
  parseCsv: { call: text.parseCsv, args: ['a,b\n1,2', 'a.csv'], fine: [['a string'], 'all'] },
  tableReader: { call: text.tableReader, args: ['a.csv', {}], fine: ['all', ['undefined', 'an object', 'a date']] },
  'tableReader separator': { call: (separator: string) => text.tableReader('a.csv', { separator }), args: [','], fine: [['undefined']] }, // biome-ignore format: one line
  'tableReader.push': { call: reader.push, args: ['a,b\n'], fine: [['a string']] },
  blankClasses: { call: text.blankClasses, args: [] },
  TermCounter: { call: (o: never) => new text.TermCounter(o), args: [{ mode: 'learn', analyze: () => [], onRows: () => {} }] }, // biome-ignore format: one line
  'TermCounter.push': { call: (d: string) => terms().push(d), args: ['a b'], fine: [['a string']] },
  'TermCounter.intern': { call: (t: string[]) => terms().intern(t), args: [['a']] },
  'TermCounter.id': { call: (t: string) => terms().id(t), args: ['a'], fine: [['a string']] },
  'TermCounter.terms': { call: (ids: number[]) => terms().terms(ids), args: [[]] },
  'TermCounter.sortIds': { call: (ids: Int32Array) => terms().sortIds(ids), args: [new Int32Array(0)] },
  idfOf: { call: text.idfOf, args: [[1, 2], 3, true], fine: [[], [], 'all'] },
  TfidfTransformer: { call: (o: object) => new text.TfidfTransformer(o), args: [{ norm: null }], fine: [['undefined', 'a date']] }, // biome-ignore format: one line
  'TfidfTransformer.fit': { call: (x: text.Csr) => new text.TfidfTransformer().fit(x), args: [counts] },
  'TfidfTransformer.fitFrequencies': { call: (...a: [number[], number]) => new text.TfidfTransformer().fitFrequencies(...a), args: [[1, 2], 3] }, // biome-ignore format: one line
  'TfidfTransformer.transform': { call: (x: text.Csr) => tfidf.transformer.transform(x), args: [counts] },
  'TfidfTransformer.fitTransform': {
    call: (x: text.Csr) => new text.TfidfTransformer().fitTransform(x),
    args: [counts],
  },
  'TfidfTransformer.idf': {
    call: (idf: number[]) => Object.assign(new text.TfidfTransformer(), { idf }),
    args: [[1, 2]],
  },
  TfidfVectorizer: { call: (o: object) => new text.TfidfVectorizer(o), args: [{ norm: null }], fine: [['undefined', 'a date']] }, // biome-ignore format: one line
  'TfidfVectorizer counter': { call: (c: text.CountVectorizer) => new text.TfidfVectorizer({}, c), args: [counter], fine: [options] }, // biome-ignore format: one line
  'TfidfVectorizer.fit': { call: (d: string[]) => new text.TfidfVectorizer().fit(d), args: [docs] },
  'TfidfVectorizer.partialFit': { call: (d: string[]) => new text.TfidfVectorizer().partialFit(d), args: [docs] },
  'TfidfVectorizer.fitTransform': { call: (d: string[]) => new text.TfidfVectorizer().fitTransform(d), args: [docs] },
  'TfidfVectorizer.transform': { call: (d: string[]) => tfidf.transform(d), args: [docs] },
  'TfidfVectorizer.idf': { call: (idf: number[]) => Object.assign(new text.TfidfVectorizer().fit(docs), { idf }), args: [tfidf.idf] }, // biome-ignore format: one line
  'TfidfVectorizer.inverseTransform': { call: (x: text.Csr) => tfidf.inverseTransform(x), args: [weighted] },
  'TfidfVectorizer.restore': { call: text.TfidfVectorizer.restore, args: [{}, counter.state()], fine: [['undefined', 'a date']] }, // biome-ignore format: one line
  'TfidfVectorizer.keywords': { call: (...a: [string, number]) => tfidf.keywords(...a), args: ['red', 2], fine: [['a string'], options] }, // biome-ignore format: one line
  maskTokens: { call: text.maskTokens, args: [new Int32Array(2), new Int32Array(2), new Rng(1), { mask: 0, vocabulary: 2, may: () => true }], fine: [[], [], [], ['a date']] }, // biome-ignore format: one line
  wordPiece: { call: text.wordPiece, args: [specials, {}], fine: [[], ['undefined', 'a date', 'an object']] },
  trainWordPiece: { call: text.trainWordPiece, args: [['a b'], { vocabulary: 20 }], fine: [['a string']] },
  readWordPieceFiles: { call: text.readWordPieceFiles, args: [{ 'vocab.txt': specials.join('\n') }, (f: string) => f], fine: [[], ['undefined', 'a function']] }, // biome-ignore format: one line
  readSentencePiece: { call: text.readSentencePiece, args: [sentencePieceModel, 'm.spm'], fine: [[], ['a string']] },
  unigram: { call: text.unigram, args: [[['▁a', -1]], {}], fine: [[], ['undefined', 'a date', 'an object']] },
  trainUnigram: { call: text.trainUnigram, args: [['a b'], { vocabulary: 20 }], fine: [['a string']] },
  readUnigramFiles: { call: text.readUnigramFiles, args: [{ 'beit3.spm': sentencePieceModel }, (f: string) => f], fine: [[], ['undefined', 'a function']] }, // biome-ignore format: one line
  weigh: { call: text.weigh, args: [counts, null, {}], fine: [[], ['null'], ['a date']] }, // biome-ignore format: one line
  compareCodePoints: { call: text.compareCodePoints, args: ['a', 'b'], fine: [['a string'], ['a string']] },
  stripAccentsAscii: { call: text.stripAccentsAscii, args: ['é'], fine: [['a string']] },
  stripAccentsUnicode: { call: text.stripAccentsUnicode, args: ['é'], fine: [['a string']] },
};

test('wrong arguments are typed errors', async () => {
  const found: string[] = [];
  for (const [name, call] of Object.entries(calls)) found.push(...(await notRefused(name, call)));
  expect(found).toEqual([]);
});

test('every exported function, and every method of an exported class, is in the table', () => {
  const exported = Object.entries<unknown>(text).flatMap(([name, value]) =>
    typeof value === 'function' ? [[name, value] as const] : [],
  );
  const methods = exported.flatMap(([name, value]) =>
    Object.entries<PropertyDescriptor>(Object.getOwnPropertyDescriptors(Reflect.get(value, 'prototype') ?? {}))
      .filter(([key, d]) => key !== 'constructor' && ((typeof d.value === 'function' && d.value.length > 0) || d.set))
      .map(([key]) => `${name}.${key}`),
  );
  const all = [...exported.map(([name]) => name), ...methods];
  expect(all.filter((name) => !(name in calls) && name !== 'TermCounter.remap')).toEqual([]); // remap takes a counter's own rows back
});
