/**
 * A scene that moves: objects and robot under MuJoCo, driven by one low-level action every 0.1 s.
 * Over the usual length, as is `createSimulation`: hand, welds, targets and physics are one state that nobody else may touch.
 */
import { BowError } from '../../base/index.ts';
import { modelOf } from '../catalogue.ts';
import {
  add,
  type Pose,
  type Quat,
  quatAbout,
  quatConjugate,
  quatMul,
  quatYaw,
  rotate,
  sub,
  type Vec3,
} from '../math.ts';
import type { ExtraBody } from '../render/frame.ts';
import { rayToObject } from '../render/probe.ts';
import type { Scene, SceneObject } from '../scene.ts';
import { mjcf, type Slot } from './mjcf.ts';
import type { Engine, Physics } from './mujoco.ts';
import {
  armJoints,
  FINGER_TRAVEL,
  HOME_TIP,
  homeJoints,
  inverseKinematics,
  robotLinks,
  type Tool,
  tipPose,
} from './robot.ts';

/**
 * What a policy commands for 0.1 s (tabletop-world §4): how far the tip's target moves (metres, each within ±0.05), how it turns (radians,
 * within ±0.52: about the tool's x, about its y, about the vertical), grip from −1 (open, suction off) to +1, and whether the episode is done.
 */
export type Action = { readonly move: Vec3; readonly turn: Vec3; readonly grip: number; readonly done: boolean };

export const MOVE_LIMIT = 0.05;
export const TURN_LIMIT = 0.52;
/** Seconds of one action. */
export const CONTROL_PERIOD = 0.1;
const TICKS = 5; // inverse kinematics runs at 50 Hz
const STEPS_PER_TICK = 10;
/** A suction cup takes hold of what is this near (tabletop-world §3). */
export const CAPTURE = 0.02;
const SETTLE_STEPS = 150;
const SETTLED_SPEED = 0.05;
const REACH: { readonly low: Vec3; readonly high: Vec3 } = { low: [-0.34, -0.3, 0.004], high: [0.34, 0.27, 0.45] };

/** What the robot feels. */
export type HandState = {
  readonly tip: Pose;
  /** Where the tip is commanded to be. */
  readonly target: Pose;
  readonly grip: number;
  /** Half opening of the fingers, metres; 0 with suction. */
  readonly opening: number;
  readonly held: string | undefined;
};

export type Simulation = {
  readonly tool: Tool;
  /** The objects where they are now. */
  readonly scene: () => Scene;
  readonly hand: () => HandState;
  /** The robot's links for the renderer. */
  readonly robot: () => ExtraBody[];
  readonly act: (action: Action) => void;
  /** Lets time pass without moving the target. */
  readonly wait: (seconds: number) => void;
  /** Puts an object somewhere, at rest, as a person's hand would. */
  readonly place: (id: string, pose: Pose) => void;
  readonly time: () => number;
  /** Physics state and hand; {@link Simulation.restore} continues bit for bit. */
  readonly snapshot: () => Snapshot;
  readonly restore: (s: Snapshot) => void;
  readonly dispose: () => void;
};

export type Snapshot = {
  readonly physics: Float64Array;
  readonly target: Pose;
  readonly command: readonly number[];
  readonly grip: number;
  readonly held: string | undefined;
  readonly relative: Pose | undefined;
};

/** Compiled models waiting for the next scene of their family. */
const pool = new Map<string, Physics[]>();
const POOL_LIMIT = 6;

function takePhysics(engine: Engine, key: string, make: () => string): Physics {
  const waiting = pool.get(key)?.pop();
  return waiting ?? engine.compile(make());
}

function returnPhysics(key: string, physics: Physics): void {
  const list = pool.get(key) ?? [];
  pool.delete(key); // to the end: the map's order is the order of last use
  pool.set(key, list);
  list.push(physics);
  let total = 0;
  for (const l of pool.values()) total += l.length;
  for (const [k, l] of pool) {
    while (total > POOL_LIMIT && l.length > 0) {
      l.shift()!.dispose();
      total--;
    }
    if (l.length === 0) pool.delete(k);
  }
}

/** Objects in the order of the model's slots, so that scenes with the same things share a compiled model. */
function slotOrder(scene: Scene): readonly SceneObject[] {
  const key = (o: SceneObject) =>
    `${o.kind}/${o.size}/${modelOf(o.kind, o.size).fixed ? o.pose.pos.map((x) => x.toFixed(6)).join() : ''}`;
  return [...scene.objects].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.id < b.id ? -1 : 1));
}

/** Robot, objects and time, ready at the start of a scene. A scene that does not come to rest is a `data` error. */
export function createSimulation(engine: Engine, scene: Scene, o: { tool?: Tool } = {}): Simulation {
  const tool = o.tool ?? 'suction';
  const order = slotOrder(scene);
  const slots: Slot[] = order.map(({ kind, size }) => ({ kind, size }));
  const fixed = order.map((x) => (modelOf(x.kind, x.size).fixed ? x.pose : undefined));
  const key = JSON.stringify([engine.version, tool, slots, fixed]);
  const physics = takePhysics(engine, key, () => mjcf(slots, tool, fixed));
  const things = order.map((object, i) => ({
    object,
    body: physics.body(`o${i}`),
    weld: `w${i}`,
    free: fixed[i] ? undefined : physics.joint(`j${i}`),
    moving: modelOf(object.kind, object.size).moving ? physics.joint(`d${i}`) : undefined,
  }));
  const links = robotLinks(tool).map((link) => ({ link, body: physics.body(link.name) }));
  const actuators = armJoints.map((j) => physics.actuator(j));
  const arm = armJoints.map((j) => physics.joint(j));
  const fingerNames = tool === 'gripper' ? ['left finger', 'right finger'] : [];
  const fingers = fingerNames.map((j) => physics.joint(j));
  const fingerActuators = fingerNames.map((j) => physics.actuator(j));

  let target: Pose = HOME_TIP;
  let command: readonly number[] = homeJoints(tool);
  let grip = -1;
  let held: string | undefined;
  let relative: Pose | undefined;

  const objectNow = (i: number): SceneObject => {
    const t = things[i]!;
    return { ...t.object, pose: physics.bodyPose(t.body), joint: t.moving?.get() ?? 0 };
  };
  const sceneNow = (): Scene => {
    const byId = new Map(things.map((t, i) => [t.object.id, i]));
    return { ...scene, objects: scene.objects.map((x) => objectNow(byId.get(x.id)!)) };
  };
  const tipNow = (): Pose =>
    tipPose(
      arm.map((j) => j.get()),
      tool,
    );

  const applyCommand = () => {
    for (let i = 0; i < 6; i++) physics.setControl(actuators[i]!, command[i]!);
    const opening = (FINGER_TRAVEL * (1 - grip)) / 2;
    for (const a of fingerActuators) physics.setControl(a, opening);
  };

  const release = () => {
    if (tool !== 'suction' || held === undefined) return;
    physics.weld(things.find((t) => t.object.id === held)!.weld, false);
    held = undefined;
    relative = undefined;
  };
  const tryCapture = () => {
    if (tool !== 'suction' || held !== undefined || grip <= 0) return;
    const tip = tipNow();
    const direction = rotate(tip.quat, [0, 0, 1]);
    const from = sub(tip.pos, [direction[0] * 0.01, direction[1] * 0.01, direction[2] * 0.01]);
    let nearest = CAPTURE + 0.01;
    let found = -1;
    for (let i = 0; i < things.length; i++) {
      const t = things[i]!.free ? rayToObject(objectNow(i), from, direction) : -1;
      if (t >= 0 && t < nearest) [nearest, found] = [t, i];
    }
    if (found < 0) return;
    const hand = physics.bodyPose(links.find((l) => l.link.name === 'hand')!.body);
    const body = physics.bodyPose(things[found]!.body);
    const back = quatConjugate(hand.quat);
    relative = { pos: rotate(back, sub(body.pos, hand.pos)), quat: quatMul(back, body.quat) };
    physics.weld(things[found]!.weld, true, relative);
    held = things[found]!.object.id;
  };
  /** With the gripper: what lies between fingers that want to be closed and are not. */
  const grasped = (): string | undefined => {
    if (tool === 'suction') return held;
    const opening = fingers.reduce((s, f) => s + f.get(), 0) / 2;
    if (grip < 0.2 || opening < 0.0015) return undefined;
    const tip = tipNow();
    const across = rotate(tip.quat, [0, 1, 0]);
    const towards: Vec3 = [-across[0], -across[1], -across[2]];
    for (const along of [0, -0.008, 0.008]) {
      const from = add(tip.pos, rotate(tip.quat, [0, 0.06, along]));
      const hit = things.find((t, i) => {
        const d = t.free ? rayToObject(objectNow(i), from, towards) : -1;
        return d >= 0 && d < 0.1;
      });
      if (hit) return hit.object.id;
    }
    return undefined;
  };

  const run = (ticks: number, goal: Pose | undefined) => {
    const start = target;
    for (let k = 1; k <= ticks; k++) {
      if (goal) {
        const t = k / ticks;
        const pose: Pose = { pos: mix(start.pos, goal.pos, t), quat: turnTowards(start.quat, goal.quat, t) };
        const reach = inverseKinematics(pose, command, tool);
        if (reach.error < 0.02) command = reach.joints;
      }
      applyCommand();
      physics.step(STEPS_PER_TICK);
      tryCapture();
    }
    if (goal) target = goal;
  };

  const reset = () => {
    physics.reset();
    arm.forEach((j, i) => {
      j.set(command[i]!);
    });
    for (const f of fingers) f.set(FINGER_TRAVEL);
    for (const t of things) {
      t.free?.setPose(t.object.pose);
      t.moving?.set(t.object.joint);
    }
    physics.forward();
    applyCommand();
    const fast = () => things.find((t) => t.free && t.free.speed(6) > SETTLED_SPEED);
    for (let k = 0; k < 10; k++) {
      physics.step(SETTLE_STEPS);
      if (!fast()) return;
    }
    throw new BowError('data', `"${fast()!.object.id}" does not come to rest`, { place: 'scene' });
  };
  try {
    reset();
  } catch (e) {
    returnPhysics(key, physics);
    throw e;
  }

  let disposed = false;
  return {
    tool,
    scene: sceneNow,
    hand: () => ({
      tip: tipNow(),
      target,
      grip,
      opening: fingers.reduce((s, f) => s + f.get(), 0) / Math.max(1, fingers.length),
      held: grasped(),
    }),
    robot: () => links.map(({ link, body }) => ({ name: link.name, geoms: link.geoms, pose: physics.bodyPose(body) })),
    act: (a) => {
      checkAction(a);
      if (a.grip <= 0) release();
      grip = Math.max(-1, Math.min(1, a.grip));
      run(TICKS, moved(target, a));
    },
    wait: (seconds) => run(Math.max(1, Math.round((seconds / CONTROL_PERIOD) * TICKS)), undefined),
    place: (id, pose) => {
      const t = things.find((x) => x.object.id === id);
      if (!t?.free) throw new BowError('data', `"${id}" is not an object that can be moved`, { place: 'place' });
      if (held === id) release();
      t.free.setPose(pose);
      physics.forward();
      run(2 * TICKS, undefined);
    },
    time: physics.time,
    snapshot: () => ({ physics: physics.state(), target, command, grip, held, relative }),
    restore: (s) => {
      for (const t of things) if (t.free) physics.weld(t.weld, s.held === t.object.id, s.relative);
      physics.restore(s.physics);
      ({ target, command, grip, held, relative } = s);
    },
    dispose: () => {
      if (disposed) return;
      disposed = true;
      returnPhysics(key, physics);
    },
  };
}

/** Gives back all compiled models that wait for reuse. */
export function disposeModels(): void {
  for (const list of pool.values()) for (const p of list) p.dispose();
  pool.clear();
}

function checkAction(a: Action): void {
  if (![...a.move, ...a.turn, a.grip].every(Number.isFinite)) {
    throw new BowError('data', 'an action has a number that is not finite', {
      detail: { move: a.move, turn: a.turn, grip: a.grip },
    });
  }
}

const clamp = (x: number, limit: number): number => Math.max(-limit, Math.min(limit, x));

/** The target after an action: limited, and kept inside the reach. */
export function moved(target: Pose, a: Action): Pose {
  const pos = target.pos.map((x, i) =>
    Math.max(REACH.low[i]!, Math.min(REACH.high[i]!, x + clamp(a.move[i]!, MOVE_LIMIT))),
  ) as [number, number, number];
  const [roll, pitch, yaw] = a.turn.map((x) => clamp(x, TURN_LIMIT)) as [number, number, number];
  let quat = target.quat;
  if (yaw !== 0) quat = quatMul(quatYaw(yaw), quat);
  if (roll !== 0) quat = quatMul(quat, quatAbout([1, 0, 0], roll));
  if (pitch !== 0) quat = quatMul(quat, quatAbout([0, 1, 0], pitch));
  return { pos, quat };
}

function mix(a: Vec3, b: Vec3, t: number): Vec3 {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

/** Normalised linear interpolation of two near rotations. */
function turnTowards(a: Quat, b: Quat, t: number): Quat {
  const sign = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] < 0 ? -1 : 1;
  const q = a.map((x, i) => x + (sign * b[i]! - x) * t) as [number, number, number, number];
  const n = Math.sqrt(q[0] ** 2 + q[1] ** 2 + q[2] ** 2 + q[3] ** 2);
  return [q[0] / n, q[1] / n, q[2] / n, q[3] / n];
}
