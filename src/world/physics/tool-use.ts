/** Skills that use one thing on another: hammer, pour, insert, sweep. All of them hold by friction alone. */
import { atan2, cos, length, planarDistance, rotate, sub, type Vec3, wrapAngle, yawOf } from '../math.ts';
import { inRegion, isIn, type RegionName, regionCell } from '../relations.ts';
import { modelOfObject, objectById, pointOf, spanOf } from '../scene.ts';
import { OK, type SkillResult } from '../skills.ts';
import { CLOSED, type Motion, moveTip, OPEN, pause, toolYaw, travel, turnTip } from './motion.ts';
import { BASE } from './robot.ts';
import type { Simulation } from './simulation.ts';

const failed = (reason: string): SkillResult => ({ status: 'execution_failed', reason });

/** The hammer's head in its own frame (medium size): catalogue.ts. */
const HEAD: Vec3 = [0.042, 0, 0];
const HEAD_RADIUS = 0.018;

/** Brings the head over the nail and presses it down in short blows, aiming again before each. */
export function* hammerNail(sim: Simulation, hammer: string, nail: string): Motion<SkillResult> {
  const now = () => ({ h: objectById(sim.scene(), hammer), n: objectById(sim.scene(), nail) });
  const nailTop = (): Vec3 => {
    const { n } = now();
    return pointOf(n, [0, 0, modelOfObject(n).moving!.pos[2] + 0.0045 - n.joint]);
  };
  const aim = (above: number): Vec3 => {
    const head = pointOf(now().h, HEAD);
    const top = nailTop();
    const t = sim.hand().target.pos;
    return [t[0] + top[0] - head[0], t[1] + top[1] - head[1], t[2] + top[2] + HEAD_RADIUS + above - head[2]];
  };
  const high = aim(0.05);
  yield* travel(sim, [high[0], high[1], Math.max(high[2], 0.16)], {
    grip: CLOSED,
    below: 0.03,
    except: [hammer, nail],
  });
  for (let blow = 0; blow < 7; blow++) {
    const before = now().n;
    const range = modelOfObject(before).moving!.range[1];
    if (before.joint >= range - 0.003) break;
    yield* moveTip(sim, aim(0.02), { grip: CLOSED });
    yield* pause(CLOSED, 1);
    const down = aim(-(range - before.joint) - 0.012);
    yield* moveTip(sim, down, { grip: CLOSED, speed: 0.02 });
    yield* pause(CLOSED, 2);
    const t = sim.hand().target.pos;
    yield* moveTip(sim, [t[0], t[1], t[2] + 0.05], { grip: CLOSED });
    if (sim.hand().held !== hammer) return failed('the hammer slipped');
  }
  const n = now().n;
  return n.joint >= modelOfObject(n).moving!.range[1] - 0.005 ? OK : failed('the nail is not flush');
}

/** Carries the cup beside the target's rim, tips it over the target, and sets it upright again. */
export function* pourFrom(sim: Simulation, cup: string, target: string): Motion<SkillResult> {
  const c = objectById(sim.scene(), cup);
  const t = objectById(sim.scene(), target);
  const balls = sim
    .scene()
    .objects.filter((o) => isIn(o, c))
    .map((o) => o.id);
  // The tool tips outwards from the base, so that the mouth swings towards it: the cup stands on the far side of the target.
  const radial: Vec3 = [t.pose.pos[0] - BASE[0], t.pose.pos[1] - BASE[1], 0];
  const n = length(radial[0], radial[1]);
  const now = toolYaw(sim.hand().target.quat);
  const outward = atan2(radial[1], radial[0]);
  const turned = now + wrapAngle(outward - now, Math.PI); // tool x along the line from the base, or against it
  const sign = cos(turned - outward) > 0 ? 1 : -1;
  const z = spanOf(t).high + 0.08;
  const goal: Vec3 = [t.pose.pos[0] + (radial[0] / n) * POUR_STAND, t.pose.pos[1] + (radial[1] / n) * POUR_STAND, z];
  yield* travel(sim, goal, { grip: CLOSED, yaw: turned, below: 0.06, except: [cup, ...balls] });
  yield* moveTip(sim, goal, { grip: CLOSED, yaw: turned });
  yield* turnTip([0, sign * POUR_ANGLE, 0], CLOSED, 0.16);
  yield* pause(CLOSED, 6);
  yield* turnTip([0, -sign * POUR_ANGLE, 0], CLOSED, 0.3);
  const poured = balls.filter((b) => isIn(objectById(sim.scene(), b), objectById(sim.scene(), target))).length;
  return poured >= 0.7 * balls.length ? OK : failed(`${poured} of ${balls.length} arrived`);
}

const POUR_ANGLE = 2.45;
/** How far beyond the target's middle the grip stands, so that what leaves the mouth falls into the middle. */
const POUR_STAND = 0.025;

/** Lowers a peg, held by its upper half, into a socket; a snag is answered with a small search around the hole. */
export function* insertPeg(sim: Simulation, peg: string, socket: string): Motion<SkillResult> {
  const s = objectById(sim.scene(), socket);
  const aim = (z: number, dx: number, dy: number): Vec3 => {
    const p = objectById(sim.scene(), peg);
    const t = sim.hand().target.pos;
    return [
      t[0] + s.pose.pos[0] + dx - p.pose.pos[0],
      t[1] + s.pose.pos[1] + dy - p.pose.pos[1],
      t[2] + z - spanOf(p).low,
    ];
  };
  const first = aim(spanOf(s).high + 0.04, 0, 0);
  yield* travel(sim, [first[0], first[1], first[2]], { grip: CLOSED, below: 0.09, except: [peg, socket] });
  for (const [dx, dy] of [
    [0, 0],
    [0.002, 0],
    [-0.002, 0],
    [0, 0.002],
    [0, -0.002],
  ] as const) {
    yield* moveTip(sim, aim(spanOf(s).high + 0.015, dx, dy), { grip: CLOSED });
    yield* pause(CLOSED, 1);
    yield* moveTip(sim, aim(spanOf(s).high + 0.006, dx, dy), { grip: CLOSED, speed: 0.01 });
    yield* moveTip(sim, aim(spanOf(s).low + 0.006, dx, dy), { grip: CLOSED, speed: 0.015 });
    if (spanOf(objectById(sim.scene(), peg)).low < spanOf(s).low + 0.02) break;
  }
  yield* pause(OPEN, 3);
  const t = sim.hand().target.pos;
  yield* moveTip(sim, [t[0], t[1], t[2] + 0.08], { grip: OPEN });
  return isIn(objectById(sim.scene(), peg), s) ? OK : failed('the peg is not in the hole');
}

/** Strokes with the brush from behind each item towards the region. */
export function* sweepItems(
  sim: Simulation,
  brush: string,
  items: readonly string[],
  region: RegionName,
): Motion<SkillResult> {
  const cell = regionCell(region);
  for (let k = 0; k < 3 * items.length; k++) {
    const rest = items.map((i) => objectById(sim.scene(), i)).filter((o) => !inRegion(o, region));
    const o = rest[0];
    if (!o) return OK;
    const d = sub([cell.x, cell.y, 0], o.pose.pos);
    const n = Math.max(1e-6, length(d[0], d[1]));
    const u: Vec3 = [d[0] / n, d[1] / n, 0];
    const b = objectById(sim.scene(), brush);
    const offset = rotate(b.pose.quat, [0.026, 0, 0]);
    const heading = toolYaw(sim.hand().target.quat) + wrapAngle(atan2(u[1], u[0]) - yawOf(b.pose.quat));
    const z = sim.hand().target.pos[2] - spanOf(b).low + 0.004;
    const reach = length(offset[0], offset[1]);
    const from: Vec3 = [o.pose.pos[0] - u[0] * (0.05 + reach), o.pose.pos[1] - u[1] * (0.05 + reach), z];
    yield* travel(sim, [from[0], from[1], z + 0.06], { grip: CLOSED, yaw: heading, below: 0.03, except: [brush] });
    yield* moveTip(sim, from, { grip: CLOSED, yaw: heading });
    const far = planarDistance(o.pose.pos, [cell.x, cell.y, 0]) + 0.03;
    yield* moveTip(sim, [from[0] + u[0] * far, from[1] + u[1] * far, z], { grip: CLOSED, yaw: heading, speed: 0.03 });
    yield* moveTip(sim, [from[0] + u[0] * (far - 0.02), from[1] + u[1] * (far - 0.02), z + 0.08], { grip: CLOSED });
    if (sim.hand().held !== brush) return failed('the brush slipped');
  }
  return items.every((i) => inRegion(objectById(sim.scene(), i), region)) ? OK : failed('not everything is swept');
}
