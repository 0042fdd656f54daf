/** Questions about a scene with their answers, true by construction (tabletop-world §11). */
import type { Rng } from '../../base/index.ts';
import { isIn, isOn, openness, regionOf, relationOf } from '../relations.ts';
import { modelOfObject, type Scene, type SceneObject } from '../scene.ts';
import { blockKinds, colours, type Kind, kinds, plainNoun } from '../vocabulary.ts';
import { numberWord, plural } from './captions.ts';
import { describe, noun, RELATION_PHRASES, uniqueMentions, withArticle } from './phrases.ts';

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

/** A question, its one-word or short answer, and the object it is about, when one is meant. */
export type Question = {
  readonly kind: QuestionKind;
  readonly question: string;
  readonly answer: string;
  readonly objectId?: string;
};

type Ask = (scene: Scene, rng: Rng) => Question | undefined;

/** An object that attributes other than `hidden` single out, with that phrase. */
function target(
  scene: Scene,
  rng: Rng,
  hidden: 'colour' | 'size' | 'pattern' | 'kind' | 'none',
): { o: SceneObject; phrase: string } | undefined {
  const candidates = scene.objects.flatMap((o) => {
    if (hidden === 'kind') {
      const alone = !scene.objects.some((b) => b.id !== o.id && b.colour === o.colour);
      return alone ? [{ o, phrase: `the ${o.colour} thing` }] : [];
    }
    const mention = uniqueMentions(o, scene).find((m) => hidden === 'none' || !m[hidden]);
    return mention ? [{ o, phrase: `the ${describe(o, mention)}` }] : [];
  });
  return candidates.length ? rng.pick(candidates) : undefined;
}

function ofTarget(
  kind: QuestionKind,
  hidden: Parameters<typeof target>[2],
  ask: (phrase: string, o: SceneObject, scene: Scene, rng: Rng) => readonly [string, string] | undefined,
): Ask {
  return (scene, rng) => {
    const t = target(scene, rng, hidden);
    const made = t && ask(t.phrase, t.o, scene, rng);
    return made && { kind, question: made[0], answer: made[1], objectId: t.o.id };
  };
}

const yesNo = (b: boolean): string => (b ? 'yes' : 'no');

const asks: Readonly<Record<QuestionKind, Ask>> = {
  colour: ofTarget('colour', 'colour', (p, o, _, rng) => [
    rng.pick([`what colour is ${p}?`, `which colour does ${p} have?`]),
    o.colour,
  ]),
  shape: ofTarget('shape', 'kind', (p, o) => [`what is ${p}?`, plainNoun(o.kind)]),
  pattern: ofTarget('pattern', 'pattern', (p, o) => [`what pattern does ${p} have?`, o.pattern]),
  size: ofTarget('size', 'size', (p, o) => [`what size is ${p}?`, o.size]),
  where: ofTarget('where', 'none', (p, o) => [`where on the table is ${p}?`, regionOf(o)]),
  count: (scene, rng) => {
    const kind = rng.float() < 0.75 && scene.objects.length ? rng.pick(scene.objects).kind : rng.pick(kinds);
    const n = scene.objects.filter((o) => o.kind === kind).length;
    return { kind: 'count', question: `how many ${plural(noun(kind, rng))} are there?`, answer: numberWord(n) };
  },
  exists: (scene, rng) => existsQuestion(scene, rng),
  relation: ofTarget('relation', 'none', (p, o, scene, rng) => {
    const others = scene.objects.filter(
      (b) => b.id !== o.id && relationOf(o, b) && uniqueMentions(b, scene).length > 0,
    );
    if (!others.length) return undefined;
    const b = rng.pick(others);
    const truth = relationOf(o, b)!;
    const asked =
      rng.float() < 0.5 ? truth : rng.pick(['left of', 'right of', 'in front of', 'behind', 'in', 'on'] as const);
    const anchor = `the ${describe(b, uniqueMentions(b, scene)[0])}`;
    return [`is ${p} ${rng.pick(RELATION_PHRASES[asked])} ${anchor}?`, yesNo(asked === truth)];
  }),
  contains: (scene) => {
    const holders = scene.objects.filter((b) => modelOfObject(b).cavity && uniqueMentions(b, scene).length > 0);
    const b = holders[0];
    if (!b) return undefined;
    const inside = scene.objects.find((a) => isIn(a, b));
    const question = `what is in the ${describe(b, uniqueMentions(b, scene)[0])}?`;
    return {
      kind: 'contains',
      question,
      answer: inside ? describe(inside, { colour: true }) : 'nothing',
      objectId: b.id,
    };
  },
  open: (scene) => {
    const o = scene.objects.find((b) => b.kind === 'drawer' || b.kind === 'cabinet');
    if (!o) return undefined;
    return {
      kind: 'open',
      question: `is the ${plainNoun(o.kind)} open?`,
      answer: yesNo(openness(o) >= 0.5),
      objectId: o.id,
    };
  },
  possible: ofTarget('possible', 'none', (p, o, scene) => {
    const free = !modelOfObject(o).fixed && !scene.objects.some((a) => isOn(a, o));
    return [`can the robot pick up ${p} now?`, yesNo(free)];
  }),
};

function existsQuestion(scene: Scene, rng: Rng): Question {
  const real = rng.float() < 0.5 && scene.objects.length > 0;
  const seen = real ? rng.pick(scene.objects) : undefined;
  const kind: Kind =
    seen?.kind ?? rng.pick(rng.float() < 0.5 || !scene.objects.length ? blockKinds : scene.objects.map((o) => o.kind));
  const colour = seen?.colour ?? rng.pick(colours);
  const answer = scene.objects.some((o) => o.kind === kind && o.colour === colour);
  return {
    kind: 'exists',
    question: `is there ${withArticle(`${colour} ${noun(kind, rng)}`)}?`,
    answer: yesNo(answer),
  };
}

export const questionKinds: readonly QuestionKind[] = Object.keys(asks) as QuestionKind[];

/** Up to `count` questions of different kinds about a scene. */
export function questionsOf(scene: Scene, rng: Rng, count: number): Question[] {
  const out: Question[] = [];
  for (const kind of rng.shuffle([...questionKinds])) {
    if (out.length >= count) break;
    const q = asks[kind](scene, rng);
    if (q) out.push(q);
  }
  return out;
}
