/** T11: tools and parts, with the gripper. */
import type { Goal, Predicate } from '../goals.ts';
import { noun } from '../language/phrases.ts';
import { cos, sin } from '../math.ts';
import { modelOfObject, type SceneObject, standing } from '../scene.ts';
import { robotSplit } from '../vocabulary.ts';
import { drawerUnit } from './basic.ts';
import { type Draw, finish, robotLook, standAll, type Task, verb } from './task.ts';

export function hammer(d: Draw): Task {
  const nail = standing(
    'o1',
    { kind: 'nail', colour: 'brown' },
    { x: d.rng.uniform(-0.12, 0.12), y: d.rng.uniform(-0.06, 0.06) },
  );
  const tool = { ...robotLook(d, ['hammer'], { subject: true }), size: 'medium' as const };
  const objects = [
    nail,
    ...standAll(d, [tool], [nail], { area: { x0: -0.2, x1: 0.2, y0: -0.15, y1: 0.1 }, gap: 0.05 }),
  ];
  const goal: Goal = { all: [{ is: 'nailed', a: 'o1' }] };
  const instruction = d.rng.pick([
    'hammer the nail into the board',
    'drive the nail in with the hammer',
    'knock the nail in',
  ]);
  return finish(d, 'T11', 'hammer', objects, goal, { instruction, budget: 220, tool: 'gripper' });
}

const BEAD_RADIUS = 0.009;

/** A cup with beads in layers of three; they settle before the episode begins. */
function beadsIn(d: Draw, cup: SceneObject, count: number, firstId: number): SceneObject[] {
  const floor = cup.pose.pos[2] + modelOfObject(cup).cavity!.floor;
  const colour = d.rng.pick(robotSplit.colours.train);
  return Array.from({ length: count }, (_, i) => {
    const layer = Math.floor(i / 3);
    const angle = (2 * Math.PI * (i % 3)) / 3 + layer;
    const [x, y] = [cup.pose.pos[0] + 0.0125 * cos(angle), cup.pose.pos[1] + 0.0125 * sin(angle)];
    return standing(`o${firstId + i}`, { kind: 'bead', colour }, { x, y, z: floor + 0.001 + 2 * BEAD_RADIUS * layer });
  });
}

export function pour(d: Draw): Task {
  const cupLook = { ...robotLook(d, ['cup'], { subject: true }), size: 'medium' as const, pattern: 'plain' as const };
  const bowlLook = { ...robotLook(d, ['bowl']), size: 'medium' as const };
  const [cup, bowl] = standAll(d, [cupLook, bowlLook], [], {
    area: { x0: -0.16, x1: 0.16, y0: -0.14, y1: 0.06 },
    gap: 0.06,
  });
  const balls = beadsIn(d, cup!, 5 + d.rng.int(4), 3);
  const objects = [cup!, bowl!, ...balls];
  const goal: Goal = { all: [{ is: 'poured', balls: balls.map((b) => b.id), b: 'o2' }] };
  const instruction = d.rng.pick([
    'pour the beads into the bowl',
    `empty the ${noun('cup', d.rng, d.words)} into the bowl`,
  ]);
  return finish(d, 'T11', 'pour', objects, goal, { instruction, budget: 220, tool: 'gripper' });
}

export function insert(d: Draw): Task {
  const socket = standing(
    'o1',
    { kind: 'socket', colour: d.rng.pick(robotSplit.colours.train) },
    {
      x: d.rng.uniform(-0.14, 0.14),
      y: d.rng.uniform(-0.08, 0.08),
    },
  );
  const peg = { ...robotLook(d, ['peg'], { subject: true }), size: 'medium' as const };
  const objects = [socket, ...standAll(d, [peg], [socket], { gap: 0.06 })];
  const goal: Goal = { all: [{ is: 'in', a: 'o2', b: 'o1' }] };
  const instruction = `${d.rng.pick(['insert', 'put', 'stick'])} the ${noun('peg', d.rng, d.words)} into the ${noun('socket', d.rng, d.words)}`;
  return finish(d, 'T11', 'insert', objects, goal, { instruction, budget: 170, tool: 'gripper' });
}

export function openByHandle(d: Draw): Task {
  const open = d.rng.float() < 0.5;
  const unit = drawerUnit(d, 'o1', open ? 0 : 0.11);
  const extra = robotLook(d, robotSplit.shapes.train);
  const objects = [unit, ...standAll(d, [extra], [unit], { area: { x0: -0.24, x1: 0.24, y0: -0.2, y1: 0 } })];
  const goal: Goal = { all: [{ is: open ? 'open' : 'closed', a: 'o1' }] };
  const instruction = `${verb(d, open ? 'open' : 'close')} the ${noun('drawer', d.rng, d.words)} by its handle`;
  return finish(d, 'T11', open ? 'open drawer' : 'close drawer', objects, goal, {
    instruction,
    budget: 120,
    tool: 'gripper',
  });
}

export function button(d: Draw): Task {
  const b = standing(
    'o1',
    { kind: 'button', colour: d.rng.pick(robotSplit.colours.train) },
    {
      x: d.rng.uniform(-0.2, 0.2),
      y: d.rng.uniform(-0.15, 0.12),
    },
  );
  const objects = [
    b,
    ...standAll(d, [robotLook(d, robotSplit.shapes.train), robotLook(d, robotSplit.shapes.train)], [b]),
  ];
  const goal: Goal = { all: [{ is: 'pressed', a: 'o1' }] };
  const instruction = `${d.rng.pick(['press', 'push down'])} the ${noun('button', d.rng, d.words)}`;
  return finish(d, 'T11', 'press button', objects, goal, { instruction, budget: 50, tool: 'gripper' });
}

export function sweep(d: Draw): Task {
  const brush = { ...robotLook(d, ['brush'], { subject: true }), size: 'medium' as const };
  const item = { ...robotLook(d, ['cube', 'cylinder']), size: 'small' as const };
  const looks = [brush, item, { ...item }];
  const objects = standAll(d, looks, [], { gap: 0.05, area: { x0: -0.05, x1: 0.2, y0: -0.12, y1: 0.1 } });
  const all: Predicate[] = [{ is: 'swept', items: ['o2', 'o3'], region: 'left' }];
  return finish(
    d,
    'T11',
    'sweep',
    objects,
    { all },
    { instruction: 'sweep the blocks to the left side', budget: 300, tool: 'gripper' },
  );
}
