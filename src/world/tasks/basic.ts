/** T1 reach, T2 pick, T3 place, T4 push, T5 drawer, T6 stack, T7 sort. */
import type { Goal, Predicate } from '../goals.ts';
import { plural } from '../language/captions.ts';
import { noun } from '../language/phrases.ts';
import { type RegionName, regionOf } from '../relations.ts';
import { type SceneObject, spanOf, standing } from '../scene.ts';
import { type Colour, robotSplit } from '../vocabulary.ts';
import { type Draw, finish, type LookChoice, robotLook, standAll, type Task, the, verb } from './task.ts';

const BLOCKS = robotSplit.shapes.train;
const RECEPTACLES = robotSplit.receptacles;

/** Distractors that share neither kind and colour with what is there. */
function distractorLooks(d: Draw, looks: readonly LookChoice[], n: number = d.distractors): LookChoice[] {
  const all = [...looks];
  for (let i = 0; i < n; i++) all.push(robotLook(d, BLOCKS, { not: all }));
  return all.slice(looks.length);
}

export function reach(d: Draw): Task {
  const subject = robotLook(d, BLOCKS, { subject: true });
  const objects = standAll(d, [subject, ...distractorLooks(d, [subject], Math.max(2, d.distractors))]);
  const goal: Goal = { all: [{ is: 'touched', a: 'o1' }] };
  return finish(d, 'T1', 'touch', objects, goal, {
    instruction: `${verb(d, 'touch')} ${the(d, objects[0]!, objects)}`,
    budget: 24,
  });
}

export function pick(d: Draw): Task {
  const subject = robotLook(d, BLOCKS, { subject: true });
  const objects = standAll(d, [subject, ...distractorLooks(d, [subject], Math.max(2, d.distractors))]);
  const goal: Goal = { all: [{ is: 'held', a: 'o1' }] };
  return finish(d, 'T2', 'pick', objects, goal, {
    instruction: `${verb(d, 'pick')} ${the(d, objects[0]!, objects)}`,
    budget: 30,
  });
}

export function place(d: Draw): Task {
  const subject = robotLook(d, BLOCKS, { subject: true });
  const near = d.rng.float() < 0.3;
  const target = near
    ? robotLook(d, BLOCKS, { not: [subject] })
    : robotLook(d, d.level === 'G3' ? RECEPTACLES['held-out'] : RECEPTACLES.train);
  const looks: LookChoice[] = [subject, { ...target, size: 'medium' }];
  const objects = standAll(d, [...looks, ...distractorLooks(d, looks)]);
  const [a, b] = [the(d, objects[0]!, objects), the(d, objects[1]!, objects)];
  const goal: Goal = { all: [{ is: near ? 'near' : 'in', a: 'o1', b: 'o2' }] };
  const instruction = near
    ? `${verb(d, 'put')} ${a} ${d.rng.pick(['near', 'next to'])} ${b}`
    : `${verb(d, 'put')} ${a} ${d.rng.pick(['in', 'into'])} ${b}`;
  return finish(d, 'T3', near ? 'move near' : 'put in', objects, goal, { instruction, budget: 60 });
}

const CORNERS: readonly RegionName[] = [
  'top left',
  'top right',
  'bottom left',
  'bottom right',
  'middle',
  'left',
  'right',
];

export function push(d: Draw): Task {
  const subject = {
    ...robotLook(d, ['cube', 'cylinder', 'l-block', 'triangle'], { subject: true }),
    size: 'medium' as const,
  };
  const objects = standAll(d, [subject, ...distractorLooks(d, [subject], Math.min(d.distractors, 2))], [], {
    gap: 0.06,
    area: { x0: -0.15, x1: 0.15, y0: -0.1, y1: 0.1 },
  });
  const region = d.rng.pick(CORNERS.filter((r) => r !== regionOf(objects[0]!)));
  const where = region.includes(' ')
    ? `the ${region} corner`
    : region === 'middle'
      ? 'the middle'
      : `the ${region} side`;
  const goal: Goal = { all: [{ is: 'region', a: 'o1', region }] };
  const instruction = `${verb(d, 'push')} ${the(d, objects[0]!, objects)} to ${where}`;
  return finish(d, 'T4', 'push to region', objects, goal, { instruction, budget: 160 });
}

/** The drawer unit stands at the back, left or right. */
export function drawerUnit(d: Draw, id: string, open: number): SceneObject {
  const x = d.rng.pick([-0.19, 0.19]);
  const unit = standing(id, { kind: 'drawer', colour: d.rng.pick(robotSplit.colours.train) }, { x, y: 0.14 });
  return { ...unit, joint: open };
}

const DRAWER_TRAVEL = 0.11;

export function drawer(d: Draw): Task {
  const variant = d.rng.pick(['open', 'close', 'store', 'store'] as const);
  const unit = drawerUnit(d, 'o1', variant === 'close' ? DRAWER_TRAVEL : 0);
  const kinds = variant === 'store' ? (['cube', 'sponge', 'triangle', 'l-block'] as const) : BLOCKS;
  const subject = { ...robotLook(d, kinds, { subject: true }), size: d.rng.pick(['small', 'medium'] as const) };
  const looks = [subject, ...distractorLooks(d, [subject], Math.min(2, d.distractors))];
  const objects = [unit, ...standAll(d, looks, [unit], { area: { x0: -0.24, x1: 0.24, y0: -0.2, y1: 0.02 } })];
  if (variant !== 'store') {
    const goal: Goal = { all: [{ is: variant === 'open' ? 'open' : 'closed', a: 'o1' }] };
    const instruction = `${verb(d, variant)} the ${noun('drawer', d.rng, d.words)}`;
    return finish(d, 'T5', `${variant} drawer`, objects, goal, { instruction, budget: 70 });
  }
  const shut = d.rng.float() < 0.4;
  const all: Predicate[] = [{ is: 'in', a: 'o2', b: 'o1' }, ...(shut ? [{ is: 'closed', a: 'o1' } as const] : [])];
  const instruction = `${verb(d, 'put')} ${the(d, objects[1]!, objects)} in the ${noun('drawer', d.rng, d.words)}${shut ? ' and close it' : ''}`;
  return finish(d, 'T5', 'store in drawer', objects, { all }, { instruction, budget: 190 });
}

export function stack(d: Draw): Task {
  const first = { ...robotLook(d, ['cube', 'cylinder'], { subject: true }), size: 'medium' as const };
  const second = { ...robotLook(d, ['cube', 'cylinder'], { not: [first] }), size: 'medium' as const };
  const third = { ...robotLook(d, ['cube', 'triangle'], { not: [first, second] }), size: 'small' as const };
  const variant = d.rng.pick(['stack', 'blocked target', 'blocked base', 'unstack'] as const);
  const looks = [first, second, third];
  const objects = standAll(d, [...looks, ...distractorLooks(d, looks, Math.min(1, d.distractors))], [], { gap: 0.05 });
  const [a, b, c] = [objects[0]!, objects[1]!, objects[2]!];
  const under = variant === 'blocked target' ? b : variant === 'blocked base' || variant === 'unstack' ? a : undefined;
  // the blocker stands on the base (o2) or on the block to be moved (o1)
  if (under)
    objects[2] = {
      ...c,
      pose: { pos: [under.pose.pos[0], under.pose.pos[1], spanOf(under).high + c.pose.pos[2]], quat: c.pose.quat },
    };
  const [ta, tb] = [the(d, a, objects), the(d, b, objects)];
  if (variant === 'unstack') {
    const goal: Goal = { all: [{ is: 'clear', a: 'o1' }] };
    return finish(d, 'T6', variant, objects, goal, { instruction: `clear the top of ${ta}`, budget: 90 });
  }
  const goal: Goal = { all: [{ is: 'on', a: 'o1', b: 'o2' }] };
  return finish(d, 'T6', variant, objects, goal, { instruction: `${verb(d, 'stack')} ${ta} on ${tb}`, budget: 170 });
}

export function sort(d: Draw): Task {
  const palette = d.rng.shuffle([...robotSplit.colours.train]).slice(0, 2) as Colour[];
  const bowls: LookChoice[] = palette.map((colour) => ({ kind: 'bowl', colour, pattern: 'plain', size: 'large' }));
  const n = 3 + d.rng.int(2);
  const blocks: LookChoice[] = [];
  for (let i = 0; i < n; i++) {
    const colour = palette[i % 2]!;
    const kind = d.rng.pick(['cube', 'cylinder', 'triangle'] as const);
    blocks.push({ kind, colour, pattern: 'plain', size: 'small' });
  }
  const objects = standAll(d, [...bowls, ...blocks], [], { gap: 0.018 });
  const all: Predicate[] = blocks.map((b, i) => ({ is: 'in', a: `o${i + 3}`, b: `o${palette.indexOf(b.colour) + 1}` }));
  const instruction = `${verb(d, 'put')} all ${plural('block')} in ${plural(noun('bowl', d.rng, d.words))} of the same colour`;
  return finish(d, 'T7', 'sort by colour', objects, { all }, { instruction, budget: 330 });
}
