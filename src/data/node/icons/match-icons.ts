/** Which drawing of a set shows which concept: by code points where a package has them, else by the names that the other sets give them. */
import type { IconConcept } from './concepts.ts';
import { plainCode } from './concepts.ts';
import type { IconSet } from './iconify.ts';

/** Drawings by concept, for every set in its place: concept id → name. A concept's first drawing counts. */
export function matchIcons(sets: readonly IconSet[], concepts: readonly IconConcept[]): Map<string, string>[] {
  const known = new Set(concepts.map((c) => c.id));
  const names = conceptsByName(sets, concepts);
  return sets.map((set) => {
    const found = new Map<string, string>();
    const add = (id: string | undefined, name: string): void => {
      if (id !== undefined && known.has(id) && !found.has(id)) found.set(id, name);
    };
    for (const [code, name] of set.codes) add(plainCode(code), name);
    if (set.codes.size > 0) return found;
    for (const name of set.names) {
      const all = [name, ...(set.others.get(name) ?? [])];
      add(
        all.map((n) => names.get(squeezed(n))).find((id) => id !== undefined),
        name,
      );
    }
    return found;
  });
}

/**
 * Concepts by squeezed name. CLDR's own names come first; the other names that sets with code points know (names change between Unicode
 * versions, and older sets have older ones) fill the gaps.
 */
function conceptsByName(sets: readonly IconSet[], concepts: readonly IconConcept[]): Map<string, string> {
  const names = new Map<string, string>();
  const add = (name: string, id: string): void => {
    const key = squeezed(name);
    if (key !== '' && !names.has(key)) names.set(key, id);
  };
  for (const c of concepts) add(c.caption, c.id);
  for (const set of sets) for (const [code, name] of set.codes) add(name, plainCode(code));
  for (const set of sets)
    for (const [code, name] of set.codes) for (const other of set.others.get(name) ?? []) add(other, plainCode(code));
  return names;
}

/** A name with what writings differ in taken out: `Flag: Åland Islands`, `flag-for-aland-islands` → `flagalandislands`. */
export function squeezed(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll('#', 'hash')
    .replaceAll('*', 'asterisk')
    .replace(/^flag[- ]for[- ]/, 'flag ')
    .replaceAll(/[^a-z0-9]/g, '');
}
