/** The skills done by the arm: each is a motion over a simulation that ends in a truthful result. */
import { BowError, type Rng } from '../../base/index.ts';
import type { WorldState } from '../goals.ts';
import { length, quatYaw, rotate, type Vec3, wrapAngle, yawOf } from '../math.ts';
import { isIn, isOn, openness, regionCell } from '../relations.ts';
import { rayToObject } from '../render/probe.ts';
import { modelOfObject, objectById, pointOf, type SceneObject, spanOf } from '../scene.ts';
import { OK, obstacle, type SkillCall, type SkillResult } from '../skills.ts';
import { freeSpot, spotIn, spotNear } from '../spots.ts';
import { CLOSED, hangsBelow, type Motion, moveTip, OPEN, pause, toolYaw, travel } from './motion.ts';
import { pushTo } from './push.ts';
import type { Simulation } from './simulation.ts';
import { hammerNail, insertPeg, pourFrom, sweepItems } from './tool-use.ts';

/** The true state of a simulation, as predicates want it. */
export function stateOf(sim: Simulation): WorldState {
  const hand = sim.hand();
  return { scene: sim.scene(), held: hand.held, tip: hand.tip.pos };
}

export type PerformOptions = {
  /** Probability that a skill fails at random (closed-loop experiments use 0.2 to 0.3). Needs `rng`. */
  pFail?: number;
  rng?: Rng;
};

export const failed = (reason: string): SkillResult => ({ status: 'execution_failed', reason });

/** Does a skill. Pre-conditions are checked on the true state; nothing is repaired silently. */
export function* perform(sim: Simulation, call: SkillCall, o: PerformOptions = {}): Motion<SkillResult> {
  const reason = obstacle(call, stateOf(sim));
  if (reason) return { status: 'precondition_failed', reason };
  if (o.pFail && o.pFail > 0) {
    if (!o.rng) throw new BowError('usage', 'pFail needs an rng');
    if (o.rng.float() < o.pFail) {
      yield* pause(sim.hand().grip, 2);
      return failed('the skill was made to fail');
    }
  }
  return yield* act(sim, call);
}

function* act(sim: Simulation, call: SkillCall): Motion<SkillResult> {
  switch (call.skill) {
    case 'done':
    case 'find':
      return OK;
    case 'touch':
      return yield* touch(sim, call.a);
    case 'pick up':
      return yield* pickUp(sim, call.a);
    case 'put down':
      return yield* putDown(sim);
    case 'put in':
      return yield* putIn(sim, call.a, call.b);
    case 'put on':
      return yield* putOn(sim, call.a, call.b);
    case 'put near':
      return yield* putNear(sim, call.a, call.b);
    case 'place at':
      return yield* putAt(sim, call.a, [call.x, call.y], 0, call.yaw);
    case 'push': {
      const c = regionCell(call.region);
      return yield* pushTo(sim, call.a, [c.x, c.y], 0.35 * Math.min(c.halfX, c.halfY));
    }
    case 'push to':
      return yield* pushNear(sim, call.a, call.b);
    case 'open':
    case 'close':
      return yield* moveDrawer(sim, call.a, call.skill === 'open');
    case 'press':
      return yield* press(sim, call.a);
    case 'hammer':
      return yield* hammerNail(sim, call.a, call.b);
    case 'pour':
      return yield* pourFrom(sim, call.a, call.b);
    case 'insert':
      return yield* insertPeg(sim, call.a, call.b);
    case 'sweep':
      return yield* sweepItems(sim, call.a, call.items, call.region);
  }
}

const object = (sim: Simulation, id: string): SceneObject => objectById(sim.scene(), id);

function* touch(sim: Simulation, id: string): Motion<SkillResult> {
  const o = object(sim, id);
  const top = topPoint(o);
  yield* travel(sim, [top[0], top[1], top[2] + 0.05], { grip: OPEN, except: [id] });
  yield* moveTip(sim, [top[0], top[1], top[2] + 0.006], { grip: OPEN });
  yield* pause(OPEN, 1);
  return OK;
}

/** The point that a cup coming straight down on the suction spot meets. */
function topPoint(o: SceneObject): Vec3 {
  const spot = pointOf(o, modelOfObject(o).suction);
  const t = rayToObject(o, [spot[0], spot[1], spot[2] + 0.3], [0, 0, -1]);
  return [spot[0], spot[1], t >= 0 ? spot[2] + 0.3 - t : spot[2]];
}

export function* pickUp(sim: Simulation, id: string, o: { at?: Vec3; lift?: number } = {}): Motion<SkillResult> {
  const attempt = sim.tool === 'suction' ? pickBySuction(sim, id) : pickByGripper(sim, id, o.at);
  yield* attempt;
  if (sim.hand().held !== id) {
    yield* pause(OPEN, 1);
    yield* raise(sim, 0.1, OPEN);
    return failed(`the ${object(sim, id).kind} was not caught`);
  }
  yield* raise(sim, o.lift ?? 0.1, CLOSED);
  return sim.hand().held === id ? OK : failed(`the ${object(sim, id).kind} was dropped`);
}

function* raise(sim: Simulation, by: number, grip: number): Motion {
  const p = sim.hand().target.pos;
  yield* moveTip(sim, [p[0], p[1], Math.min(0.42, p[2] + by)], { grip });
}

function* pickBySuction(sim: Simulation, id: string): Motion {
  const top = topPoint(object(sim, id));
  yield* travel(sim, [top[0], top[1], top[2] + 0.06], { grip: OPEN, except: [id] });
  yield* moveTip(sim, [top[0], top[1], top[2] + 0.003], { grip: OPEN });
  for (let k = 0; k < 3 && sim.hand().held === undefined; k++) yield* pause(CLOSED, 1);
}

/** Turn of the tool that lays the fingers across the grip, nearest to the present one. */
export function gripYaw(sim: Simulation, o: SceneObject): number {
  const m = modelOfObject(o);
  const now = toolYaw(sim.hand().target.quat);
  if (m.symmetry === 0 && m.grip.width > 0.016) return now;
  const wanted = yawOf(o.pose.quat) + (m.grip.along === 'x' ? Math.PI / 2 : 0);
  const period = m.symmetry > 0 && m.symmetry < Math.PI ? m.symmetry / (m.symmetry > Math.PI / 2 ? 2 : 1) : Math.PI;
  return now + wrapAngle(wanted - now, period);
}

function* pickByGripper(sim: Simulation, id: string, at: Vec3 | undefined): Motion {
  const o = object(sim, id);
  const m = modelOfObject(o);
  const point = pointOf(o, at ?? m.grip.at);
  const yaw = gripYaw(sim, o);
  const z = Math.max(0.012, point[2]);
  yield* travel(sim, [point[0], point[1], spanOf(o).high + 0.07], { grip: OPEN, yaw, except: [id] });
  yield* moveTip(sim, [point[0], point[1], z], { grip: OPEN, yaw });
  yield* pause(OPEN, 2); // the arm lags behind its target by a few millimetres
  yield* pause(CLOSED, 4);
}

/** Lowers what is held so that its middle comes to (x, y) and its underside to `z`, lets go, and retreats. */
function* lowerTo(sim: Simulation, id: string, spot: readonly [number, number], z: number, yaw?: number): Motion {
  const o = object(sim, id);
  const hand = sim.hand();
  const turn = yaw === undefined ? 0 : yaw;
  const d: Vec3 = [o.pose.pos[0] - hand.tip.pos[0], o.pose.pos[1] - hand.tip.pos[1], 0];
  const offset = rotate(quatYaw(turn), d);
  const drop = hand.tip.pos[2] - spanOf(o).low;
  const goal: Vec3 = [spot[0] - offset[0], spot[1] - offset[1], z + drop + 0.003];
  const heading = toolYaw(hand.target.quat) + turn;
  yield* travel(sim, [goal[0], goal[1], goal[2] + 0.05], {
    grip: CLOSED,
    yaw: heading,
    below: hangsBelow(sim, o),
    except: [id],
  });
  yield* moveTip(sim, [goal[0], goal[1], goal[2] + 0.02], { grip: CLOSED, yaw: heading });
  // the arm lags and what hangs may have shifted: aim again from where the object is now
  const seen = object(sim, id).pose.pos;
  const at = sim.hand().target.pos;
  const fix: Vec3 = [at[0] + spot[0] - seen[0], at[1] + spot[1] - seen[1], goal[2]];
  yield* moveTip(sim, fix, { grip: CLOSED, speed: 0.02 });
  yield* pause(CLOSED, 1);
  yield* pause(OPEN, 2);
  yield* raise(sim, 0.07, OPEN);
}

/** Puts what is held at a spot on a surface of height `z`, turned to `yaw` when given. */
function* putAt(
  sim: Simulation,
  id: string,
  spot: readonly [number, number],
  z: number,
  yaw?: number,
): Motion<SkillResult> {
  const symmetry = modelOfObject(object(sim, id)).symmetry || 2 * Math.PI;
  const turn = yaw === undefined ? undefined : wrapAngle(yaw - yawOf(object(sim, id).pose.quat), symmetry);
  yield* lowerTo(sim, id, spot, z, turn);
  yield* pause(OPEN, 2);
  const o = object(sim, id);
  return length(o.pose.pos[0] - spot[0], o.pose.pos[1] - spot[1]) < 0.03
    ? OK
    : failed(`the ${o.kind} did not stay in place`);
}

function* putDown(sim: Simulation): Motion<SkillResult> {
  const id = sim.hand().held!;
  const spot = freeSpot(sim.scene(), id, sim.hand().tip.pos);
  if (!spot) return failed('there is no free place on the table');
  return yield* putAt(sim, id, spot, 0);
}

function* putIn(sim: Simulation, id: string, container: string): Motion<SkillResult> {
  const b = object(sim, container);
  const o = object(sim, id);
  const spot = spotIn(b, id, sim.scene().objects);
  const floor = b.pose.pos[2] + modelOfObject(b).cavity!.floor;
  const blocked = sim
    .scene()
    .objects.some(
      (x) =>
        x.id !== id &&
        isIn(x, b) &&
        length(x.pose.pos[0] - spot[0], x.pose.pos[1] - spot[1]) < modelOfObject(x).radius + modelOfObject(o).radius,
    );
  // the long side lies across a drawer
  const symmetry = modelOfObject(o).symmetry || 2 * Math.PI;
  const turn = b.kind === 'drawer' ? wrapAngle(-yawOf(o.pose.quat), Math.min(symmetry, Math.PI)) : undefined;
  yield* lowerTo(sim, id, spot, floor + (blocked ? 0.045 : 0.004), turn);
  yield* pause(OPEN, 3);
  return isIn(object(sim, id), object(sim, container)) ? OK : failed(`the ${o.kind} is not in the ${b.kind}`);
}

function* putOn(sim: Simulation, id: string, base: string): Motion<SkillResult> {
  const b = object(sim, base);
  yield* lowerTo(sim, id, [b.pose.pos[0], b.pose.pos[1]], spanOf(b).high);
  yield* pause(OPEN, 3);
  const o = object(sim, id);
  return isOn(o, object(sim, base)) ? OK : failed(`the ${o.kind} did not stay on the ${b.kind}`);
}

function* putNear(sim: Simulation, id: string, anchor: string): Motion<SkillResult> {
  const spot = spotNear(sim.scene(), id, anchor);
  if (!spot) return failed(`there is no room next to the ${object(sim, anchor).kind}`);
  return yield* putAt(sim, id, spot, 0);
}

function* pushNear(sim: Simulation, id: string, anchor: string): Motion<SkillResult> {
  const [o, b] = [object(sim, id), object(sim, anchor)];
  const away = modelOfObject(b).radius + modelOfObject(o).radius + 0.02;
  const d: Vec3 = [o.pose.pos[0] - b.pose.pos[0], o.pose.pos[1] - b.pose.pos[1], 0];
  const n = Math.max(1e-6, length(d[0], d[1]));
  return yield* pushTo(sim, id, [b.pose.pos[0] + (d[0] / n) * away, b.pose.pos[1] + (d[1] / n) * away], 0.018);
}

/** Opens by hooking the handle from behind (suction stem) or gripping it, closes by pushing the front. */
function* moveDrawer(sim: Simulation, id: string, open: boolean): Motion<SkillResult> {
  const o = object(sim, id);
  if (o.kind !== 'drawer') return failed(`the arm has no way to move the door of a ${o.kind}`);
  const m = modelOfObject(o);
  const travelLength = m.moving!.range[1];
  const handle = (joint: number): Vec3 => pointOf(o, [m.grip.at[0], m.grip.at[1] - joint, m.grip.at[2]]);
  const wanted = open ? travelLength : 0;
  for (let attempt = 0; attempt < 3; attempt++) {
    const now = object(sim, id).joint;
    if (sim.tool === 'suction') yield* slideWithStem(sim, handle(now), handle(wanted), open);
    else yield* slideWithFingers(sim, handle(now), handle(wanted));
    const reached = openness(object(sim, id));
    if (open ? reached >= 0.8 : reached <= 0.1) return OK;
  }
  return failed(`the drawer is ${Math.round(100 * openness(object(sim, id)))} % open`);
}

const HOOK = 0.0175; // from the middle of the handle to the middle of the gap behind it
const FRONT = 0.022; // from the middle of the handle to a stem that touches it from outside

function* slideWithStem(sim: Simulation, from: Vec3, to: Vec3, open: boolean): Motion {
  const side = open ? HOOK : -FRONT;
  const low = from[2] - 0.012;
  yield* travel(sim, [from[0], from[1] + side, from[2] + 0.05], { grip: OPEN });
  yield* moveTip(sim, [from[0], from[1] + side, low], { grip: OPEN, speed: 0.03 });
  const extra = open ? -0.012 : 0.012; // past the goal, to make up for play and lag
  yield* moveTip(sim, [to[0], to[1] + side + extra, low], { grip: OPEN, speed: 0.025 });
  yield* pause(OPEN, 2);
  if (open) yield* moveTip(sim, [to[0], to[1] + side, low], { grip: OPEN });
  yield* raise(sim, 0.09, OPEN);
}

function* slideWithFingers(sim: Simulation, from: Vec3, to: Vec3): Motion {
  const now = toolYaw(sim.hand().target.quat);
  const yaw = now + wrapAngle(-now, Math.PI); // fingers close along y, across the bar
  yield* travel(sim, [from[0], from[1], from[2] + 0.09], { grip: OPEN, yaw });
  yield* moveTip(sim, [from[0], from[1], from[2] + 0.03], { grip: 0.45, yaw });
  yield* moveTip(sim, [from[0], from[1], from[2]], { grip: 0.45, yaw, speed: 0.02 });
  yield* pause(CLOSED, 3);
  const extra = to[1] < from[1] ? -0.008 : 0.008;
  yield* moveTip(sim, [to[0], to[1] + extra, to[2]], { grip: CLOSED, yaw, speed: 0.02 });
  yield* pause(CLOSED, 2);
  yield* pause(0.45, 2);
  yield* raise(sim, 0.09, 0.45);
}

function* press(sim: Simulation, id: string): Motion<SkillResult> {
  const o = object(sim, id);
  const m = modelOfObject(o).moving!;
  const top = pointOf(o, [0, 0, m.pos[2] + 0.009]);
  const grip = sim.tool === 'suction' ? OPEN : CLOSED;
  yield* travel(sim, [top[0], top[1], top[2] + 0.05], { grip, except: [id] });
  const low = sim.tool === 'suction' ? 0 : 0.011;
  yield* moveTip(sim, [top[0], top[1], top[2] + low - 0.012], { grip, speed: 0.02 });
  yield* pause(grip, 2);
  return openness(object(sim, id)) >= 0.6 ? OK : failed('the button did not go down');
}
