/** Understanding instructions: from words to a goal about objects of a scene. A closed grammar; what it does not cover is a typed error. */
import { BowError, type Rng } from '../../base/index.ts';
import type { Goal, Predicate } from '../goals.ts';
import { type RegionName, regionNames } from '../relations.ts';
import { modelOfObject, type Scene, type SceneObject } from '../scene.ts';
import {
  type Colour,
  colours,
  type Kind,
  kinds,
  NOUNS,
  type Pattern,
  patterns,
  plainNoun,
  type Size,
  sizes,
  VERBS,
  type Verb,
} from '../vocabulary.ts';
import { describe } from './phrases.ts';

/** What a noun phrase says; what is left out fits anything. `blocks` stands for any toy block. */
export type ObjectQuery = {
  readonly kind?: Kind;
  readonly colour?: Colour;
  readonly pattern?: Pattern;
  readonly size?: Size;
};

/** An understood instruction. */
export type Instruction =
  | { readonly verb: 'touched' | 'held' | 'open' | 'closed' | 'pressed' | 'clear'; readonly a: ObjectQuery }
  | {
      readonly verb: 'in' | 'on' | 'near';
      readonly a: ObjectQuery;
      readonly b: ObjectQuery;
      readonly thenClose: boolean;
    }
  | { readonly verb: 'region'; readonly a: ObjectQuery; readonly region: RegionName }
  | { readonly verb: 'nailed' | 'poured'; readonly a: ObjectQuery; readonly b: ObjectQuery };

const literal = (w: string): string => w.replace(/[-/\\^$*+?.()|[\]{}]/g, '\\$&');
const byLength = (a: string, b: string): number => b.length - a.length;
const verbWords = (v: Verb): string[] => [...VERBS[v].train, ...VERBS[v].heldOut];

const nounTable: readonly (readonly [string, Kind])[] = kinds
  .flatMap((k) => [...NOUNS[k].train, ...NOUNS[k].heldOut].map((w) => [w.toLowerCase(), k] as const))
  .sort((a, b) => byLength(a[0], b[0]));

/** Reads a noun phrase such as `the small red striped cube`. */
export function parsePhrase(text: string): ObjectQuery {
  let rest = ` ${text.toLowerCase().trim()} `.replace(/ (the|a|an) /, ' ');
  const q: { kind?: Kind; colour?: Colour; pattern?: Pattern; size?: Size } = {};
  const noun = nounTable.find(([w]) => rest.endsWith(` ${w} `));
  if (!noun) throw unclear(`"${text.trim()}" names no object`, `objects: ${kinds.map(plainNoun).join(', ')}`);
  q.kind = noun[1];
  rest = rest.slice(0, -noun[0].length - 1);
  for (const word of rest.split(' ').filter(Boolean)) {
    if ((colours as readonly string[]).includes(word)) q.colour = word as Colour;
    else if ((patterns as readonly string[]).includes(word)) q.pattern = word as Pattern;
    else if ((sizes as readonly string[]).includes(word)) q.size = word as Size;
    else throw unclear(`"${word}" is not a colour, size or pattern`, `colours: ${colours.join(', ')}`);
  }
  return q;
}

function unclear(what: string, hint: string): BowError {
  return new BowError('data', `the instruction cannot be understood: ${what}`, { hint });
}

const PREPOSITIONS: readonly (readonly [RegExp, 'in' | 'on' | 'near'])[] = [
  [/ (?:into|inside|in) /, 'in'],
  [/ (?:on top of|onto|on) /, 'on'],
  [/ (?:next to|near|beside|close to) /, 'near'],
];

type Rule = readonly [pattern: RegExp, make: (m: RegExpMatchArray) => Instruction];

const phrase = (words: readonly string[]): string => `(?:${[...words].sort(byLength).map(literal).join('|')})`;

const rules: readonly Rule[] = [
  [
    /^(?:hammer|drive|knock) (.+?)(?: in| into .+| with .+)*$/,
    () => ({ verb: 'nailed', a: { kind: 'hammer' }, b: { kind: 'nail' } }),
  ],
  [/^(?:pour|empty) (.+) (?:into|in) (.+)$/, (m) => ({ verb: 'poured', a: { kind: 'cup' }, b: parsePhrase(m[2]!) })],
  [/^(?:press|push down) (.+)$/, (m) => ({ verb: 'pressed', a: parsePhrase(m[1]!) })],
  [
    new RegExp(`^${phrase(verbWords('open'))} (.+?)(?: by its handle)?$`),
    (m) => ({ verb: 'open', a: parsePhrase(m[1]!) }),
  ],
  [
    new RegExp(`^${phrase(verbWords('close'))} (.+?)(?: by its handle)?$`),
    (m) => ({ verb: 'closed', a: parsePhrase(m[1]!) }),
  ],
  [/^clear (?:the top of )?(.+)$/, (m) => ({ verb: 'clear', a: parsePhrase(m[1]!) })],
  [
    new RegExp(
      `^${phrase(verbWords('push'))} (.+?) to (?:the )?(${phrase(regionNames)})(?: corner| side| of the table)?$`,
    ),
    (m) => ({ verb: 'region', a: parsePhrase(m[1]!), region: m[2] as RegionName }),
  ],
  [
    new RegExp(
      `^${phrase([...verbWords('put'), ...verbWords('stack'), ...verbWords('push'), 'insert', 'stick'])} (.+)$`,
    ),
    (m) => parsePlacing(m[1]!),
  ],
  [new RegExp(`^${phrase(verbWords('pick'))} (.+)$`), (m) => ({ verb: 'held', a: parsePhrase(m[1]!) })],
  [new RegExp(`^${phrase(verbWords('touch'))} (.+)$`), (m) => ({ verb: 'touched', a: parsePhrase(m[1]!) })],
];

function parsePlacing(text: string): Instruction {
  const thenClose = / and (?:close|shut) it$/.test(text);
  const body = text.replace(/ and (?:close|shut) it$/, '');
  for (const [pattern, verb] of PREPOSITIONS) {
    const m = body.match(pattern);
    if (m?.index === undefined) continue;
    return {
      verb,
      a: parsePhrase(body.slice(0, m.index)),
      b: parsePhrase(body.slice(m.index + m[0].length)),
      thenClose,
    };
  }
  throw unclear('it does not say where to put it', 'say in, on or next to what: put the red cube in the blue bowl');
}

/** Reads an instruction. What the grammar does not cover is a `data` error with an example. */
export function parseInstruction(text: string): Instruction {
  const clean = text
    .toLowerCase()
    .replace(/[.!?,;:…"“”„«»]/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^ ?(?:(?:please|now|robot|(?:can|could|would|will) you) )+/, '')
    .replace(/(?: (?:please|now|for me|thanks|thank you))+ ?$/, '')
    .trim();
  const [, second] = /.(?: and then| and| then) (?!(?:close|shut) it$)(.+)$/.exec(clean) ?? [];
  if (second !== undefined) throw unclear('one instruction at a time', `leave out "${second}", or say it afterwards`);
  for (const [pattern, make] of rules) {
    const m = clean.match(pattern);
    if (m) return make(m);
  }
  const first = clean.split(' ')[0] ?? '';
  throw unclear(first ? `no skill for "${first}"` : 'it is empty', 'for example: put the red block in the blue bowl');
}

/** The objects that a query fits. */
export function matching(q: ObjectQuery, scene: Pick<Scene, 'objects'>): SceneObject[] {
  return scene.objects.filter(
    (o) =>
      (q.kind === undefined || o.kind === q.kind) &&
      (q.colour === undefined || o.colour === q.colour) &&
      (q.pattern === undefined || o.pattern === q.pattern) &&
      (q.size === undefined || o.size === q.size),
  );
}

function one(q: ObjectQuery, scene: Pick<Scene, 'objects'>): string {
  const found = matching(q, scene);
  if (found.length === 1) return found[0]!.id;
  const asked = [q.size, q.colour, q.pattern, q.kind].filter(Boolean).join(' ');
  const there = scene.objects.map((o) => describe(o)).join(', ');
  const what = found.length === 0 ? `there is no ${asked} in the scene` : `"${asked}" fits ${found.length} objects`;
  throw new BowError('data', what, { hint: `the scene has: ${there}` });
}

/** The goal of an instruction in a scene; phrases must fit exactly one object each. */
export function groundInstruction(i: Instruction, scene: Pick<Scene, 'objects'>): Goal {
  switch (i.verb) {
    case 'region':
      return { all: [{ is: 'region', a: one(i.a, scene), region: i.region }] };
    case 'nailed':
      return { all: [{ is: 'nailed', a: one(i.b, scene) }] };
    case 'poured':
      return {
        all: [
          { is: 'poured', balls: scene.objects.filter((o) => o.kind === 'bead').map((o) => o.id), b: one(i.b, scene) },
        ],
      };
    case 'in':
    case 'on':
    case 'near': {
      const b = one(i.b, scene);
      const target = scene.objects.find((o) => o.id === b)!;
      const verb = i.verb === 'on' && modelOfObject(target).cavity ? 'in' : i.verb; // on a plate is in its hollow
      const all: Predicate[] = [{ is: verb, a: one(i.a, scene), b }];
      return { all: i.thenClose ? [...all, { is: 'closed', a: b }] : all };
    }
    default:
      return { all: [{ is: i.verb, a: one(i.a, scene) }] };
  }
}

/** Queries that a scene must satisfy for an instruction to make sense. */
export function queriesOf(i: Instruction): ObjectQuery[] {
  return 'b' in i ? [i.a, i.b] : [i.a];
}

/** A full look for a query: what it leaves open is drawn. */
export function lookFor(q: ObjectQuery, rng: Rng): { kind: Kind; colour: Colour; pattern: Pattern; size: Size } {
  return {
    kind: q.kind ?? 'cube',
    colour: q.colour ?? rng.pick(colours),
    pattern: q.pattern ?? 'plain',
    size: q.size ?? 'medium',
  };
}
