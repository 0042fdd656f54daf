/** Hiding tokens of a text, to be guessed from the rest. Devlin et al. 2019, arXiv:1810.04805, §3.1 (masked LM) and appendix C. */
import { BowError, need, needFunction, needRecord, needWhole, Rng } from '../base/index.ts';

/** Labels of tokens that are not to be guessed: what `crossEntropy` leaves out. */
export const NOT_ASKED = -100;

/** Options of {@link maskTokens}. */
export type MaskOptions = {
  /** How many of the tokens are chosen; default 0.15. */
  readonly share?: number;
  /** Of those chosen: shares that become the mask, and that become a token drawn at random; the rest stay. Default 0.8 and 0.1. */
  readonly masked?: number;
  readonly random?: number;
  /** The id of the mask. */
  readonly mask: number;
  /** Random tokens are drawn from [first, vocabulary); default from 0. */
  readonly vocabulary: number;
  readonly first?: number;
  /** Whether a token may be chosen: not padding, not [CLS]. */
  readonly may: (id: number) => boolean;
  /**
   * Words are hidden whole: true for a token that continues the word before it. Then so many words are drawn that about `share` of the tokens, at least one,
   * are chosen, and never more (`DataCollatorForWholeWordMask`); without it every token is drawn by itself.
   */
  readonly continues?: (id: number) => boolean;
};

/**
 * Chooses tokens of a row in place: `ids` gets masks and random tokens, `labels` the ids that stood there and {@link NOT_ASKED} elsewhere. At least one
 * token is chosen where there is one, so that a loss over the chosen has something to average. Error `usage` for rows of different lengths.
 */
export function maskTokens(ids: Int32Array, labels: Int32Array, rng: Rng, o: MaskOptions): void {
  for (const [what, x] of Object.entries({ ids, labels })) need(x instanceof Int32Array, what, 'an Int32Array', x);
  need(rng instanceof Rng, 'rng', 'an Rng', rng);
  needRecord('options', o);
  needFunction('may', o.may);
  for (const [what, x] of Object.entries({ mask: o.mask, vocabulary: o.vocabulary })) needWhole(what, x);
  if (ids.length !== labels.length)
    throw new BowError('usage', `${labels.length} labels for ${ids.length} tokens`, { place: 'maskTokens' });
  const { share = 0.15, masked = 0.8, random = 0.1, first = 0 } = o;
  const words = wordsOf(ids, o);
  labels.fill(NOT_ASKED);
  for (const i of o.continues ? wholeWords(words, share, rng) : singles(words, share, rng)) {
    labels[i] = ids[i]!;
    const draw = rng.float();
    if (draw < masked) ids[i] = o.mask;
    else if (draw < masked + random) ids[i] = first + rng.int(o.vocabulary - first);
  }
}

/** Places of the tokens of each word; without `continues` every token is one. */
function wordsOf(ids: Int32Array, { may, continues }: MaskOptions): number[][] {
  const words: number[][] = [];
  ids.forEach((id, i) => {
    if (!may(id)) return;
    const last = words.at(-1);
    if (continues?.(id) && last?.at(-1) === i - 1) last.push(i);
    else words.push([i]);
  });
  return words;
}

function singles(words: readonly number[][], share: number, rng: Rng): number[] {
  const chosen = words.flat().filter(() => rng.float() < share);
  return chosen.length > 0 || words.length === 0 ? chosen : [...rng.pick(words)];
}

function wholeWords(words: readonly number[][], share: number, rng: Rng): number[] {
  const wanted = Math.max(1, Math.round(share * words.flat().length));
  const chosen: number[] = [];
  for (const word of rng.shuffle([...words])) {
    if (chosen.length >= wanted) break;
    if (chosen.length + word.length <= wanted || chosen.length === 0) chosen.push(...word);
  }
  return chosen;
}
