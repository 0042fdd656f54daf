import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { can } from '../../capabilities/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import { CountVectorizer, dot, TfidfVectorizer } from '../../text/index.ts';
import { countStream, readDocuments } from '../../text/node/index.ts';
import { fitTfIdf, loadSystem, systemIds } from '../index.ts';
import { openTextIndex, saveBagOfWords, saveTfIdf } from './index.ts';
import { buildTextIndex } from './text-index.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bow2bot-words-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rng = new Rng(5);
const collection = Array.from({ length: 1511 }, () =>
  Array.from({ length: 3 + rng.int(19) }, () => `w${Math.floor(211 * rng.float() ** 3)}`).join(' '),
);

async function* asDocuments(texts: readonly string[]) {
  for (const [i, text] of texts.entries()) yield { id: `d${i}`, text };
}

describe('a collection on disk', () => {
  test('finds what brute force finds, ties included, in one pass or in many ranges', async () => {
    const path = join(folder, 'index');
    await buildTextIndex(path, asDocuments(collection), { scheme: { kind: 'tf-idf' }, memory: 30_000 });
    const v = new TfidfVectorizer({ dtype: 'float32' });
    const x = v.fitTransform(collection);
    const index = await openTextIndex(path);
    for (let q = 0; q < 40; q++) {
      const query = Array.from({ length: 1 + (q % 4) }, () => `w${rng.int(240)}`).join(' ');
      const y = v.transform([query]);
      const all = collection.map((_, i) => ({ i, s: dot(y, 0, x, i) })).filter(({ s }) => s > 0);
      const best = all.sort((a, b) => b.s - a.s || a.i - b.i).slice(0, 7);
      const hits = index.search(query, { k: 7 });
      expect(hits.map((h) => h.score.toFixed(5))).toEqual(best.map(({ s }) => s.toFixed(5)));
      expect(hits.length).toBe(best.length);
      for (const h of hits) expect(h.terms.reduce((s, t) => s + t.score, 0)).toBeCloseTo(h.score, 5);
    }
    expect(index.search('unknown words')).toEqual([]);
    index.close();
    expect(readdirSync(path).sort()).toEqual([
      'config.json',
      'documents.bin',
      'documents.idx',
      'model.safetensors',
      'postings.bin',
      'vocab.json',
    ]);
  });

  test('terms that go to disk in runs give the same columns, counts and rows', async () => {
    const long = Array.from({ length: 6007 }, (_, i) => `${collection[i % 1511]} u${i} ü${i % 1409} “q”`);
    const options = { minDf: 2, maxFeatures: 1201, ngramRange: [1, 2] as const };
    const whole = new CountVectorizer(options);
    const x = whole.fitTransform(long);
    const stream = await countStream(long, options, { folder: join(folder, 'runs'), termBytes: 200_000 });
    expect(stream.runs).toBeGreaterThan(1);
    expect(stream.state).toEqual(whole.state());
    const columns: number[] = [];
    const counts: number[] = [];
    for await (const r of stream.rows()) {
      columns.push(...r.columns);
      counts.push(...r.counts);
    }
    expect(columns).toEqual([...x.indices]);
    expect(counts).toEqual([...x.data]);
    await stream.dispose();
  });

  test('BM25 scores with and without a constant for missing terms agree with the ranking in memory', async () => {
    for (const method of ['lucene', 'bm25+'] as const) {
      const path = join(folder, method);
      await buildTextIndex(path, asDocuments(collection.slice(0, 307)), { scheme: { kind: 'bm25', method } });
      const index = await openTextIndex(path);
      const ranked = await index.model.rank('w3 w17 w17', collection.slice(0, 307), { k: 5 });
      const hits = index.search('w3 w17 w17', { k: 5 });
      expect(hits.map((h) => h.id)).toEqual(ranked.map((r) => `d${r.index}`));
      hits.forEach((h, i) => {
        expect(h.score).toBeCloseTo(ranked[i]!.score, 4);
      });
      index.close();
    }
  });

  test('damage is a typed error', async () => {
    const path = join(folder, 'damaged');
    await buildTextIndex(path, asDocuments(['one two', 'two three']));
    truncateSync(join(path, 'postings.bin'), 12);
    await expect(openTextIndex(path)).rejects.toMatchObject({ code: 'checkpoint' });
    writeFileSync(join(path, 'vocab.json'), '["one"]');
    await expect(openTextIndex(path)).rejects.toMatchObject({ code: 'checkpoint' });
    writeFileSync(join(path, 'config.json'), '{');
    await expect(openTextIndex(path)).rejects.toMatchObject({ code: 'checkpoint' });
    await expect(openTextIndex(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'data' });
    await expect(buildTextIndex(join(folder, 'empty'), asDocuments([]))).rejects.toMatchObject({ code: 'data' });
    expect(readdirSync(folder).filter((f) => f.endsWith('.partial'))).toEqual([]);
    writeFileSync(join(folder, 'mine.txt'), 'precious');
    await expect(buildTextIndex(folder, asDocuments(['one two']))).rejects.toMatchObject({ code: 'usage' });
  });
});

test('systems are saved, opened through the registry and asked by capability', async () => {
  const model = fitTfIdf(['the red block', 'the blue bowl', 'the red bowl'], { tokenPattern: /\w+/ });
  await saveTfIdf(join(folder, 'model'), model);
  await saveBagOfWords(join(folder, 'bow'), model.counter);
  for (const [id, path] of [
    ['tf-idf', 'model'],
    ['bag-of-words', 'bow'],
  ] as const) {
    const system = await (await loadSystem(id)).open(await openModelFiles(join(folder, path)));
    expect(can(system, 'encodeText', 'rank')).toBe(true);
    expect(can(system, 'act')).toBe(false);
    if (can(system, 'rank')) expect((await system.rank('red bowl', ['a blue bowl', 'a red bowl']))[0]!.index).toBe(1);
    if (can(system, 'encodeText') && id === 'tf-idf')
      expect(await system.encodeText(['red'])).toEqual(await model.encodeText(['red']));
    await system.close();
  }
  expect(model.keywords('the the red', 1)[0]!.term).toBe('the');
  await expect(loadSystem('tfidf')).rejects.toThrow(/did you mean "tf-idf"/);
  expect(systemIds()).toContain('bag-of-words');
});

describe('reading collections', () => {
  const read = async (path: string, o = {}) => {
    const found: { id: string; text: string; label?: string }[] = [];
    for await (const d of readDocuments(path, o))
      found.push({ ...d, text: typeof d.text === 'string' ? d.text : new TextDecoder().decode(d.text) });
    return found;
  };

  test('lines, JSONL, CSV, gzip, folders', async () => {
    const lines = join(folder, 'a.txt');
    writeFileSync(lines, 'one\r\ntwo\n\nlast');
    expect((await read(lines)).map((d) => d.text)).toEqual(['one', 'two', '', 'last']);
    const jsonl = join(folder, 'a.jsonl.gz');
    writeFileSync(jsonl, gzipSync('{"text":"é one","id":7,"label":"x"}\n\n{"text":"two"}\n'));
    expect(await read(jsonl)).toEqual([
      { id: '7', text: 'é one' },
      { id: '2', text: 'two' },
    ]);
    const csv = join(folder, 'a.csv');
    writeFileSync(csv, 'id,text,kind\n1,"a ""b"", c\nd",k\r\n2,plain,j\n');
    expect(await read(csv, { labelField: 'kind' })).toEqual([
      { id: '1', text: 'a "b", c\nd', label: 'k' },
      { id: '2', text: 'plain', label: 'j' },
    ]);
    const big = join(folder, 'big.txt');
    writeFileSync(big, `${'x'.repeat(1_000_003)}\ny\n`);
    expect((await read(big)).map((d) => d.text.length)).toEqual([1_000_003, 1]);
  });

  test('what cannot be read is a typed error with its place', async () => {
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    await expect(read(file('b.jsonl', '{"text":"x"}\n{"text":\n'))).rejects.toMatchObject({
      code: 'data',
      place: expect.stringContaining('b.jsonl:2:'),
    });
    await expect(read(file('c.jsonl', '{"body":"x"}\n'))).rejects.toMatchObject({
      code: 'data',
      detail: { fields: ['body'] },
    });
    await expect(read(file('d.csv', 'text\n"open\n'))).rejects.toMatchObject({ code: 'data' });
    await expect(read(file('e.txt', Uint8Array.of(1, 0, 2)))).rejects.toMatchObject({ code: 'data' });
    const gz = gzipSync(Buffer.from(collection.join('\n')));
    await expect(read(file('f.txt.gz', gz.subarray(0, gz.length - 300)))).rejects.toMatchObject({ code: 'data' });
    await expect(read(join(folder, 'absent.txt'))).rejects.toMatchObject({ code: 'data' });
    expect(readFileSync(join(folder, 'e.txt')).length).toBe(3);
  });
});
