/** Which objects a text speaks of: every noun of the world's vocabulary in it, with the attributes that stand before it. */
import type { Scene, SceneObject } from '../scene.ts';
import {
  type Colour,
  colours,
  type Kind,
  kinds,
  NOUNS,
  type Pattern,
  patterns,
  type Size,
  sizes,
} from '../vocabulary.ts';
import { plural } from './captions.ts';
import type { ObjectQuery } from './instructions.ts';

const NUMBERS = ['two', 'three', 'four', 'five', 'six'];

/** Nouns as lists of words, the longest first; plurals too. */
const nouns: readonly { readonly words: readonly string[]; readonly kind: Kind }[] = kinds
  .flatMap((kind) =>
    [...NOUNS[kind].train, ...NOUNS[kind].heldOut]
      .flatMap((noun) => [noun, plural(noun)])
      .map((noun) => ({ words: noun.toLowerCase().split(' '), kind })),
  )
  .sort((a, b) => b.words.length - a.words.length);

const isOneOf = <T extends string>(list: readonly T[], word: string): word is T =>
  (list as readonly string[]).includes(word);

/** The objects that a text mentions, one query each (`two red cubes` are two); medium size and plain pattern go without saying. */
export function mentionsOf(text: string): ObjectQuery[] {
  const words = text.toLowerCase().match(/[a-z]+(?:-[a-z]+)*/g) ?? [];
  const out: ObjectQuery[] = [];
  let from = 0; // no word serves two mentions
  for (let at = 0; at < words.length; ) {
    const noun = nouns.find((n) => n.words.every((w, i) => words[at + i] === w));
    if (!noun) {
      at++;
      continue;
    }
    const said = attributesBefore(words, from, at);
    for (let i = 0; i < said.count; i++) out.push({ kind: noun.kind, ...said.query });
    at += noun.words.length;
    from = at;
  }
  return out;
}

function attributesBefore(
  words: readonly string[],
  from: number,
  noun: number,
): { readonly query: ObjectQuery; readonly count: number } {
  const query: { colour?: Colour; pattern?: Pattern; size?: Size } = {};
  for (let at = noun - 1; at >= from; at--) {
    const word = words[at]!;
    if (isOneOf(colours, word)) query.colour = word;
    else if (isOneOf(patterns, word)) query.pattern = word;
    else if (isOneOf(sizes, word)) query.size = word;
    else return { query, count: Math.max(1, NUMBERS.indexOf(word) + 2) };
  }
  return { query, count: 1 };
}

/** How many attributes (kind, colour, size, pattern) a text states, how many the scene has to state, and how many of those stated are right. */
export type FactCounts = {
  readonly stated: number;
  readonly there: number;
  readonly right: number;
  /** Mentions of a kind that the scene does not show, and all mentions (CHAIR: Rohrbach et al. 2018, exact here). */
  readonly absent: number;
  readonly mentions: number;
};

const factsOf = (x: ObjectQuery): string[] => [
  ...(x.kind === undefined ? [] : [x.kind]),
  ...(x.colour === undefined ? [] : [x.colour]),
  ...(x.size === undefined || x.size === 'medium' ? [] : [x.size]),
  ...(x.pattern === undefined || x.pattern === 'plain' ? [] : [x.pattern]),
];

/** Compares what a text mentions with a scene: each mention is held against the object that fits it best and is not taken yet. */
export function factCounts(text: string, scene: Pick<Scene, 'objects'>): FactCounts {
  const mentions = mentionsOf(text);
  const left: SceneObject[] = [...scene.objects];
  let right = 0;
  for (const mention of mentions) {
    const agreement = (o: SceneObject): number => factsOf(mention).filter((f) => factsOf(o).includes(f)).length;
    const best = left.reduce((a, o, i) => (agreement(o) > (a < 0 ? 0 : agreement(left[a]!)) ? i : a), -1);
    if (best < 0) continue;
    right += agreement(left[best]!);
    left.splice(best, 1);
  }
  const count = (list: readonly ObjectQuery[]): number => list.reduce((n, x) => n + factsOf(x).length, 0);
  return {
    stated: count(mentions),
    there: count(scene.objects),
    right,
    absent: mentions.filter((m) => !scene.objects.some((o) => o.kind === m.kind)).length,
    mentions: mentions.length,
  };
}
