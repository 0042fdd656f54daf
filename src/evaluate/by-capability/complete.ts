/** Does it know how sentences go on? */
import { isBowError, Rng } from '../../base/index.ts';
import { type CallOptions, type Completes, can } from '../../capabilities/index.ts';
import type { Benchmark } from '../ladder.ts';
import { type Scenes, shareOf } from './shared.ts';
import { wordsOf } from './text-metrics.ts';

/** A sentence's beginning, the word that comes next, and three that never come after the beginning's last word. */
export type NextWord = { readonly prompt: string; readonly right: string; readonly wrong: readonly string[] };

/** One item a caption of three words or more, cut at random; every beginning once. */
export function nextWords(texts: readonly string[], seed: number | string = 0): NextWord[] {
  const sentences = texts.map(wordsOf);
  const vocabulary = [...new Set(sentences.flat())].sort();
  const after = new Map<string, Set<string>>();
  for (const words of sentences)
    words.slice(1).forEach((word, i) => {
      const before = words[i]!;
      after.set(before, (after.get(before) ?? new Set()).add(word));
    });
  const items = sentences.flatMap((words, i): NextWord[] => {
    const rng = new Rng(`${seed}/next/${i}`);
    if (words.length < 3) return [];
    const cut = 2 + rng.int(words.length - 2);
    const never = vocabulary.filter((w) => !after.get(words[cut - 1]!)!.has(w));
    if (never.length < 3) return [];
    return [{ prompt: words.slice(0, cut).join(' '), right: words[cut]!, wrong: rng.shuffle(never).slice(0, 3) }];
  });
  return items.filter((x, i) => items.findIndex((y) => y.prompt === x.prompt) === i);
}

/** The word that a system goes on with: of the candidates the likeliest; where it takes none, whichever its own continuation begins with. */
async function chosen(
  system: Completes,
  item: NextWord,
  candidates: readonly string[],
  o: CallOptions,
): Promise<string> {
  try {
    const [best] = await system.complete([item.prompt], { ...o, candidates: candidates.map((w) => ` ${w}`) });
    return wordsOf(best!.text).join(' ');
  } catch (e) {
    if (!isBowError(e) || e.detail['option'] !== 'candidates') throw e;
  }
  const [free] = await system.complete([item.prompt], o);
  return wordsOf(free!.text)[0] ?? '';
}

/**
 * Which of four words comes next in captions that were not trained on. `complete_accuracy`: the likeliest candidate; of a system without `candidates` the
 * first word that it writes, which is harder, since other words may be right too.
 */
export function completing(id: string, title: string, scenes: Scenes, o: { seed?: number | string } = {}): Benchmark {
  const items = nextWords(
    scenes.map((s) => s.caption),
    o.seed,
  );
  return {
    id,
    title,
    headline: 'complete_accuracy',
    chance: 0.25,
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'complete')) return undefined;
      const hits: number[] = [];
      for (const [i, item] of items.entries()) {
        const candidates = new Rng(`${o.seed ?? 0}/order/${i}`).shuffle([item.right, ...item.wrong]);
        hits.push((await chosen(system, item, candidates, call)) === item.right ? 1 : 0);
      }
      return shareOf('complete_accuracy', hits);
    },
  };
}
