/** Which things are held out, and what of the others would give them away. */
import { splitOf } from '../../split.ts';
import type { IconConcept } from './concepts.ts';
import { squeezed } from './match-icons.ts';

/**
 * Ids of the things that no training image may show: by a hash of the id, so that a thing keeps its side when packages bring others. Things of one name
 * stay together.
 */
export function heldOutThings(concepts: readonly IconConcept[], share: number): Set<string> {
  const chosen = concepts.filter((c) => splitOf(c.id, { validation: share }) === 'validation');
  const names = new Set(chosen.map((c) => squeezed(c.caption)));
  return new Set(concepts.filter((c) => names.has(squeezed(c.caption))).map((c) => c.id));
}

/** The things that may be trained, without the keywords that are the name of a held-out thing: trained as captions, these would be its name. */
export function thingsToTrain(concepts: readonly IconConcept[], held: ReadonlySet<string>): IconConcept[] {
  const names = new Set(concepts.filter((c) => held.has(c.id)).map((c) => squeezed(c.caption)));
  return concepts
    .filter((c) => !held.has(c.id))
    .map((c) => ({ ...c, keywords: c.keywords.filter((k) => !names.has(squeezed(k))) }));
}
