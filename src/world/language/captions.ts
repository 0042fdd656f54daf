/** Captions of a scene: one that says what there is, and several ways to say the same. */
import type { Rng } from '../../base/index.ts';
import { type RelationName, relationOf } from '../relations.ts';
import type { Scene, SceneObject } from '../scene.ts';
import type { WordChoice } from '../vocabulary.ts';
import { describe, FULL, listing, noun, RELATION_PHRASES, withArticle } from './phrases.ts';

const SINGLE = ['{}', 'a picture of {}', 'a photo of {}', '{} on a table', 'there is {}', 'a rendering of {}'] as const;
const SEVERAL = ['{}', 'a picture of {}', '{} on a table', 'a table with {}', 'there are {}'] as const;

function named(o: SceneObject, rng: Rng, choice: WordChoice): string {
  return withArticle(describe(o, FULL, noun(o.kind, rng, choice)));
}

/** A pair whose relation is worth saying: in and on before directions. */
function tellingPair(scene: Scene): { a: SceneObject; b: SceneObject; relation: RelationName } | undefined {
  const pairs = scene.objects.flatMap((a) =>
    scene.objects.flatMap((b) => {
      const relation = a.id === b.id ? undefined : relationOf(a, b);
      return relation ? [{ a, b, relation }] : [];
    }),
  );
  return pairs.find((p) => p.relation === 'in' || p.relation === 'on') ?? pairs[0];
}

/** A caption that mentions every object, and one relation when two or more objects have a clear one. */
export function caption(scene: Scene, rng: Rng, choice: WordChoice = 'train'): string {
  if (scene.objects.length === 0) return rng.pick(['an empty table', 'nothing on the table', 'a bare table']);
  if (scene.objects.length === 1) return rng.pick(SINGLE).replace('{}', named(scene.objects[0]!, rng, choice));
  const counted = countedCaption(scene, rng, choice);
  if (counted) return counted;
  const pair = rng.float() < 0.75 || scene.objects.length === 2 ? tellingPair(scene) : undefined;
  if (!pair) return rng.pick(SEVERAL).replace('{}', listing(scene.objects.map((o) => named(o, rng, choice))));
  const others = scene.objects.filter((o) => o.id !== pair.a.id && o.id !== pair.b.id);
  const phrase = rng.pick(RELATION_PHRASES[pair.relation]);
  const relation = `${named(pair.a, rng, choice)} ${phrase} ${named(pair.b, rng, choice)}`;
  const text = listing([relation, ...others.map((o) => named(o, rng, choice))]);
  return rng.pick(SINGLE.slice(0, 3)).replace('{}', text);
}

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six'] as const;

/** `two red cubes`, when all objects are alike. */
function countedCaption(scene: Scene, rng: Rng, choice: WordChoice): string | undefined {
  const first = scene.objects[0]!;
  const alike = (o: SceneObject) =>
    o.kind === first.kind && o.colour === first.colour && o.pattern === first.pattern && o.size === first.size;
  if (!scene.objects.every(alike)) return undefined;
  const text = describe(first, FULL, plural(noun(first.kind, rng, choice)));
  return rng.pick(SEVERAL).replace('{}', `${numberWord(scene.objects.length)} ${text}`);
}

export function numberWord(n: number): string {
  return NUMBERS[n] ?? String(n);
}

export function plural(word: string): string {
  if (/(s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  if (/f$/.test(word)) return `${word.slice(0, -1)}ves`;
  return `${word}s`;
}

/** `count` different captions of the same scene (fewer when it has no more), the plainest list of what there is first. */
export function captionsOf(scene: Scene, rng: Rng, count: number, choice: WordChoice = 'train'): string[] {
  const out = new Set<string>([listing(scene.objects.map((o) => withArticle(describe(o))))]);
  for (let i = 0; i < 6 * count && out.size < count; i++) out.add(caption(scene, rng, choice));
  return [...out].filter((c) => c.length > 0);
}
