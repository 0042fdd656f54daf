/** Learning a vocabulary of parts of words: the most frequent pair of neighbours becomes one part, again and again. Sennrich et al. 2016, arXiv:1508.07909, algorithm 1. */

/** A word as its parts, and how often it occurs. */
export type CountedWord = { parts: readonly string[]; readonly count: number };

/** Every occurrence of a pair joined to `joined`, from the left. */
export function joinPair(parts: readonly string[], a: string, b: string, joined: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const hit = parts[i] === a && parts[i + 1] === b;
    out.push(hit ? joined : parts[i]!);
    if (hit) i++;
  }
  return out;
}

/**
 * Up to `most` merges in order, until no pair occurs twice: each time the most frequent pair, the first in alphabetical order among equals. Joins the
 * words' parts in place. `join`: what a pair becomes.
 */
export function learnMerges(
  words: readonly CountedWord[],
  most: number,
  join: (a: string, b: string) => string,
): [string, string][] {
  const merges: [string, string][] = [];
  while (merges.length < most) {
    const best = frequentPair(words);
    if (!best) break;
    merges.push(best);
    const joined = join(...best);
    for (const w of words) w.parts = joinPair(w.parts, ...best, joined);
  }
  return merges;
}

function frequentPair(words: readonly CountedWord[]): [string, string] | undefined {
  const pairs = new Map<string, number>();
  for (const { parts, count } of words)
    for (let i = 0; i + 1 < parts.length; i++) {
      const pair = `${parts[i]} ${parts[i + 1]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + count);
    }
  let [best, most] = ['', 1];
  for (const [pair, count] of pairs)
    if (count > most || (count === most && most > 1 && pair < best)) [best, most] = [pair, count];
  return best === '' ? undefined : (best.split(' ') as [string, string]);
}
