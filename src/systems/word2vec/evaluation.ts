/** Evaluation of word vectors: human similarity scores and analogy questions, by gensim's rules. */
import { BowError } from '../../base/index.ts';
import { openKernel, padInto, sharedMemory, strideOf } from './memory.ts';
import type { KeyedVectors } from './vectors.ts';

/** Options of both evaluations. */
export type EvaluationOptions = {
  /** Only the first n words take part. Default 300,000. */
  readonly restrictVocab?: number;
  /** Words are compared in upper case; the most frequent spelling stands for all. Default true. */
  readonly caseInsensitive?: boolean;
  /** Unknown words count as wrong (analogies) or 0 (pairs) instead of being skipped. */
  readonly dummy4unknown?: boolean;
};

/** Agreement with human scores. */
export type PairResult = {
  readonly pearson: number;
  readonly spearman: number;
  readonly pairs: number;
  readonly unknownPercent: number;
};

/** Row of every word that takes part, the first spelling first. */
function rows(kv: KeyedVectors, o: EvaluationOptions): Map<string, number> {
  const map = new Map<string, number>();
  const n = Math.min(o.restrictVocab ?? 300_000, kv.words.length);
  for (let i = 0; i < n; i++) {
    const key = o.caseInsensitive === false ? kv.words[i]! : kv.words[i]!.toUpperCase();
    if (!map.has(key)) map.set(key, i);
  }
  return map;
}

/** Correlations with human-scored pairs: lines `word<TAB>word<TAB>score`, `#` comments; other lines are skipped. Error `data` without pairs. */
export function evaluateWordPairs(kv: KeyedVectors, text: string, o: EvaluationOptions = {}): PairResult {
  const known = rows(kv, o);
  const fold = (w: string): string => (o.caseInsensitive === false ? w : w.toUpperCase());
  const gold: number[] = [];
  const ours: number[] = [];
  let unknown = 0;
  for (const line of text.split('\n')) {
    const [a, b, score] = line.trim().split('\t');
    if (
      line.startsWith('#') ||
      a === undefined ||
      b === undefined ||
      !(Number.parseFloat(score ?? '') >= Number.NEGATIVE_INFINITY)
    )
      continue;
    const [i, j] = [known.get(fold(a)), known.get(fold(b))];
    if (i === undefined || j === undefined) {
      unknown++;
      if (!o.dummy4unknown) continue;
    }
    gold.push(Number.parseFloat(score!));
    ours.push(i === undefined || j === undefined ? 0 : kv.similarity(kv.words[i]!, kv.words[j]!));
  }
  if (gold.length === 0)
    throw new BowError('data', 'no scored pair has both words', { hint: 'lines are word<TAB>word<TAB>score' });
  const all = o.dummy4unknown ? gold.length : gold.length + unknown;
  return {
    pearson: pearson(gold, ours),
    spearman: pearson(ranks(gold), ranks(ours)),
    pairs: gold.length,
    unknownPercent: (100 * unknown) / all,
  };
}

function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]): number => x.reduce((s, v) => s + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((x, i) => {
    ab += (x - ma) * (b[i]! - mb);
    aa += (x - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

/** Ranks from 1, averaged over ties. */
function ranks(x: readonly number[]): number[] {
  const order = x.map((_, i) => i).sort((i, j) => x[i]! - x[j]!);
  const out = new Array<number>(x.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && x[order[to]!] === x[order[from]!]) to++;
    for (let i = from; i < to; i++) out[order[i]!] = (from + to + 1) / 2;
    from = to;
  }
  return out;
}

/** One section of analogy questions. */
export type AnalogySection = { readonly name: string; readonly correct: number; readonly total: number };

/** Analogy accuracy; `semantic` are the Google set's first five sections. */
export type AnalogyResult = {
  readonly accuracy: number;
  readonly semantic: number;
  readonly syntactic: number;
  readonly asked: number;
  readonly skipped: number;
  readonly sections: readonly AnalogySection[];
};

type Question = {
  readonly section: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly want: number;
  readonly skip: readonly number[];
};

/**
 * Analogies `a b c d` under `: section` lines: right when d is the best candidate for b − a + c that is none of a, b, c (of any spelling, among the
 * best five). Questions with unknown words are skipped.
 */
export function evaluateAnalogies(kv: KeyedVectors, text: string, o: EvaluationOptions = {}): AnalogyResult {
  const known = rows(kv, o);
  const names: string[] = [];
  const questions: Question[] = [];
  let skipped = 0;
  const unknown: number[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith(':')) names.push(line.slice(1).trim());
    const words = line
      .trim()
      .split(/\s+/)
      .map((w) => (o.caseInsensitive === false ? w : w.toUpperCase()));
    if (line.startsWith(':') || words.length !== 4) continue;
    const [a, b, c, want] = words.map((w) => known.get(w));
    if (a === undefined || b === undefined || c === undefined || want === undefined) {
      skipped++;
      unknown.push(names.length - 1);
    } else questions.push({ section: names.length - 1, a, b, c, want, skip: [a, b, c] });
  }
  if (questions.length === 0)
    throw new BowError('data', 'no analogy question has all four words', { detail: { skipped } });
  const right = answer(kv, questions, [...known.values()]);
  const sections = names.map((name, s) => {
    const missing = o.dummy4unknown ? unknown.filter((u) => u === s).length : 0;
    const of = questions.map((q, i) => [q, right[i]!] as const).filter(([q]) => q.section === s);
    return { name, correct: of.filter(([, ok]) => ok).length, total: of.length + missing };
  });
  const share = (part: readonly AnalogySection[]): number => {
    const total = part.reduce((s, x) => s + x.total, 0);
    return total === 0 ? 0 : part.reduce((s, x) => s + x.correct, 0) / total;
  };
  const grammar = (s: AnalogySection): boolean => s.name.startsWith('gram');
  const asked = sections.reduce((s, x) => s + x.total, 0);
  return {
    accuracy: share(sections),
    semantic: share(sections.filter((s) => !grammar(s))),
    syntactic: share(sections.filter(grammar)),
    asked,
    skipped,
    sections,
  };
}

/** Answers questions four at a time: the matrix passes through the cache once for four. */
function answer(kv: KeyedVectors, questions: readonly Question[], candidates: readonly number[]): boolean[] {
  const n = candidates.length;
  const stride = strideOf(kv.width);
  const [q, out, matrix] = [65536, 65536 + 4 * stride, 65536 + 4 * stride + 16 * n];
  const memory = sharedMemory(matrix + n * stride, `${n} words × ${kv.width}`);
  const kernel = openKernel(memory);
  const place = new Map(candidates.map((row, i) => [row, i]));
  candidates.forEach((row, i) => padInto(memory, matrix + i * stride, kv.unit(kv.words[row]!), kv.width));
  const right: boolean[] = [];
  for (let from = 0; from < questions.length; from += 4) {
    const four = questions.slice(from, from + 4);
    four.forEach((x, i) => {
      const v = kv.meanVector([kv.words[x.b]!, kv.words[x.c]!, [kv.words[x.a]!, -1]]);
      padInto(memory, q + i * stride, v, kv.width);
    });
    kernel.products(matrix, n, q, stride, out);
    four.forEach((x, i) => {
      const scores = new Float32Array(memory.buffer, out + 4 * n * i, n);
      for (const s of x.skip) scores[place.get(s)!] = Number.NEGATIVE_INFINITY;
      let best = 0;
      for (let j = 1; j < n; j++) if (scores[j]! > scores[best]!) best = j;
      right.push(candidates[best] === x.want);
    });
  }
  return right;
}
