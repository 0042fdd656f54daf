/**
 * Learning a unigram vocabulary: from many candidate pieces those are dropped, again and again, that the texts' likelihood misses least. Kudo 2018,
 * arXiv:1804.10959, §3.2; rates as in SentencePiece's trainer.
 */
import { need, needIterable, needRecord, needText, needWhole } from '../base/index.ts';
import type { UnigramPiece } from './sentencepiece.ts';
import { LEADING, normalised, type Unigram, unigram, WORD } from './unigram.ts';

type Word = { readonly chars: readonly string[]; readonly count: number };
type Scores = ReadonlyMap<string, number>;

/** Longest piece, in characters. */
const LONGEST = 16;
/** Candidates for every id that is wanted, and the share of pieces that a round keeps. */
const [CANDIDATES, KEPT] = [10, 0.75];
/** Pieces that are expected less often than this in the texts are dropped. */
const RARE = 0.5;

/**
 * A tokenizer of at most `vocabulary` ids learned from texts: the specials, all characters, and the pieces that explain the words best. Error `usage` for a
 * vocabulary that the characters alone exceed.
 */
export function trainUnigram(texts: Iterable<string>, o: { readonly vocabulary: number }): Unigram {
  needIterable('texts', texts);
  needRecord('options', o);
  needWhole('vocabulary', o.vocabulary);
  const words = wordsOf(texts);
  const alphabet = new Set(words.flatMap(({ chars }) => chars));
  const room = o.vocabulary - LEADING.length - 1; // and the mask
  const least = alphabet.size + LEADING.length + 1;
  need(
    room >= alphabet.size,
    'vocabulary',
    `at least ${least}: the specials and ${alphabet.size} characters`,
    o.vocabulary,
  );
  let scores: Scores = candidates(words, CANDIDATES * o.vocabulary);
  for (;;) {
    for (let i = 0; i < 2; i++) scores = maximised(expected(words, scores), alphabet);
    if (scores.size <= room) break;
    scores = pruned(words, scores, alphabet, Math.max(room, Math.floor(KEPT * scores.size)));
  }
  const inOrder = [...scores].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return unigram(inOrder.map(([piece, score]): UnigramPiece => [piece, score]));
}

/** Words with their mark, as the tokenizer's normaliser would leave them, and how often each occurs. */
function wordsOf(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    needText('a text', text);
    for (const word of normalised(text).split(' ')) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, count]) => ({ chars: [WORD, ...word], count }));
}

/** Every piece of a word that occurs twice, and all characters: those with the most characters in the texts, with the logarithm of their share. */
function candidates(words: readonly Word[], most: number): Scores {
  const found = new Map<string, number>();
  for (const { chars, count } of words)
    for (let i = 0; i < chars.length; i++)
      for (let n = 1; n <= LONGEST && i + n <= chars.length; n++) {
        const piece = chars.slice(i, i + n).join('');
        found.set(piece, (found.get(piece) ?? 0) + count);
      }
  const single = (piece: string): boolean => [...piece].length === 1;
  const weight = (piece: string, count: number): number => count * [...piece].length;
  const all = [...found].filter(([piece, count]) => count > 1 || single(piece));
  const kept = all
    .sort(([a, x], [b, y]) => Number(single(b)) - Number(single(a)) || weight(b, y) - weight(a, x) || (a < b ? -1 : 1))
    .slice(0, Math.max(most, all.filter(([piece]) => single(piece)).length));
  const total = Math.log(kept.reduce((sum, [piece, count]) => sum + weight(piece, count), 0));
  return new Map(kept.map(([piece, count]) => [piece, Math.log(weight(piece, count)) - total]));
}

type Edge = { readonly piece: string; readonly from: number; readonly to: number; readonly score: number };

/** All pieces that a word may be cut into, in order of where they begin. */
function lattice(chars: readonly string[], scores: Scores): Edge[] {
  const edges: Edge[] = [];
  for (let from = 0; from < chars.length; from++)
    for (let to = from + 1; to <= Math.min(chars.length, from + LONGEST); to++) {
      const piece = chars.slice(from, to).join('');
      const score = scores.get(piece);
      if (score !== undefined) edges.push({ piece, from, to, score });
    }
  return edges;
}

const logAdd = (a: number, b: number): number =>
  a === Number.NEGATIVE_INFINITY ? b : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

/** How often each piece is expected in the texts, over all ways to cut them (forward and backward sums). */
function expected(words: readonly Word[], scores: Scores): Map<string, number> {
  const out = new Map<string, number>();
  for (const { chars, count } of words) {
    const edges = lattice(chars, scores);
    const n = chars.length;
    const [ahead, behind] = [1, 1].map(() => new Array<number>(n + 1).fill(Number.NEGATIVE_INFINITY)) as [
      number[],
      number[],
    ];
    ahead[0] = 0;
    for (const e of edges) ahead[e.to] = logAdd(ahead[e.to]!, ahead[e.from]! + e.score);
    behind[n] = 0;
    for (const e of [...edges].reverse()) behind[e.from] = logAdd(behind[e.from]!, behind[e.to]! + e.score);
    for (const e of edges) {
      const share = Math.exp(ahead[e.from]! + e.score + behind[e.to]! - ahead[n]!);
      out.set(e.piece, (out.get(e.piece) ?? 0) + count * share);
    }
  }
  return out;
}

/** ψ(x), by recurrence and its asymptotic series. */
function digamma(x: number): number {
  let [y, below] = [x, 0];
  for (; y < 7; y++) below += 1 / y;
  const r = 1 / (y * y);
  return Math.log(y) - 0.5 / y - r * (1 / 12 - r * (1 / 120 - r / 252)) - below;
}

/** Log-probabilities from expected counts, with the digamma function in the logarithm's place: a Bayesian step that favours few pieces. */
function maximised(counts: ReadonlyMap<string, number>, alphabet: ReadonlySet<string>): Map<string, number> {
  const kept = [...counts].filter(([piece, count]) => count >= RARE || alphabet.has(piece));
  const total = digamma(kept.reduce((sum, [, count]) => sum + count, 0));
  return new Map(kept.map(([piece, count]) => [piece, digamma(Math.max(count, 1e-3)) - total]));
}

/** The best way to cut some characters, `without` one of the pieces. */
function best(
  chars: readonly string[],
  scores: Scores,
  without?: string,
): { readonly score: number; readonly pieces: string[] } {
  const at = new Array<number>(chars.length + 1).fill(Number.NEGATIVE_INFINITY);
  const came: Edge[] = [];
  at[0] = 0;
  for (const e of lattice(chars, scores))
    if (e.piece !== without && at[e.from]! + e.score > at[e.to]!) {
      at[e.to] = at[e.from]! + e.score;
      came[e.to] = e;
    }
  const pieces: string[] = [];
  for (let i = chars.length; i > 0; i = came[i]!.from) pieces.unshift(came[i]!.piece);
  return { score: at[chars.length]!, pieces };
}

/** Without the pieces whose loss would cost the texts least: what each occurrence costs is its own score less that of the best way to cut it otherwise. */
function pruned(words: readonly Word[], scores: Scores, alphabet: ReadonlySet<string>, most: number): Scores {
  const uses = new Map<string, number>();
  for (const { chars, count } of words)
    for (const piece of best(chars, scores).pieces) uses.set(piece, (uses.get(piece) ?? 0) + count);
  const cost = (piece: string, score: number): number =>
    (uses.get(piece) ?? 0) * (score - best([...piece], scores, piece).score);
  const losses = [...scores]
    .filter(([piece]) => !alphabet.has(piece))
    .map(([piece, score]) => ({ piece, score, loss: uses.has(piece) ? cost(piece, score) : 0 }))
    .sort((a, b) => b.loss - a.loss || b.score - a.score || (a.piece < b.piece ? -1 : 1));
  const letters = [...scores].filter(([piece]) => alphabet.has(piece));
  const kept = losses.slice(0, Math.max(0, most - letters.length));
  return new Map([...letters, ...kept.map(({ piece, score }) => [piece, score] as const)]);
}
