/** Answers of a classifier: what the logits of a closed list say of a question. */
import { BowError, unknownName } from '../base/index.ts';
import type { WrittenText } from '../capabilities/index.ts';

/** Options of {@link classified}. */
export type ClassifiedOptions = {
  /** The method that is called, for errors: `vilt.answer`. */
  readonly place: string;
  /** `independent`: every answer has a probability of its own (binary cross entropy); `exclusive`: together they have 1. */
  readonly kind: 'independent' | 'exclusive';
  /** Answers that are allowed; all of them come back as alternatives. */
  readonly candidates?: readonly string[] | undefined;
  /** So many of the best come back as alternatives. */
  readonly n?: number | undefined;
};

/**
 * The likeliest of the `names` by their `logits`, its score the logarithm of its probability. Error `usage` for a candidate that is no answer of the
 * classifier, and for an empty list of them.
 */
export function classified(logits: Float32Array, names: readonly string[], o: ClassifiedOptions): WrittenText {
  const allowed = o.candidates ? placesOf(o.candidates, names, o.place) : names.map((_, i) => i);
  if (allowed.length === 0) throw new BowError('usage', 'no answer to choose from', { place: `${o.place}.candidates` });
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const all = top + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
  const score = (x: number): number => (o.kind === 'exclusive' ? x - all : -softplus(-x));
  const best = allowed.sort((a, b) => logits[b]! - logits[a]! || a - b);
  const texts = best.map((i) => ({ text: names[i]!, score: score(logits[i]!) }));
  const shown = o.candidates ? texts : texts.slice(0, o.n ?? 0);
  return { ...texts[0]!, ...(shown.length > 0 ? { alternatives: shown } : {}) };
}

/** ln(1 + eˣ) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function placesOf(candidates: readonly string[], names: readonly string[], place: string): number[] {
  const places = new Map(names.map((name, i) => [name, i]));
  return [...new Set(candidates)].map((name) => {
    const at = places.get(name);
    if (at !== undefined) return at;
    throw new BowError('usage', unknownName('answer', name, names), {
      place: `${place}.candidates`,
      hint: 'a classifier gives the answers that it was trained on, no others',
    });
  });
}
