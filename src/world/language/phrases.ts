/** Noun phrases: how objects are named and distinguished. */
import type { Rng } from '../../base/index.ts';
import { directionOf, isIn, isOn, type RelationName } from '../relations.ts';
import type { Scene, SceneObject } from '../scene.ts';
import { type Kind, NOUNS, SIZES, type WordChoice, wordsOf } from '../vocabulary.ts';

/** What a phrase mentions besides the noun. */
export type Mention = { readonly size?: boolean; readonly colour?: boolean; readonly pattern?: boolean };
export const FULL: Mention = { size: true, colour: true, pattern: true };

/** `a` or `an`, by the first letter's sound. */
export function withArticle(phrase: string): string {
  return `${/^[aeiou]/i.test(phrase) || phrase.startsWith('L-') ? 'an' : 'a'} ${phrase}`;
}

/** A noun for a kind from the words that may be used. */
export function noun(kind: Kind, rng: Rng | undefined, choice: WordChoice = 'train'): string {
  const words = wordsOf(NOUNS[kind], rng ? choice : 'plain');
  return rng ? rng.pick(words) : words[0]!;
}

/** `large red striped cube`: the mentioned attributes before the noun; medium size and plain pattern go without saying. */
export function describe(o: SceneObject, mention: Mention = FULL, nounText: string = noun(o.kind, undefined)): string {
  const words: string[] = [];
  if (mention.size && o.size !== 'medium') words.push(o.size);
  if (mention.colour) words.push(o.colour);
  if (mention.pattern && o.pattern !== 'plain') words.push(o.pattern);
  return [...words, nounText].join(' ');
}

/** `a, b and c` */
export function listing(parts: readonly string[]): string {
  if (parts.length <= 1) return parts[0] ?? '';
  return `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}`;
}

/** Phrases for a relation, with `to` for full sentences. */
export const RELATION_PHRASES: Readonly<Record<RelationName, readonly string[]>> = {
  in: ['in', 'inside'],
  on: ['on top of', 'on'],
  'left of': ['to the left of', 'left of'],
  'right of': ['to the right of', 'right of'],
  'in front of': ['in front of'],
  behind: ['behind'],
  'next to': ['next to', 'beside'],
};

const MENTIONS: readonly Mention[] = [
  {},
  { colour: true },
  { pattern: true },
  { size: true },
  { colour: true, pattern: true },
  { size: true, colour: true },
  FULL,
];

function matches(a: SceneObject, b: SceneObject, m: Mention): boolean {
  return (
    a.kind === b.kind &&
    (!m.colour || a.colour === b.colour) &&
    (!m.size || a.size === b.size) &&
    (!m.pattern || a.pattern === b.pattern)
  );
}

/** The shortest attribute phrases that fit only this object; empty when it has a look-alike. */
export function uniqueMentions(o: SceneObject, scene: Pick<Scene, 'objects'>): Mention[] {
  return MENTIONS.filter((m) => {
    const says = (m.size && o.size === 'medium') || (m.pattern && o.pattern === 'plain');
    return !says && !scene.objects.some((b) => b.id !== o.id && matches(b, o, m));
  });
}

/** Referring expressions that pick out exactly this object: by attributes, by a superlative, by a relation to a unique neighbour. */
export function referringExpressions(o: SceneObject, scene: Pick<Scene, 'objects'>): string[] {
  const out = uniqueMentions(o, scene).map((m) => `the ${describe(o, m)}`);
  const alike = scene.objects.filter((b) => b.kind === o.kind);
  if (alike.length > 1) {
    for (const [word, value] of superlatives) {
      const best = Math.max(...alike.filter((b) => b.id !== o.id).map(value));
      if (value(o) > best + (word.length > 8 ? 0.03 : 0.1)) out.push(`the ${word} ${noun(o.kind, undefined)}`);
    }
  }
  for (const b of scene.objects) {
    const anchor = b.id === o.id ? undefined : uniqueMentions(b, scene)[0];
    if (!anchor) continue;
    const holds = (a: SceneObject): RelationName | undefined =>
      isIn(a, b) ? 'in' : isOn(a, b) ? 'on' : directionOf(a, b);
    const relation = holds(o);
    if (!relation || alike.some((a) => a.id !== o.id && a.id !== b.id && holds(a) === relation)) continue;
    out.push(`the ${noun(o.kind, undefined)} ${RELATION_PHRASES[relation][0]} the ${describe(b, anchor)}`);
  }
  return out;
}

const superlatives: readonly (readonly [string, (o: SceneObject) => number])[] = [
  ['leftmost', (o) => -o.pose.pos[0]],
  ['rightmost', (o) => o.pose.pos[0]],
  ['nearest', (o) => -o.pose.pos[1]],
  ['farthest', (o) => o.pose.pos[1]],
  ['largest', (o) => SIZES[o.size]],
  ['smallest', (o) => -SIZES[o.size]],
];
