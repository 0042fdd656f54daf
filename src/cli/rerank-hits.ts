/** Hits of an image index, ordered again by a system that looks at the text and each image together. */
import { BowError } from '../base/index.ts';
import { can, type OpenSystem } from '../capabilities/index.ts';
import { type ImageHit, type ImageIndex, indexedImages } from '../indexes/index.ts';
import { clearProgress } from './output.ts';

/**
 * The hits by the system's score of the text and their image, best first; `score` is that score, and `found.rerank` the new place. Images that are no longer readable
 * come last, in their old order. Error `usage` for a system that scores no pairs.
 */
export async function rerankHits(
  system: OpenSystem,
  text: string,
  hits: readonly ImageHit[],
  config: ImageIndex['config'],
  o: { readonly signal: AbortSignal },
): Promise<ImageHit[]> {
  if (!can(system, 'scorePairs'))
    throw new BowError('usage', `a ${system.id} scores no pairs of text and image`, {
      place: '--rerank',
      hint: 'vilt, albef, vlmo do',
    });
  const images = await indexedImages(
    config,
    hits.map((h) => h.image),
    o,
  );
  const there = hits.flatMap((hit, i) => (images[i] ? [{ hit, image: images[i] }] : []));
  const scores = await system.scorePairs(
    there.map(({ image }) => ({ text, image })),
    o,
  );
  const lost = hits.filter((_, i) => !images[i]);
  clearProgress();
  if (lost.length > 0)
    process.stderr.write(`no longer readable, left last: ${lost.map((h) => h.image.place).join(', ')}\n`);
  const order = [...there.keys()].sort((a, b) => scores[b]! - scores[a]!);
  const ranked = order.map((i, place): ImageHit => {
    const { hit } = there[i]!;
    const score = scores[i]!;
    return { ...hit, score, found: { ...hit.found, rerank: { rank: place + 1, score } } };
  });
  return [...ranked, ...lost];
}
