/** Does a second, closer look at the best few put the right image first? Li et al. 2021 (ALBEF), §4.1: top k by the towers, then the matching head. */
import { can } from '../../capabilities/index.ts';
import { type ImageTest, imagesOf } from '../image-test.ts';
import type { Benchmark } from '../ladder.ts';
import { retrievalMetrics, similarities } from '../retrieval.ts';

/** Candidates that are looked at again; default 16. */
export type RerankOptions = { readonly k?: number };

/**
 * Text → image: R@1 by cosine (`dual_R@1`), and of the best `k` ordered by `scorePairs` (`rerank_R@1`); what is not among them stays behind in the order of
 * the cosines. Systems that encode both and score pairs.
 */
export function reranking(id: string, title: string, test: ImageTest, { k = 16 }: RerankOptions = {}): Benchmark {
  return {
    id,
    title,
    headline: 'rerank_R@1',
    chance: 1 / test.count,
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'encodeText', 'encodeImages', 'scorePairs')) return undefined;
      const queries = test.captions.map((own) => own[0]!);
      const found = similarities(await system.encodeText(queries, call), await test.encode(system, call));
      const orders = Array.from({ length: found.rows }, (_, row) => {
        const cosines = found.data.subarray(row * found.columns, (row + 1) * found.columns);
        return [...cosines.keys()].sort((a, b) => cosines[b]! - cosines[a]!);
      });
      const images = imagesOf(test.small); // one object an image, so that systems encode each once in the one call
      const taken = Math.min(k, found.columns);
      const pairs = orders.flatMap((order, row) =>
        order.slice(0, taken).map((column) => ({ text: queries[row]!, image: images[column]! })),
      );
      const scores = await system.scorePairs(pairs, call);
      const data = new Float64Array(found.data.length);
      orders.forEach((order, row) => {
        const own = scores.subarray(row * taken, (row + 1) * taken);
        const ranked = [...own.keys()].sort((a, b) => own[b]! - own[a]!).map((i) => order[i]!);
        [...ranked, ...order.slice(taken)].forEach((column, place) => {
          data[row * found.columns + column] = -place;
        });
      });
      const [dual, again] = [retrievalMetrics('dual', found), retrievalMetrics('rerank', { ...found, data })];
      return { 'rerank_R@1': again['rerank_R@1']!, 'dual_R@1': dual['dual_R@1']!, 'rerank_R@5': again['rerank_R@5']! };
    },
  };
}
