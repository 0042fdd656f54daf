/** Captions of a scene: one that says what there is, and several ways to say the same. */
import type { Rng } from '../../base/index.ts';
import { type RelationName, relationOf } from '../relations.ts';
import type { Scene, SceneObject } from '../scene.ts';
import type { WordChoice } from '../vocabulary.ts';
import { describe, FULL, listing, noun, RELATION_PHRASES, withArticle } from './phrases.ts';

/** The same for one object and for several, so that they do not tell how many there are. */
const FRAMES = [
  ...['{}', 'a picture of {}', 'a photo of {}', 'a rendering of {}', '{} on a table', 'a table with {}', 'there is {}'],
] as const;
/** Those that a relation stands well in. */
const RELATION_FRAMES = FRAMES.filter((frame) => !frame.includes('table'));

/** A text in a frame: `there is a cube`, `there are two cubes`. */
function framed(text: string, frames: readonly string[], rng: Rng): string {
  const frame = rng.pick(frames);
  const many = NUMBERS.slice(2).some((n) => text.startsWith(`${n} `));
  return (many ? frame.replace('there is', 'there are') : frame).replace('{}', text);
}

function named(o: SceneObject, rng: Rng, choice: WordChoice): string {
  return withArticle(describe(o, FULL, noun(o.kind, rng, choice)));
}

const alike = (a: SceneObject, b: SceneObject): boolean =>
  a.kind === b.kind && a.colour === b.colour && a.pattern === b.pattern && a.size === b.size;

/** Objects one after the other, alike ones counted where the first of them stands: `two red cubes and a bowl`. `word`: the noun of an object. */
function counted(objects: readonly SceneObject[], word: (o: SceneObject) => string): string {
  const firsts = objects.filter((o, i) => objects.findIndex((b) => alike(o, b)) === i);
  return listing(
    firsts.map((o) => {
      const n = objects.filter((b) => alike(o, b)).length;
      const text = word(o);
      return n === 1 ? withArticle(describe(o, FULL, text)) : `${numberWord(n)} ${describe(o, FULL, plural(text))}`;
    }),
  );
}

/** The plain list of objects, the first of a scene's captions: `a large red cube, two blue bowls and a star`. */
export function plainCaption(objects: readonly SceneObject[]): string {
  return counted(objects, (o) => noun(o.kind, undefined));
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
  const list = (objects: readonly SceneObject[]): string => counted(objects, (o) => noun(o.kind, rng, choice));
  const first = scene.objects[0]!;
  const allAlike = scene.objects.every((o) => alike(first, o));
  const pair = !allAlike && (rng.float() < 0.75 || scene.objects.length === 2) ? tellingPair(scene) : undefined;
  if (!pair) return framed(list(scene.objects), FRAMES, rng);
  const others = scene.objects.filter((o) => o.id !== pair.a.id && o.id !== pair.b.id);
  const phrase = rng.pick(RELATION_PHRASES[pair.relation]);
  const relation = `${named(pair.a, rng, choice)} ${phrase} ${named(pair.b, rng, choice)}`;
  return framed(listing([relation, ...(others.length > 0 ? [list(others)] : [])]), RELATION_FRAMES, rng);
}

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six'] as const;

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
  const out = new Set<string>([plainCaption(scene.objects)]);
  for (let i = 0; i < 6 * count && out.size < count; i++) out.add(caption(scene, rng, choice));
  return [...out].filter((c) => c.length > 0);
}
