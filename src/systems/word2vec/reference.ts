/**
 * word2vec.c v0.1c on one thread, float32 operation by operation: slow, and equal to the compiled program to the last bit (with its end-of-file
 * flag reset after each pass; the published program forgets that and makes one pass whatever `-iter` says, issue #47).
 */
import { BowError } from '../../base/index.ts';
import { sigmoidTable, type Target, trainTargets } from './rules.ts';
import { huffman, keptIds } from './vocabulary.ts';

/** Options of {@link runReference}, under word2vec.c's defaults where absent. */
export type ReferenceOptions = {
  readonly cbow: boolean;
  readonly hs: boolean;
  readonly negative: number;
  readonly size: number;
  readonly window: number;
  readonly sample: number;
  readonly passes: number;
  readonly minCount: number;
  readonly alpha: number;
  readonly tableSize: number;
};

const r = Math.fround;
const mask = (1n << 64n) - 1n;

/** Runs word2vec.c's algorithm; `lines` become sentences that end in `</s>`. Returns words in row order and syn0, [words × size]. */
export function runReference(
  lines: readonly (readonly string[])[],
  o: ReferenceOptions,
): { words: string[]; vectors: Float32Array } {
  const { words, counts, ids } = indexed(lines, o.minCount);
  const total = counts.reduce((s, c) => s + c, 0);
  const n = words.length;
  if (n < 2) throw new BowError('data', 'word2vec.c needs at least one word beside </s>', { detail: { words: n } });
  const syn0 = initial(n, o.size);
  const model: Model = {
    ...o,
    n,
    syn0,
    syn1: new Float32Array(n * o.size),
    syn1neg: new Float32Array(n * o.size),
    table: noiseTable(counts, o.tableSize),
    tree: huffman(counts),
    sigmoid: sigmoidTable(),
    random: 0n,
  };
  let actual = 0;
  let alpha = r(o.alpha);
  for (let pass = 0; pass < o.passes; pass++) {
    let [at, read, last] = [0, 0, 0];
    const refresh = (): void => {
      if (read - last <= 10000) return;
      actual += read - last;
      last = read;
      alpha = r(r(o.alpha) * r(1 - r(r(actual) / r(o.passes * total + 1))));
      if (alpha < r(o.alpha) * 0.0001) alpha = r(r(o.alpha) * 0.0001);
    };
    while (at < ids.length) {
      refresh();
      const sentence: number[] = [];
      while (at < ids.length) {
        const id = ids[at++]!;
        read++;
        if (id === 0) break;
        if (dropped(model, counts[id]!, total)) continue;
        sentence.push(id);
        if (sentence.length >= 1000) break;
      }
      for (let p = 0; p < Math.max(1, sentence.length); p++) {
        if (p > 0) refresh(); // the program looks before every position, so the first one after reading still has the old rate
        trainPosition(model, sentence, p, alpha);
      }
    }
    actual += read - last;
  }
  return { words, vectors: syn0 };
}

type Model = ReferenceOptions & {
  readonly n: number;
  readonly syn0: Float32Array;
  readonly syn1: Float32Array;
  readonly syn1neg: Float32Array;
  readonly table: Int32Array;
  readonly tree: ReturnType<typeof huffman>;
  readonly sigmoid: Float32Array;
  random: bigint;
};

function draw(m: { random: bigint }): bigint {
  m.random = (m.random * 25214903917n + 11n) & mask;
  return m.random;
}

/** Rows in word2vec.c's order, `</s>` first, and the corpus as rows. */
function indexed(
  lines: readonly (readonly string[])[],
  minCount: number,
): { words: string[]; counts: number[]; ids: Int32Array } {
  const seen = new Map<string, number>();
  const all: string[] = [];
  const counts: number[] = [];
  for (const w of lines.flat()) {
    let id = seen.get(w);
    if (id === undefined) {
      id = all.length;
      seen.set(w, id);
      all.push(w);
      counts.push(0);
    }
    counts[id]!++;
  }
  const kept = keptIds(counts, { minCount });
  const row = new Int32Array(all.length).fill(-1);
  kept.forEach((id, i) => {
    row[id] = i + 1;
  });
  const ids: number[] = [];
  for (const line of lines) {
    for (const w of line) if (row[seen.get(w)!]! > 0) ids.push(row[seen.get(w)!]!);
    ids.push(0);
  }
  return {
    words: ['</s>', ...Array.from(kept, (i) => all[i]!)],
    counts: [lines.length, ...Array.from(kept, (i) => counts[i]!)],
    ids: Int32Array.from(ids),
  };
}

function initial(n: number, size: number): Float32Array {
  const state = { random: 1n };
  return Float32Array.from({ length: n * size }, () => (r(Number(draw(state) & 0xffffn) / 65536) - 0.5) / size);
}

/** The table of noise words: word i fills slots in proportion to count^0.75. */
export function noiseTable(counts: ArrayLike<number>, size: number): Int32Array {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i]! ** 0.75;
  const table = new Int32Array(size);
  let i = 0;
  let d = counts[0]! ** 0.75 / sum;
  for (let a = 0; a < size; a++) {
    table[a] = i;
    if (a / size > d) {
      i++;
      if (i < counts.length) d += counts[i]! ** 0.75 / sum;
    }
    if (i >= counts.length) i = counts.length - 1;
  }
  return table;
}

function dropped(m: Model, count: number, total: number): boolean {
  if (!(m.sample > 0)) return false;
  const t = r(r(m.sample) * total);
  const keep = r(((Math.sqrt(r(count / t)) + 1) * t) / count);
  return keep < r(Number(draw(m) & 0xffffn) / 65536);
}

function trainPosition(m: Model, sentence: readonly number[], p: number, alpha: number): void {
  const b = Number(draw(m) % BigInt(m.window));
  const contexts: number[] = [];
  for (let c = p - m.window + b; c <= p + m.window - b; c++)
    if (c !== p && c >= 0 && c < sentence.length) contexts.push(sentence[c]!);
  if (contexts.length === 0) return;
  const word = sentence[p]!;
  if (!m.cbow) {
    for (const c of contexts) {
      const h = m.syn0.subarray(c * m.size, (c + 1) * m.size);
      const e = trainInput(m, h, word, alpha);
      for (let k = 0; k < m.size; k++) h[k] = r(h[k]! + e[k]!);
    }
    return;
  }
  const h = new Float32Array(m.size);
  for (const c of contexts) for (let k = 0; k < m.size; k++) h[k] = r(h[k]! + m.syn0[c * m.size + k]!);
  for (let k = 0; k < m.size; k++) h[k] = r(h[k]! / contexts.length);
  const e = trainInput(m, h, word, alpha);
  for (const c of contexts)
    for (let k = 0; k < m.size; k++) m.syn0[c * m.size + k] = r(m.syn0[c * m.size + k]! + e[k]!);
}

/** Both losses for one input; e carries over from one to the other, as in the program. */
function trainInput(m: Model, h: Float32Array, word: number, alpha: number): Float64Array {
  const o = { rule: 'word2vec.c' as const, table: m.sigmoid, round: r };
  let e: Float64Array = new Float64Array(m.size);
  if (m.hs) {
    const targets: Target[] = [];
    for (let i = m.tree.starts[word]!; i < m.tree.starts[word + 1]!; i++)
      targets.push({ row: m.tree.points[i]!, label: 1 - m.tree.codes[i]! });
    e = trainTargets(h, m.syn1, targets, alpha, { ...o, tree: true });
  }
  if (m.negative > 0) {
    const targets: Target[] = [{ row: word, label: 1 }];
    for (let d = 0; d < m.negative; d++) {
      let t = m.table[Number((draw(m) >> 16n) % BigInt(m.tableSize))]!;
      if (t === 0) t = Number(m.random % BigInt(m.n - 1)) + 1;
      if (t !== word) targets.push({ row: t, label: 0 });
    }
    const f = trainTargets(h, m.syn1neg, targets, alpha, { ...o, tree: false });
    for (let k = 0; k < m.size; k++) e[k] = m.hs ? r(e[k]! + f[k]!) : f[k]!;
  }
  return e;
}
