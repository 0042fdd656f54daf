/**
 * Questions about an image with their answers, true by construction (tabletop-world §11). A question gives nothing away: within each kind, and given
 * its words, every answer is about as likely as any other, so that whoever does not look is right at chance. Antol et al. 2015 (VQA, §3.3) and
 * Goyal et al. 2017 (VQA v2.0) say why that matters. What is drawn too often for that is kept with a probability, `keep` below.
 */
import type { Rng } from '../../base/index.ts';
import { modelOf } from '../catalogue.ts';
import { directionOf, isIn, isOn, openness } from '../relations.ts';
import type { ObjectBox } from '../render/frame.ts';
import { holdable, randomKind, restable, stackable } from '../sample.ts';
import type { Scene, SceneObject } from '../scene.ts';
import {
  blockKinds,
  type Colour,
  colours,
  isHeldOutPair,
  type Kind,
  NOUNS,
  plainNoun,
  receptacleKinds,
  SIZES,
} from '../vocabulary.ts';
import { numberWord, plural } from './captions.ts';
import { describe, type Mention, RELATION_PHRASES, uniqueMentions, withArticle } from './phrases.ts';

export type QuestionKind =
  | 'colour'
  | 'shape'
  | 'pattern'
  | 'size'
  | 'count'
  | 'exists'
  | 'relation'
  | 'where'
  | 'contains'
  | 'open'
  | 'possible';

/** A question, its one-word answer, and the object it is about, when one is meant. */
export type Question = {
  readonly kind: QuestionKind;
  readonly question: string;
  readonly answer: string;
  readonly objectId?: string;
};

/** What is asked about: a scene, and where its objects are in the image (for `where`). */
export type Seen = {
  readonly scene: Pick<Scene, 'objects'>;
  readonly boxes?: readonly ObjectBox[];
  /** Width of the image in pixels. */
  readonly width?: number;
};

type Ask = (seen: Seen, rng: Rng) => Question | undefined;

/**
 * With which probability a question with an answer is kept, so that answers become equally frequent; 1 where nothing is said. They follow from how
 * often `sampleScene` draws what (src/world/questions.test.ts measures the result).
 */
const keep: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  pattern: { plain: 0.2 },
  things: { one: 0.2, two: 0.1, three: 0.5, four: 0.6 },
  kind: { zero: 0.25, one: 0.06, two: 0.4 },
  colour: { zero: 0.25, one: 0.05, two: 0.25 },
  in: { yes: 0.47 },
  on: { yes: 0.5 },
  contains: { nothing: 0.07 },
  'possible block': { yes: 0.24 },
  'possible thing': { yes: 0.42 },
};

const kept = (group: string, answer: string, rng: Rng): boolean => rng.float() < (keep[group]?.[answer] ?? 1);
const yesNo = (b: boolean): string => (b ? 'yes' : 'no');

/** A noun that fits this kind alone: a block may be a triangular one. */
function ownNoun(kind: Kind, rng: Rng): string {
  return rng.pick(NOUNS[kind].train.filter((word) => word !== 'block'));
}

/** The shortest phrase that singles an object out without naming `hidden`. */
function phraseOf(o: SceneObject, { scene }: Seen, hidden?: keyof Mention): string | undefined {
  const mention = uniqueMentions(o, scene).find((m) => !hidden || !m[hidden]);
  return mention && `the ${describe(o, mention)}`;
}

/** One of the objects that can be singled out without naming `hidden`, with that phrase. */
function target(
  seen: Seen,
  rng: Rng,
  hidden?: keyof Mention,
  fits: (o: SceneObject) => boolean = () => true,
): { readonly o: SceneObject; readonly phrase: string } | undefined {
  const candidates = seen.scene.objects.flatMap((o) => {
    const phrase = fits(o) ? phraseOf(o, seen, hidden) : undefined;
    return phrase === undefined ? [] : [{ o, phrase }];
  });
  return candidates.length ? rng.pick(candidates) : undefined;
}

/** The smaller side of an object's box on which its shape and pattern can still be told, as a share of the image: ten pixels of 64. */
const LEGIBLE = 0.15;

/** Whether an object is large enough in the image for its shape and pattern; true where boxes are not known. */
function isLegible(o: SceneObject, { boxes, width }: Seen): boolean {
  const box = boxes?.find((b) => b.id === o.id);
  return !box || !width || Math.min(box.width, box.height) >= LEGIBLE * width;
}

/** Asks for an attribute of an object that the other attributes single out. */
function attribute(kind: 'colour' | 'pattern', questions: readonly string[]): Ask {
  return (seen, rng) => {
    const t = target(seen, rng, kind, (o) => kind === 'colour' || isLegible(o, seen));
    if (!t || !kept(kind === 'colour' ? '' : kind, t.o[kind], rng)) return undefined;
    return { kind, question: rng.pick(questions).replace('{}', t.phrase), answer: t.o[kind], objectId: t.o.id };
  };
}

const asks: Readonly<Record<QuestionKind, Ask>> = {
  colour: attribute('colour', ['what colour is {}?', 'which colour does {} have?']),
  pattern: attribute('pattern', ['what pattern does {} have?']),
  size: sizeQuestion,
  shape: (seen, rng) => {
    // what carries something may show too little of itself to tell
    const { objects } = seen.scene;
    const alone = objects.filter(
      (o) => isLegible(o, seen) && objects.every((b) => b.id === o.id || (b.colour !== o.colour && !isOn(b, o))),
    );
    if (!alone.length) return undefined;
    const o = rng.pick(alone);
    return { kind: 'shape', question: `what is the ${o.colour} thing?`, answer: plainNoun(o.kind), objectId: o.id };
  },
  where: (seen, rng) => {
    // a single object is always in the middle, and two of which one lies on the other mostly are
    const apart = (o: SceneObject): boolean =>
      seen.scene.objects.length > 1 && seen.scene.objects.every((b) => !holds(o, b) && !holds(b, o));
    const t = target(seen, rng, undefined, apart);
    const answer = t && thirdOf(t.o, seen);
    if (!t || !answer || !kept('where', answer, rng)) return undefined;
    const question = `is ${t.phrase} on the left, in the middle or on the right of the image?`;
    return { kind: 'where', question, answer, objectId: t.o.id };
  },
  count: countQuestion,
  exists: existsQuestion,
  relation: (seen, rng) => {
    for (const ask of rng.shuffle([directionQuestion, insideQuestion, restingQuestion])) {
      const q = ask(seen, rng);
      if (q) return q;
    }
    return undefined;
  },
  contains: ({ scene }, rng) => {
    const holders = scene.objects.filter((b) => isReceptacle(b.kind));
    const b = holders.length ? rng.pick(holders) : undefined;
    const phrase = b && phraseOf(b, { scene });
    if (!b || !phrase) return undefined;
    const inside = scene.objects.find((a) => holds(b, a));
    const answer = inside ? plainNoun(inside.kind) : 'nothing';
    if (!kept('contains', answer, rng)) return undefined;
    return {
      kind: 'contains',
      question: `what is ${b.kind === 'bowl' ? 'in' : 'on'} ${phrase}?`,
      answer,
      objectId: b.id,
    };
  },
  open: ({ scene }) => {
    const o = scene.objects.find((b) => b.kind === 'drawer' || b.kind === 'cabinet');
    if (!o) return undefined;
    const question = `is the ${plainNoun(o.kind)} open?`;
    return { kind: 'open', question, answer: yesNo(openness(o) >= 0.5), objectId: o.id };
  },
  // of things that others may lie on, since on all others nothing ever does
  possible: (seen, rng) => {
    const t = target(seen, rng, undefined, (o) => isOneOf(stackable, o.kind));
    const free = t && !seen.scene.objects.some((a) => isOn(a, t.o));
    if (!t || !kept(isOneOf(blockKinds, t.o.kind) ? 'possible block' : 'possible thing', yesNo(free!), rng))
      return undefined;
    const question = `can the robot pick up ${t.phrase} without moving anything else?`;
    return { kind: 'possible', question, answer: yesNo(free!), objectId: t.o.id };
  },
};

const isOneOf = (list: readonly Kind[], kind: Kind): boolean => list.includes(kind);
const isReceptacle = (kind: Kind): boolean => isOneOf(receptacleKinds, kind);

/** What lies in a bowl lies in it; what lies in a plate or on a tray may be called either, so both count. */
const holds = (b: SceneObject, a: SceneObject): boolean => isIn(a, b) || isOn(a, b);

/** The third of the image in which the middle of an object's box is; undefined near a border between two. */
function thirdOf(o: SceneObject, { boxes, width }: Seen): 'left' | 'middle' | 'right' | undefined {
  const box = boxes?.find((b) => b.id === o.id);
  if (!box || !width) return undefined;
  const x = (box.x + box.width / 2) / width;
  if (x < 0.3) return 'left';
  if (x > 0.7) return 'right';
  return x > 0.39 && x < 0.61 ? 'middle' : undefined;
}

function countQuestion({ scene }: Seen, rng: Rng): Question | undefined {
  const made = (group: string, what: string, n: number): Question | undefined =>
    kept(group, numberWord(n), rng)
      ? { kind: 'count', question: `how many ${what} are there?`, answer: numberWord(n) }
      : undefined;
  const form = rng.pick(['things', 'kind', 'colour'] as const);
  if (form === 'things') return made(form, 'things', scene.objects.length);
  const seen = rng.float() < 0.8 && scene.objects.length > 0 ? rng.pick(scene.objects) : undefined;
  if (form === 'kind') {
    const kind = seen?.kind ?? randomKind(rng);
    return made(form, plural(ownNoun(kind, rng)), scene.objects.filter((o) => o.kind === kind).length);
  }
  const colour = seen?.colour ?? rng.pick(colours);
  return made(form, `${colour} things`, scene.objects.filter((o) => o.colour === colour).length);
}

/**
 * Half of the answers are yes. What is not there is a pair of colour and kind that could be: held out from training exactly where an object of the
 * scene is; often it shares colour or kind with an object, so that finding both apart does not help.
 */
function existsQuestion({ scene }: Seen, rng: Rng): Question | undefined {
  if (scene.objects.length === 0) return undefined;
  const model = rng.pick(scene.objects);
  const there = rng.float() < 0.53; // fewer of them are different questions
  const asked = there ? model : absentLook(scene.objects, model, rng);
  if (!asked) return undefined;
  const question = `is there ${withArticle(`${asked.colour} ${ownNoun(asked.kind, rng)}`)}?`;
  return { kind: 'exists', question, answer: yesNo(there) };
}

function absentLook(
  objects: readonly SceneObject[],
  model: SceneObject,
  rng: Rng,
): { readonly kind: Kind; readonly colour: Colour } | undefined {
  const heldOut = isHeldOutPair(model.colour, model.kind);
  for (let attempt = 0; attempt < 40; attempt++) {
    const kind = rng.float() < 0.4 ? model.kind : randomKind(rng);
    const colour = rng.float() < 0.4 ? model.colour : rng.pick(colours);
    if (isHeldOutPair(colour, kind) !== heldOut) continue;
    if (!objects.some((o) => o.kind === kind && o.colour === colour)) return { kind, colour };
  }
  return undefined;
}

type Pair = { readonly a: SceneObject; readonly b: SceneObject };

/** One of the ordered pairs that fit and whose objects can both be singled out. */
function pairOf(
  seen: Seen,
  rng: Rng,
  fits: (a: SceneObject, b: SceneObject) => boolean,
  hidden?: keyof Mention,
): (Pair & { readonly said: string; readonly anchor: string }) | undefined {
  const { objects } = seen.scene;
  const pairs = objects.flatMap((a) => objects.flatMap((b) => (a.id !== b.id && fits(a, b) ? [{ a, b }] : [])));
  const pair = pairs.length ? rng.pick(pairs) : undefined;
  const [said, anchor] = [pair && phraseOf(pair.a, seen, hidden), pair && phraseOf(pair.b, seen, hidden)];
  return pair && said !== undefined && anchor !== undefined ? { ...pair, said, anchor } : undefined;
}

const directions = ['left of', 'right of', 'in front of', 'behind'] as const;

/** True where some would call a left of b, and so on: it lies that way at all. */
function leansTo(direction: (typeof directions)[number], { a, b }: Pair): boolean {
  const [dx, dy] = [a.pose.pos[0] - b.pose.pos[0], a.pose.pos[1] - b.pose.pos[1]];
  return { 'left of': dx < 0.01, 'right of': dx > -0.01, 'in front of': dy < 0.01, behind: dy > -0.01 }[direction];
}

/** Which of two toy blocks is larger, where kinds alone do not say so. The camera moves, so no size is known without another beside it. */
function sizeQuestion(seen: Seen, rng: Rng): Question | undefined {
  const nominal = (o: SceneObject): number => modelOf(o.kind, 'medium').radius;
  const alike = (a: SceneObject, b: SceneObject): boolean => Math.abs(Math.log(nominal(a) / nominal(b))) < 0.081;
  const blocks = (o: SceneObject): boolean => isOneOf(blockKinds, o.kind);
  const seenWell = (a: SceneObject, b: SceneObject): boolean => isLegible(a, seen) && isLegible(b, seen);
  const p = pairOf(
    seen,
    rng,
    (a, b) => blocks(a) && blocks(b) && a.size !== b.size && alike(a, b) && seenWell(a, b),
    'size',
  );
  if (!p) return undefined;
  const question = `is ${p.said} larger than ${p.anchor}?`;
  return { kind: 'size', question, answer: yesNo(SIZES[p.a.size] > SIZES[p.b.size]), objectId: p.a.id };
}

function directionQuestion(seen: Seen, rng: Rng): Question | undefined {
  const apart = (a: SceneObject, b: SceneObject): boolean => !holds(a, b) && !holds(b, a);
  const p = pairOf(seen, rng, (a, b) => apart(a, b) && directionOf(a, b) !== undefined);
  if (!p) return undefined;
  const truth = directionOf(p.a, p.b)!;
  const yes = rng.float() < 0.5;
  const asked = yes ? truth : rng.pick(directions.filter((d) => !leansTo(d, p)));
  const question = `is ${p.said} ${rng.pick(RELATION_PHRASES[asked])} ${p.anchor}?`;
  return { kind: 'relation', question, answer: yesNo(yes), objectId: p.a.id };
}

/** In a bowl, on a plate or a tray: of what may lie there. */
function insideQuestion(seen: Seen, rng: Rng): Question | undefined {
  const p = pairOf(seen, rng, (a, b) => isReceptacle(b.kind) && isOneOf(holdable, a.kind));
  const yes = p && holds(p.b, p.a);
  if (!p || !kept('in', yesNo(yes!), rng)) return undefined;
  const question = `is ${p.said} ${p.b.kind === 'bowl' ? rng.pick(RELATION_PHRASES.in) : 'on'} ${p.anchor}?`;
  return { kind: 'relation', question, answer: yesNo(yes!), objectId: p.a.id };
}

/** On another thing: of what may rest there on what may carry it. */
function restingQuestion(seen: Seen, rng: Rng): Question | undefined {
  const p = pairOf(seen, rng, (a, b) => isOneOf(stackable, b.kind) && isOneOf(restable, a.kind));
  const yes = p && isOn(p.a, p.b);
  if (!p || !kept('on', yesNo(yes!), rng)) return undefined;
  const question = `is ${p.said} ${rng.pick(RELATION_PHRASES.on)} ${p.anchor}?`;
  return { kind: 'relation', question, answer: yesNo(yes!), objectId: p.a.id };
}

export const questionKinds: readonly QuestionKind[] = Object.keys(asks) as QuestionKind[];

/** Up to `count` different questions about a scene, of as many kinds as it allows before a kind comes again. */
export function questionsOf(seen: Seen, rng: Rng, count: number): Question[] {
  const out: Question[] = [];
  for (let round = 0; round < 3 && out.length < count; round++)
    for (const kind of rng.shuffle([...questionKinds])) {
      if (out.length >= count) break;
      const q = asks[kind](seen, rng);
      if (q && !out.some((before) => before.question === q.question)) out.push(q);
    }
  return out;
}
