/** Does it find the document that a query is about, among all and among their near twins? */
import { can } from '../../capabilities/index.ts';
import { plainCaption } from '../../world/index.ts';
import type { Benchmark } from '../ladder.ts';
import { foundWithin } from '../retrieval.ts';
import { exchanged } from './match.ts';
import { mean, type Scenes, shareOf } from './shared.ts';

/**
 * A caption looks for its scene's plain description among those of all scenes, each with a twin in which two colours are exchanged. `rank_R@1`,
 * `rank_R@5`, `rank_mrr`; equal scores count as if in random order, what is not in the answer is not found.
 */
export function ranking(id: string, title: string, scenes: Scenes): Benchmark {
  const described = scenes.filter((s) => s.scene.objects.length > 0);
  const right = described.map((s) => plainCaption(s.scene.objects));
  const twins = described.map((s) => plainCaption(exchanged(s.scene.objects)));
  const documents = [...new Set([...right, ...twins])];
  return {
    id,
    title,
    headline: 'rank_R@1',
    chance: 1 / documents.length,
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'rank')) return undefined;
      const found: { readonly higher: number; readonly equal: number; readonly right: number }[] = [];
      for (const [i, sample] of described.entries()) {
        const list = await system.rank(sample.captions[1] ?? sample.caption, documents, call);
        const score = list.find((x) => documents[x.index] === right[i])?.score;
        const equal = list.filter((x) => x.score === score).length;
        const higher = list.filter((x) => score !== undefined && x.score > score).length;
        found.push(
          score === undefined ? { higher: documents.length, equal: 1, right: 1 } : { higher, equal, right: 1 },
        );
      }
      const reciprocal = found.map((p) => (p.higher >= documents.length ? 0 : 1 / (p.higher + (p.equal + 1) / 2)));
      return {
        ...shareOf(
          'rank_R@1',
          found.map((p) => foundWithin(1, p)),
        ),
        'rank_R@5': mean(found.map((p) => foundWithin(5, p))),
        rank_mrr: mean(reciprocal),
      };
    },
  };
}
