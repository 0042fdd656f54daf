/** Beam search over texts, as BEiT-3's captioning has it (engine_for_finetuning.py, utils.BeamHypotheses; from Hugging Face's early generation code). */

/** Options of {@link BeamSearch}. */
export type BeamOptions = {
  readonly beams: number;
  /** The scores of finished texts are divided by their length to this power. */
  readonly lengthPenalty: number;
  /** Most tokens, start and end included. */
  readonly longest: number;
  readonly start: number;
  readonly end: number;
  /** What stands behind the tokens of an unfinished text. */
  readonly mask: number;
};

/** An unfinished text: its tokens, and the sum of their log-probabilities. */
type Beam = { readonly tokens: readonly number[]; readonly score: number };

/** What one step chose: for each row of the next batch the row that it continues, and its new token. */
export type Chosen = { readonly from: readonly number[]; readonly token: readonly number[] };

/** Candidates looked at, for each beam. */
const CANDIDATES = 3;

/** The search of a batch of texts: rows `i · beams …` are the beams of text i. */
export class BeamSearch {
  readonly #o: BeamOptions;
  readonly #beams: Beam[][];
  readonly #best: (Beam | undefined)[];
  readonly #done: boolean[];
  /** Tokens of an unfinished text, its mask included. */
  #length = 2;

  constructor(count: number, o: BeamOptions) {
    this.#o = o;
    const first = (_: unknown, i: number): Beam => ({ tokens: [o.start], score: i === 0 ? 0 : -1e9 }); // all beams are equal at first
    this.#beams = Array.from({ length: count }, () => Array.from({ length: o.beams }, first));
    this.#best = this.#beams.map(() => undefined);
    this.#done = this.#beams.map(() => false);
  }

  /** Takes the log-probabilities of every row's next token, [rows · vocabulary]; undefined when all texts are finished. */
  step(logp: Float32Array, vocabulary: number): Chosen | undefined {
    const { beams: width } = this.#o;
    const [from, token]: [number[], number[]] = [[], []];
    this.#beams.forEach((beams, i) => {
      const rows = logp.subarray(i * width * vocabulary, (i + 1) * width * vocabulary);
      const next = this.#advance(i, beams, rows, vocabulary);
      next.forEach(({ row, id }) => {
        from.push(i * width + row);
        token.push(id);
      });
    });
    this.#length += 1;
    return this.#done.every(Boolean) || this.#length === this.#o.longest ? undefined : { from, token };
  }

  /** The best text of each: start, tokens, the mask that was left over, end. */
  texts(): number[][] {
    return this.#best.map((b) => [...(b?.tokens ?? [this.#o.start]), this.#o.mask, this.#o.end]);
  }

  #advance(i: number, beams: readonly Beam[], rows: Float32Array, vocabulary: number): { row: number; id: number }[] {
    const { end, longest, beams: width } = this.#o;
    const candidates = largest(rows, beams, vocabulary, CANDIDATES * width);
    this.#done[i] ||= this.#isDone(i, candidates[0]!.score);
    const waiting = beams.map((_, row) => ({ row, id: end }));
    if (this.#done[i]) return waiting;
    const next: (Beam & { row: number; id: number })[] = [];
    const isLast = this.#length + 1 === longest;
    for (const { row, id, score } of candidates) {
      const { tokens } = beams[row]!;
      if (id === end || isLast) this.#finish(i, { tokens, score });
      else next.push({ row, id, score, tokens: [...tokens, id] });
      if (next.length === width) break;
    }
    if (isLast) return waiting;
    this.#beams[i] = next;
    return next;
  }

  /** With the start and the mask, which the released code counts. */
  #penalised(tokens: readonly number[], score: number): number {
    return score / (tokens.length + 1) ** this.#o.lengthPenalty;
  }

  #finish(i: number, found: Beam): void {
    const score = this.#penalised(found.tokens, found.score);
    const best = this.#best[i];
    if (!best || score > best.score) this.#best[i] = { tokens: found.tokens, score };
  }

  /** True when no unfinished text can become better than the best finished one. */
  #isDone(i: number, score: number): boolean {
    const best = this.#best[i];
    return best !== undefined && best.score >= score / (this.#o.longest - 1) ** this.#o.lengthPenalty;
  }
}

type Candidate = { readonly row: number; readonly id: number; readonly score: number };

/** The `count` best continuations of all beams, the best first. */
function largest(rows: Float32Array, beams: readonly Beam[], vocabulary: number, count: number): Candidate[] {
  const kept: Candidate[] = [];
  for (let at = 0; at < rows.length; at++) {
    const row = Math.floor(at / vocabulary);
    const score = Math.fround(rows[at]! + beams[row]!.score);
    if (kept.length === count && !(score > kept[count - 1]!.score)) continue;
    let place = kept.length;
    while (place > 0 && score > kept[place - 1]!.score) place--;
    kept.splice(place, 0, { row, id: at % vocabulary, score });
    if (kept.length > count) kept.pop();
  }
  return kept;
}
