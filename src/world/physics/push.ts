/** Pushing an object across the table with the side of the tool, watched at every step. */
import { length, planarDistance, sub, type Vec3 } from '../math.ts';
import { modelOfObject, objectById, type SceneObject, WORKSPACE } from '../scene.ts';
import { OK, type SkillResult } from '../skills.ts';
import { type Motion, moveTip, OPEN, pause, travel } from './motion.ts';
import type { Simulation } from './simulation.ts';

const TIP_RADIUS = 0.009;
const STEP = 0.02;
const APPROACHES = 6;

/** Distance from the object's middle to its surface in a direction, good enough to stand behind it. */
function standOff(o: SceneObject): number {
  return modelOfObject(o).radius + TIP_RADIUS;
}

/**
 * Pushes an object until its middle is within `tolerance` of a spot. The tip keeps behind the object on the line to the goal; when it has slipped
 * to the side it goes round through the air and starts again.
 */
export function* pushTo(
  sim: Simulation,
  id: string,
  spot: readonly [number, number],
  tolerance: number,
): Motion<SkillResult> {
  const grip = sim.tool === 'suction' ? OPEN : 1;
  for (let k = 0; k < APPROACHES; k++) {
    if (there(sim, id, spot, tolerance)) break;
    const o = objectById(sim.scene(), id);
    const d = towards(o.pose.pos, spot);
    const back = standOff(o) + 0.012;
    const start: Vec3 = [o.pose.pos[0] - d[0] * back, o.pose.pos[1] - d[1] * back, 0];
    const z = pushHeight(o);
    if (Math.abs(start[0]) > WORKSPACE.halfX + 0.03 || Math.abs(start[1]) > WORKSPACE.halfY + 0.04) {
      return { status: 'execution_failed', reason: 'there is no room behind the object' };
    }
    yield* travel(sim, [start[0], start[1], z + 0.06], { grip });
    yield* moveTip(sim, [start[0], start[1], z], { grip });
    yield* pushAlong(sim, id, spot, tolerance, z, grip);
    yield* pause(grip, 1);
    const p = sim.hand().target.pos;
    yield* moveTip(sim, [p[0], p[1], z + 0.09], { grip });
  }
  yield* pause(grip, 2);
  if (there(sim, id, spot, tolerance + 0.01)) return OK;
  return { status: 'execution_failed', reason: 'the object did not get there' };
}

function there(sim: Simulation, id: string, spot: readonly [number, number], tolerance: number): boolean {
  const p = objectById(sim.scene(), id).pose.pos;
  return length(p[0] - spot[0], p[1] - spot[1]) <= tolerance;
}

function towards(from: Vec3, spot: readonly [number, number]): readonly [number, number] {
  const d = sub([spot[0], spot[1], 0], from);
  const n = Math.max(1e-9, length(d[0], d[1]));
  return [d[0] / n, d[1] / n];
}

function pushHeight(o: SceneObject): number {
  return Math.max(0.008, Math.min(0.02, 0.8 * modelOfObject(o).rest));
}

/** Steps towards the goal as long as the tip is behind the object. */
function* pushAlong(
  sim: Simulation,
  id: string,
  spot: readonly [number, number],
  tolerance: number,
  z: number,
  grip: number,
): Motion {
  for (let k = 0; k < 45; k++) {
    const o = objectById(sim.scene(), id);
    if (there(sim, id, spot, 0.5 * tolerance)) return;
    const d = towards(o.pose.pos, spot);
    const tip = sim.hand().target.pos;
    const r = sub(o.pose.pos, tip);
    const along = r[0] * d[0] + r[1] * d[1];
    const aside = r[0] * -d[1] + r[1] * d[0];
    if (along < 0 || Math.abs(aside) > 0.6 * modelOfObject(o).radius + 0.006) return;
    const left = planarDistance(o.pose.pos, [spot[0], spot[1], 0]);
    const forward = Math.min(STEP, Math.max(0.004, left));
    // steer: move to the side on which the object has slipped, a little more than it has
    const correct = Math.max(-0.012, Math.min(0.012, 1.1 * aside));
    const goal: Vec3 = [tip[0] + d[0] * forward - d[1] * correct, tip[1] + d[1] * forward + d[0] * correct, z];
    yield* moveTip(sim, goal, { grip, speed: 0.03 });
  }
}
