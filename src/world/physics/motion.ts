/** Programs of low-level actions. A motion yields one action at a time, so that the caller can record, disturb or stop it. */
import { distance, length, planarDistance, type Quat, quatMul, sub, type Vec3, wrapAngle, yawOf } from '../math.ts';
import { modelOfObject, type SceneObject, spanOf } from '../scene.ts';
import { type Action, MOVE_LIMIT, type Simulation, TURN_LIMIT } from './simulation.ts';

/** Yields actions; returns its result when done. */
export type Motion<T = void> = Generator<Action, T, void>;

export const OPEN = -1;
export const CLOSED = 1;

/** One action that keeps the target where it is. */
export function still(grip: number): Action {
  return { move: [0, 0, 0], turn: [0, 0, 0], grip, done: false };
}

/** `n` control steps of standing still with a grip. */
export function* pause(grip: number, n: number): Motion {
  for (let i = 0; i < n; i++) yield still(grip);
}

export type MoveOptions = {
  /** Heading of the tool's x axis; unchanged when left out. */
  yaw?: number;
  grip: number;
  /** Largest move of one action, metres. */
  speed?: number;
};

/** Heading of the tool's x axis seen from above. */
export function toolYaw(q: Quat): number {
  return yawOf(quatMul(q, [0, -1, 0, 0])); // undo the half turn that points the tool down
}

/** Straight to a position (and yaw), closed loop on the commanded target, so a disturbed step is made good by the next. */
export function* moveTip(sim: Simulation, goal: Vec3, o: MoveOptions): Motion {
  const speed = Math.min(o.speed ?? MOVE_LIMIT, MOVE_LIMIT);
  let before: Vec3 | undefined;
  for (let k = 0; k < 80; k++) {
    const { target } = sim.hand();
    const d = sub(goal, target.pos);
    const far = length(d[0], d[1], d[2]);
    const turn = o.yaw === undefined ? 0 : wrapAngle(o.yaw - toolYaw(target.quat));
    if (far < 5e-4 && Math.abs(turn) < 2e-3) return;
    if (before && distance(before, target.pos) < 1e-6 && Math.abs(turn) < 2e-3) return; // at the edge of the reach
    before = target.pos;
    const f = far > speed ? speed / far : 1;
    const yaw = Math.max(-TURN_LIMIT, Math.min(TURN_LIMIT, turn));
    yield { move: [d[0] * f, d[1] * f, d[2] * f], turn: [0, 0, yaw], grip: o.grip, done: false };
  }
}

/** Turns the tool about the vertical, its x and its y axis by given angles in all, without moving its tip. */
export function* turnTip(turn: Vec3, grip: number, speed: number = 0.2): Motion {
  const steps = Math.max(1, Math.ceil(Math.max(...turn.map(Math.abs)) / Math.min(speed, TURN_LIMIT)));
  for (let i = 0; i < steps; i++) {
    yield { move: [0, 0, 0], turn: [turn[0] / steps, turn[1] / steps, turn[2] / steps], grip, done: false };
  }
}

/** Height that clears everything near the way from the tip to (x, y), for a hand that carries something `below` metres under its tip. */
export function clearHeight(sim: Simulation, x: number, y: number, below: number, except: readonly string[]): number {
  const from = sim.hand().target.pos;
  let height = 0;
  for (const o of sim.scene().objects) {
    if (except.includes(o.id)) continue;
    if (distanceToPath(o.pose.pos, from, [x, y, 0]) > modelOfObject(o).radius + 0.075) continue;
    height = Math.max(height, spanOf(o).high);
  }
  return height + below + 0.025;
}

function distanceToPath(p: Vec3, a: Vec3, b: Vec3): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const ll = dx * dx + dy * dy;
  const t = ll === 0 ? 0 : Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / ll));
  return planarDistance(p, [a[0] + t * dx, a[1] + t * dy, 0]);
}

/** Over obstacles to above (x, y): up where it must, then across, ending at height `z` or higher. */
export function* travel(
  sim: Simulation,
  goal: Vec3,
  o: MoveOptions & { below?: number; except?: readonly string[] },
): Motion {
  const clear = clearHeight(sim, goal[0], goal[1], o.below ?? 0, o.except ?? []);
  const now = sim.hand().target.pos;
  const safe = Math.min(0.42, clear);
  if (now[2] < safe - 1e-3) yield* moveTip(sim, [now[0], now[1], safe], { ...o, yaw: toolYaw(sim.hand().target.quat) });
  yield* moveTip(sim, [goal[0], goal[1], Math.max(goal[2], safe)], o);
}

/** How far the lowest point of a held object is under the tip. */
export function hangsBelow(sim: Simulation, held: SceneObject): number {
  return Math.max(0, sim.hand().tip.pos[2] - spanOf(held).low);
}
