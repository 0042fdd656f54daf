/**
 * T8 multimodal prompts (VIMA), T9 visual commonsense and T10 changing scenes (ViLa), T12 kitchen requests (SayCan). The first three check pose
 * policies and planners; all are goals over the same predicates, so the oracle of the basic families serves here too.
 */
import type { Goal, Predicate } from '../goals.ts';
import { noun } from '../language/phrases.ts';
import { yawOf } from '../math.ts';
import { modelOfObject, type SceneObject, standing } from '../scene.ts';
import { robotSplit } from '../vocabulary.ts';
import { drawerUnit } from './basic.ts';
import { type Draw, finish, type LookChoice, robotLook, standAll, type Task, the, verb } from './task.ts';

const BLOCKS = robotSplit.shapes.train;
const medium = (l: LookChoice): LookChoice => ({ ...l, size: 'medium' });

/** An object, a container and two distractors, ids in this order. */
function objectAndContainer(d: Draw): SceneObject[] {
  const subject = robotLook(d, BLOCKS, { subject: true });
  const container = medium(robotLook(d, robotSplit.receptacles.train));
  const looks = [subject, container];
  const others = [robotLook(d, BLOCKS, { not: looks })];
  return standAll(d, [...looks, ...others]);
}

export function multimodal(d: Draw): Task {
  const objects = objectAndContainer(d);
  const goal: Goal = { all: [{ is: 'in', a: 'o1', b: 'o2' }] };
  return finish(d, 'T8', 'object in container', objects, goal, {
    instruction: `put ${the(d, objects[0]!, objects)} into ${the(d, objects[1]!, objects)}`,
    prompt: [{ text: 'put the' }, { object: 'o1' }, { text: 'into the' }, { object: 'o2' }],
    budget: 60,
  });
}

export function rotateObject(d: Draw): Task {
  const look = medium(robotLook(d, ['cube', 'triangle', 'l-block'], { subject: true }));
  const objects = standAll(d, [look, robotLook(d, BLOCKS, { not: [look] })]);
  const o = objects[0]!;
  const symmetry = modelOfObject(o).symmetry;
  // an angle that the object's symmetry cannot hide
  const choices = [30, 60, 90, 120, 150].filter(
    (a) => Math.abs(((a * Math.PI) / 180) % symmetry) > 0.4 && symmetry - (((a * Math.PI) / 180) % symmetry) > 0.4,
  );
  const degrees = d.rng.pick(choices);
  const goal: Goal = {
    all: [
      { is: 'at', a: 'o1', x: o.pose.pos[0], y: o.pose.pos[1], yaw: yawOf(o.pose.quat) + (degrees * Math.PI) / 180 },
    ],
  };
  return finish(d, 'T8', 'rotate', objects, goal, {
    instruction: `rotate ${the(d, o, objects)} by ${degrees} degrees`,
    prompt: [{ text: 'rotate the' }, { object: 'o1' }, { text: `by ${degrees} degrees` }],
    budget: 60,
  });
}

export function rearrange(d: Draw): Task {
  const first = robotLook(d, BLOCKS, { subject: true });
  const looks = [first, robotLook(d, BLOCKS, { not: [first] })];
  const wide = { gap: 0.07 };
  const all = standAll(d, [...looks, ...looks], [], wide);
  const objects = all.slice(0, 2);
  const wanted = objects.map((o, i) => ({ ...o, pose: { pos: all[i + 2]!.pose.pos, quat: o.pose.quat } }));
  const goal: Goal = { all: wanted.map((o): Predicate => ({ is: 'at', a: o.id, x: o.pose.pos[0], y: o.pose.pos[1] })) };
  return finish(d, 'T8', 'rearrange', objects, goal, {
    instruction: 'rearrange the objects to match the picture',
    prompt: [{ text: 'rearrange to this' }, { scene: wanted }],
    budget: 130,
  });
}

const NONSENSE = ['blicket', 'dax', 'wug', 'zup', 'fep'] as const;

export function novelNoun(d: Draw): Task {
  const objects = objectAndContainer(d);
  const word = d.rng.pick(NONSENSE);
  const goal: Goal = { all: [{ is: 'in', a: 'o1', b: 'o2' }] };
  return finish(d, 'T8', 'novel noun', objects, goal, {
    instruction: `put the ${word} into ${the(d, objects[1]!, objects)}`,
    prompt: [{ text: `this is a ${word}` }, { object: 'o1' }, { text: `put the ${word} into the` }, { object: 'o2' }],
    budget: 60,
  });
}

export function sameShape(d: Draw): Task {
  const subject = { ...robotLook(d, ['cube', 'cylinder', 'triangle'], { subject: true }), size: 'small' as const };
  const twin = { ...robotLook(d, [subject.kind], { not: [subject] }), size: 'small' as const };
  const example = { ...robotLook(d, [subject.kind], { not: [subject, twin] }), size: 'small' as const };
  const bowl: LookChoice = {
    kind: 'bowl',
    colour: d.rng.pick(robotSplit.colours.train),
    pattern: 'plain',
    size: 'large',
  };
  const other = robotLook(
    d,
    BLOCKS.filter((k) => k !== subject.kind),
  );
  const objects = standAll(d, [subject, bowl, twin, other, example], [], { gap: 0.02 });
  const all: Predicate[] = ['o1', 'o3', 'o5'].map((a) => ({ is: 'in', a, b: 'o2' }));
  return finish(
    d,
    'T8',
    'same shape',
    objects,
    { all },
    {
      instruction: `put all objects of the same shape as ${the(d, objects[4]!, objects)} into the bowl`,
      prompt: [
        { text: 'put all objects of the same shape as this' },
        { object: 'o5' },
        { text: 'into the' },
        { object: 'o2' },
      ],
      budget: 260,
    },
  );
}

export function emptyPlate(d: Draw): Task {
  const dish = medium(robotLook(d, ['plate', 'tray']));
  const food = { ...robotLook(d, ['apple', 'sponge', 'cube'], { subject: true }), size: 'small' as const };
  const objects = standAll(d, [dish, food, robotLook(d, BLOCKS)], [], { gap: 0.05 });
  const m = modelOfObject(objects[0]!);
  const at = objects[0]!.pose.pos;
  objects[1] = standing('o2', food, { x: at[0], y: at[1], z: at[2] + m.cavity!.floor });
  const goal: Goal = { all: [{ is: 'empty', a: 'o1' }] };
  const instruction = `give me an empty ${noun(dish.kind, d.rng, d.words)}`;
  return finish(d, 'T9', 'empty dish', objects, goal, { instruction, budget: 100 });
}

export function hiddenTarget(d: Draw): Task {
  const unit = drawerUnit(d, 'o1', 0);
  const inside = { ...robotLook(d, ['sponge', 'cube', 'key'], { subject: true }), size: 'small' as const };
  const tray = medium(robotLook(d, ['tray']));
  const objects = [unit, ...standAll(d, [tray], [unit], { area: { x0: -0.18, x1: 0.18, y0: -0.16, y1: -0.06 } })];
  const floor = unit.pose.pos[2] + modelOfObject(unit).cavity!.floor;
  objects.push(standing('o3', inside, { x: unit.pose.pos[0], y: unit.pose.pos[1] - 0.035, z: floor + 0.001 }));
  const goal: Goal = { all: [{ is: 'in', a: 'o3', b: 'o2' }] };
  const instruction = `find the ${noun(inside.kind, d.rng, d.words)} and put it in ${the(d, objects[1]!, objects)}`;
  return finish(d, 'T9', 'hidden target', objects, goal, { instruction, budget: 190 });
}

/** What a child may have goes into the bowl; tools stay away. */
export function keepSafe(d: Draw): Task {
  const toy = { ...robotLook(d, ['cube', 'triangle', 'cylinder'], { subject: true }), size: 'small' as const };
  const bowl = medium(robotLook(d, ['bowl']));
  const sharp = medium(robotLook(d, ['hammer']));
  const objects = standAll(d, [toy, bowl, sharp]);
  const goal: Goal = { all: [{ is: 'in', a: 'o1', b: 'o2' }] };
  return finish(d, 'T9', 'keep the safe one', objects, goal, {
    instruction: 'put what a child can safely play with in the bowl',
    budget: 80,
  });
}

export function failingStack(d: Draw): Task {
  const first = medium(robotLook(d, ['cube', 'cylinder'], { subject: true }));
  const second = medium(robotLook(d, ['cube', 'cylinder'], { not: [first] }));
  const objects = standAll(d, [first, second, robotLook(d, BLOCKS, { not: [first, second] })], [], { gap: 0.05 });
  const goal: Goal = { all: [{ is: 'on', a: 'o1', b: 'o2' }] };
  const instruction = `${verb(d, 'stack')} ${the(d, objects[0]!, objects)} on ${the(d, objects[1]!, objects)}`;
  return finish(d, 'T10', 'stack under failures', objects, goal, { instruction, budget: 200, pFail: 0.25 });
}

export function movedTarget(d: Draw): Task {
  const objects = objectAndContainer(d);
  const elsewhere = standAll(d, [medium(robotLook(d, ['cube']))], objects)[0]!.pose.pos;
  const goal: Goal = { all: [{ is: 'in', a: 'o1', b: 'o2' }] };
  return finish(d, 'T10', 'moved by a person', objects, goal, {
    instruction: `put ${the(d, objects[0]!, objects)} in ${the(d, objects[1]!, objects)}`,
    disturbances: [{ step: 2 + d.rng.int(4), id: 'o1', x: elsewhere[0], y: elsewhere[1] }],
    budget: 120,
  });
}

export function searchDrawers(d: Draw): Task {
  const left = { ...standing('o1', { kind: 'drawer', colour: 'red' }, { x: -0.19, y: 0.14 }) };
  const right = { ...standing('o2', { kind: 'drawer', colour: 'blue' }, { x: 0.19, y: 0.14 }) };
  const wanted = { ...robotLook(d, ['sponge', 'cube'], { subject: true }), size: 'small' as const };
  const host = d.rng.pick([left, right]);
  const floor = host.pose.pos[2] + modelOfObject(host).cavity!.floor;
  const hidden = standing('o3', wanted, { x: host.pose.pos[0], y: host.pose.pos[1] - 0.035, z: floor + 0.001 });
  const goal: Goal = { all: [{ is: 'held', a: 'o3' }] };
  return finish(d, 'T10', 'search drawers', [left, right, hidden], goal, {
    instruction: `bring me the ${noun(wanted.kind, d.rng, d.words)}; it is in one of the drawers`,
    budget: 130,
  });
}

/** What to use for what: the request names the purpose, not the thing. */
const PURPOSES = [
  ['sponge', ['I spilled my drink, can you help?', 'bring me something to clean up', 'I need to wipe the table']],
  ['apple', ['I am hungry, bring me a snack', 'I would like something healthy to eat']],
  ['bottle', ['I am thirsty', 'bring me something to drink']],
  ['key', ['I cannot open the door', 'bring me what opens a lock']],
] as const;

export function forPurpose(d: Draw): Task {
  const [kind, requests] = d.rng.pick(PURPOSES);
  const subject = { ...robotLook(d, [kind], { subject: true }), size: 'small' as const };
  const others = PURPOSES.filter(([k]) => k !== kind)
    .slice(0, 2)
    .map(([k]): LookChoice => ({ ...robotLook(d, [k]), size: 'small' }));
  const tray = medium(robotLook(d, ['tray']));
  const objects = standAll(d, [subject, tray, ...others], [], { gap: 0.02 });
  const goal: Goal = { all: [{ is: 'in', a: 'o1', b: 'o2' }] };
  return finish(d, 'T12', 'for a purpose', objects, goal, {
    instruction: `${d.rng.pick(requests)}; put it on the tray`,
    budget: 80,
  });
}

/** Crowd-style wording of a plain request. */
export function requestInWords(d: Draw): Task {
  const objects = objectAndContainer(d);
  const [a, b] = [the(d, objects[0]!, objects), the(d, objects[1]!, objects)];
  const instruction = d.rng.pick([
    `could you be so kind and get ${a} into ${b} for me`,
    `${a} belongs in ${b}, please take care of it`,
    `I would like to see ${a} in ${b}`,
  ]);
  const goal: Goal = { all: [{ is: 'in', a: 'o1', b: 'o2' }] };
  return finish(d, 'T12', 'in other words', objects, goal, { instruction, budget: 70 });
}

/** G8: the object must be worked out: the largest, or the one of the bowl's colour. */
export function sameColourReasoning(d: Draw): Task {
  const bowl = medium(robotLook(d, ['bowl']));
  const byColour = d.rng.float() < 0.5;
  const kind = d.rng.pick(['cube', 'cylinder'] as const);
  const look = (colour: LookChoice['colour'], size: LookChoice['size']): LookChoice => ({
    kind,
    colour,
    pattern: 'plain',
    size,
  });
  const others = robotSplit.colours.train.filter((c) => c !== bowl.colour);
  const [c1, c2, c3] = d.rng.shuffle([...others]) as [LookChoice['colour'], LookChoice['colour'], LookChoice['colour']];
  const target = byColour ? look(bowl.colour, 'small') : look(c1, 'medium');
  const objects = standAll(d, [target, bowl, look(c2, 'small'), look(c3, 'small')]);
  const goal: Goal = { all: [{ is: 'in', a: 'o1', b: 'o2' }] };
  const which = byColour ? `the ${kind} of the same colour as the bowl` : `the largest ${kind}`;
  return finish(d, 'T12', byColour ? 'same colour' : 'largest', objects, goal, {
    instruction: `put ${which} in the bowl`,
    budget: 70,
  });
}
