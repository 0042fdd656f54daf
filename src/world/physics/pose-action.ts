/** Actions of pose policies (VIMA, CLIPort): where to pick and where to place, or a straight sweep between two points. */
import { BowError } from '../../base/index.ts';
import { type Vec3, wrapAngle } from '../math.ts';
import { rayToObject } from '../render/probe.ts';
import { WORKSPACE } from '../scene.ts';
import { CLOSED, type Motion, moveTip, OPEN, pause, toolYaw, travel } from './motion.ts';
import type { Simulation } from './simulation.ts';

/** A place on the table and a heading, metres and radians. */
export type PlanarPose = { readonly x: number; readonly y: number; readonly yaw: number };
export type PoseAction = { readonly kind: 'pick-place' | 'sweep'; readonly from: PlanarPose; readonly to: PlanarPose };

/** Height of the highest surface under a point, 0 for the table. */
function surfaceAt(sim: Simulation, x: number, y: number): number {
  let z = 0;
  for (const o of sim.scene().objects) {
    const t = rayToObject(o, [x, y, 0.5], [0, 0, -1]);
    if (t >= 0) z = Math.max(z, 0.5 - t);
  }
  return z;
}

/** Does a pose action; z is not given, the tool goes down until it meets something. True when something was carried (or swept past). */
export function* poseAction(sim: Simulation, a: PoseAction): Motion<boolean> {
  for (const p of [a.from, a.to]) {
    const outside = !(Math.abs(p.x) <= WORKSPACE.halfX && Math.abs(p.y) <= WORKSPACE.halfY && Number.isFinite(p.yaw));
    if (outside) throw new BowError('data', `a pose outside the work area: ${p.x}, ${p.y}, ${p.yaw}`);
  }
  return a.kind === 'sweep' ? yield* sweep(sim, a) : yield* pickPlace(sim, a);
}

function* pickPlace(sim: Simulation, a: PoseAction): Motion<boolean> {
  const top = surfaceAt(sim, a.from.x, a.from.y);
  const now = toolYaw(sim.hand().target.quat);
  const yaw = sim.tool === 'gripper' ? now + wrapAngle(a.from.yaw - now, Math.PI) : now;
  const down = sim.tool === 'gripper' ? Math.max(0.012, top - 0.02) : top + 0.003;
  yield* travel(sim, [a.from.x, a.from.y, top + 0.06], { grip: OPEN, yaw });
  yield* moveTip(sim, [a.from.x, a.from.y, down], { grip: OPEN, yaw });
  yield* pause(OPEN, 1);
  yield* pause(CLOSED, 3);
  const lift: Vec3 = [a.from.x, a.from.y, down + 0.09];
  yield* moveTip(sim, lift, { grip: CLOSED, yaw });
  const held = sim.hand().held;
  if (held === undefined) {
    yield* pause(OPEN, 1);
    return false;
  }
  const others = sim.scene().objects.filter((o) => o.id !== held);
  let floor = 0;
  for (const o of others) {
    const t = rayToObject(o, [a.to.x, a.to.y, 0.5], [0, 0, -1]);
    if (t >= 0) floor = Math.max(floor, 0.5 - t);
  }
  const heading = yaw + wrapAngle(a.to.yaw - a.from.yaw);
  const low = floor + down + 0.004;
  yield* travel(sim, [a.to.x, a.to.y, low + 0.06], { grip: CLOSED, yaw: heading, below: down, except: [held] });
  yield* moveTip(sim, [a.to.x, a.to.y, low], { grip: CLOSED, yaw: heading });
  yield* pause(CLOSED, 1);
  yield* pause(OPEN, 2);
  yield* moveTip(sim, [a.to.x, a.to.y, low + 0.08], { grip: OPEN });
  return true;
}

function* sweep(sim: Simulation, a: PoseAction): Motion<boolean> {
  const grip = sim.tool === 'suction' ? OPEN : CLOSED;
  const z = 0.012;
  yield* travel(sim, [a.from.x, a.from.y, 0.07], { grip });
  yield* moveTip(sim, [a.from.x, a.from.y, z], { grip });
  yield* moveTip(sim, [a.to.x, a.to.y, z], { grip, speed: 0.03 });
  yield* moveTip(sim, [a.to.x, a.to.y, 0.09], { grip });
  return true;
}
