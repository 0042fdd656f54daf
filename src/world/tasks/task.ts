/** What a task is, and the helpers with which the families are written. */
import { BowError, Rng } from '../../base/index.ts';
import { modelOf } from '../catalogue.ts';
import type { Goal } from '../goals.ts';
import { describe, FULL, noun, uniqueMentions } from '../language/phrases.ts';
import type { Tool } from '../physics/robot.ts';
import { scatter } from '../sample.ts';
import { defaultLight, type Scene, type SceneObject, standing, type Theme, themes } from '../scene.ts';
import {
  type Colour,
  colours,
  isHeldOutPair,
  type Kind,
  type Pattern,
  robotSplit,
  type Size,
  VERBS,
  type Verb,
  type WordChoice,
  wordsOf,
} from '../vocabulary.ts';

export const familyNames = ['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8', 'T9', 'T10', 'T11', 'T12'] as const;
export type Family = (typeof familyNames)[number];

/**
 * Generalisation levels (tabletop-world §9): G0 seen · G1 the same under other seeds · G2 unseen colour–shape pairs · G3 held-out shape or
 * colour · G5 held-out words · G6 four distractors · G7 other table and light. (G4, new families, is a choice of family; G8 is in T12.)
 */
export const levels = ['G0', 'G1', 'G2', 'G3', 'G5', 'G6', 'G7'] as const;
export type Level = (typeof levels)[number];

/** A piece of a multimodal prompt, as VIMA interleaves them. */
export type PromptSegment =
  | { readonly text: string }
  | { readonly object: string }
  | { readonly scene: readonly SceneObject[] };

/** At a control step an object is put somewhere else on the table. */
export type Disturbance = { readonly step: number; readonly id: string; readonly x: number; readonly y: number };

/** One episode's task. */
export type Task = {
  readonly family: Family;
  /** The variant within the family, such as `open drawer`. */
  readonly name: string;
  readonly level: Level;
  readonly instruction: string;
  readonly scene: Scene;
  readonly tool: Tool;
  readonly goal: Goal;
  /** Multimodal prompt (T8): words, objects and scenes in order; the instruction says the same in words. */
  readonly prompt?: readonly PromptSegment[];
  /** What a person does to the scene while the robot works (T10). */
  readonly disturbances?: readonly Disturbance[];
  /** Probability that a skill fails (T10). */
  readonly pFail?: number;
  /** Most control steps (0.1 s each) before the episode counts as failed. */
  readonly budget: number;
};

export type TaskOptions = { seed?: number | string; level?: Level; distractors?: number };

/** Everything a family's sampler draws from, already set to the level. */
export type Draw = {
  readonly rng: Rng;
  readonly level: Level;
  readonly words: WordChoice;
  readonly distractors: number;
  readonly theme: Theme;
  readonly light: Scene['light'];
};

export function drawFor(family: Family, o: TaskOptions): Draw {
  const level = o.level ?? 'G0';
  if (!levels.includes(level))
    throw new BowError('usage', `no level "${level}"`, { hint: `levels: ${levels.join(', ')}` });
  const rng = new Rng(`${o.seed ?? 0}/${family}/${level}`);
  const own = rng.split('draw');
  return {
    rng: own,
    level,
    words: level === 'G5' ? 'held-out' : 'train',
    distractors: o.distractors ?? (level === 'G6' ? 4 : own.int(3)),
    theme: level === 'G7' ? own.pick(themes.slice(4)) : own.pick(themes.slice(0, 4)),
    light: level === 'G7' ? { azimuth: own.uniform(-2.6, -0.3), elevation: own.uniform(0.7, 1.3) } : defaultLight,
  };
}

export type LookChoice = {
  readonly kind: Kind;
  readonly colour: Colour;
  readonly pattern: Pattern;
  readonly size: Size;
};

/** A look from the robot's split at the level; G2 and G3 apply to `subject` looks only. */
export function robotLook(
  d: Draw,
  kinds: readonly Kind[],
  o: { subject?: boolean; not?: readonly LookChoice[] } = {},
): LookChoice {
  const { rng } = d;
  for (let k = 0; k < 200; k++) {
    let kind = rng.pick(kinds);
    let colour: Colour = rng.pick(robotSplit.colours.train);
    if (o.subject && d.level === 'G3') {
      const shapes = robotSplit.shapes['held-out'].filter((x) => modelOf(x, 'medium').steady);
      if (rng.float() < 0.5 && kinds.some((x) => robotSplit.shapes.train.includes(x))) kind = rng.pick(shapes);
      else colour = rng.pick(robotSplit.colours['held-out']);
    }
    const unseen = isHeldOutPair(colour, kind);
    if (o.subject && d.level === 'G2' ? !unseen : unseen) {
      if (!(o.subject && d.level === 'G2')) continue;
      const other = colours.find((c) => isHeldOutPair(c, kind))!;
      colour = other;
    }
    const size: Size = rng.float() < 0.7 ? 'medium' : 'small';
    const look: LookChoice = {
      kind,
      colour,
      pattern: rng.float() < 0.8 ? 'plain' : rng.pick(['striped', 'dotted', 'checkered']),
      size,
    };
    if (!(o.not ?? []).some((l) => l.kind === look.kind && l.colour === look.colour)) return look;
  }
  throw new BowError('data', 'no look is left to draw');
}

/** Where objects may stand, so that the tool reaches all around them. */
export const FIELD = { x0: -0.24, x1: 0.24, y0: -0.19, y1: 0.17 } as const;

/** Stands looks at random free places; `taken` keeps room for what already stands. */
export function standAll(
  d: Draw,
  looks: readonly LookChoice[],
  taken: readonly SceneObject[] = [],
  o: { gap?: number; area?: { x0: number; x1: number; y0: number; y1: number }; firstId?: number } = {},
): SceneObject[] {
  const radii = looks.map((l) => modelOf(l.kind, l.size).radius);
  const keep = taken.flatMap((t) => {
    const m = modelOf(t.kind, t.size);
    const spots = [{ x: t.pose.pos[0], y: t.pose.pos[1], radius: m.radius }];
    // a drawer needs the table in front of it
    return t.kind === 'drawer' ? [...spots, { x: t.pose.pos[0], y: t.pose.pos[1] - 0.16, radius: 0.1 }] : spots;
  });
  const positions = scatter(d.rng, radii, o.area ?? FIELD, o.gap ?? 0.03, keep);
  if (!positions) throw new NoRoom();
  return looks.map((l, i) =>
    standing(`o${(o.firstId ?? taken.length + 1) + i}`, l, { ...positions[i]!, yaw: d.rng.uniform(-Math.PI, Math.PI) }),
  );
}

/** Thrown inside samplers when objects do not fit; the sampler is run again. */
export class NoRoom extends Error {}

/** A scene with objects in shuffled order and shuffled ids, so that neither betrays the target. */
export function sceneOf(d: Draw, objects: readonly SceneObject[]): { scene: Scene; rename: (id: string) => string } {
  const names = d.rng.shuffle(objects.map((_, i) => `o${i + 1}`));
  const map = new Map(objects.map((o, i) => [o.id, names[i]!]));
  const renamed = d.rng.shuffle(objects.map((o) => ({ ...o, id: map.get(o.id)! })));
  return { scene: { objects: renamed, theme: d.theme, light: d.light }, rename: (id) => map.get(id)! };
}

/** `the red cube`: enough attributes to single the object out, words by the level. */
export function the(d: Draw, o: SceneObject, all: readonly SceneObject[]): string {
  const mention = uniqueMentions(o, { objects: all }).find((m) => m.colour) ?? FULL;
  return `the ${describe(o, mention, noun(o.kind, d.rng, d.words))}`;
}

export function verb(d: Draw, v: Verb): string {
  return d.rng.pick(wordsOf(VERBS[v], d.words));
}

/** Runs a sampler until its objects fit the table. */
export function untilItFits<T>(make: () => T): T {
  for (let k = 0; k < 60; k++) {
    try {
      return make();
    } catch (e) {
      if (!(e instanceof NoRoom)) throw e;
    }
  }
  throw new BowError('data', 'no scene of this task fits the table');
}

/** Finishes a task: shuffles, renames the ids inside the goal. */
export function finish(
  d: Draw,
  family: Family,
  name: string,
  objects: readonly SceneObject[],
  goal: Goal,
  rest: {
    instruction: string;
    budget: number;
    tool?: Tool;
    prompt?: readonly PromptSegment[];
    disturbances?: readonly Disturbance[];
    pFail?: number;
  },
): Task {
  const { scene, rename } = sceneOf(d, objects);
  const swap = (p: Goal['all'][number]): Goal['all'][number] => {
    const q: Record<string, unknown> = { ...p };
    if ('a' in p) q['a'] = rename(p.a);
    if ('b' in p) q['b'] = rename(p.b);
    if ('balls' in p) q['balls'] = p.balls.map(rename);
    if ('items' in p) q['items'] = p.items.map(rename);
    return q as Goal['all'][number];
  };
  return {
    family,
    name,
    level: d.level,
    instruction: rest.instruction,
    scene,
    tool: rest.tool ?? 'suction',
    goal: { all: goal.all.map(swap) },
    budget: rest.budget,
    ...(rest.prompt ? { prompt: rest.prompt.map((x) => renameSegment(x, rename)) } : {}),
    ...(rest.disturbances ? { disturbances: rest.disturbances.map((x) => ({ ...x, id: rename(x.id) })) } : {}),
    ...(rest.pFail === undefined ? {} : { pFail: rest.pFail }),
  };
}

function renameSegment(s: PromptSegment, rename: (id: string) => string): PromptSegment {
  if ('object' in s) return { object: rename(s.object) };
  return 'scene' in s ? { scene: s.scene.map((o) => ({ ...o, id: rename(o.id) })) } : s;
}
