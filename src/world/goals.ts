/** What can be true of the world, and what should be: the predicates of tasks, shared by physics, symbolic simulator, planner and episode monitor. */
import { distance, length, planarDistance, sub, type Vec3, wrapAngle, yawOf } from './math.ts';
import { inRegion, isClear, isIn, isOn, openness, type RegionName } from './relations.ts';
import { modelOfObject, objectById, type Scene, type SceneObject, spanOf } from './scene.ts';

/** All that predicates look at. */
export type WorldState = {
  readonly scene: Scene;
  /** Object in the hand. */
  readonly held: string | undefined;
  /** Position of the tool's tip. */
  readonly tip: Vec3;
};

/** A fact about objects, named by their ids. */
export type Predicate =
  | {
      readonly is: 'touched' | 'held' | 'open' | 'closed' | 'pressed' | 'nailed' | 'clear' | 'empty';
      readonly a: string;
    }
  | { readonly is: 'in' | 'on' | 'near' | 'apart'; readonly a: string; readonly b: string }
  | { readonly is: 'region'; readonly a: string; readonly region: RegionName }
  /** At a place on the table, within 5 cm, and turned to a yaw within 15° modulo the object's symmetry. */
  | { readonly is: 'at'; readonly a: string; readonly x: number; readonly y: number; readonly yaw?: number }
  /** At least 70 % of the balls are in b. */
  | { readonly is: 'poured'; readonly balls: readonly string[]; readonly b: string }
  | { readonly is: 'swept'; readonly items: readonly string[]; readonly region: RegionName };

/** All of these, in the end. */
export type Goal = { readonly all: readonly Predicate[] };

const NEAR = 0.05; // gap between footprints, Language-Table's value
const LIFTED = 0.05;
export const POSE_TOLERANCE = { metres: 0.05, radians: Math.PI / 12 } as const; // VIMABench, Ravens

/** Whether a fact holds. An id that the scene lacks is a `data` error. */
export function holds(p: Predicate, s: WorldState): boolean {
  const at = (id: string) => objectById(s.scene, id);
  switch (p.is) {
    case 'touched':
      return touches(s.tip, at(p.a));
    case 'held':
      return s.held === p.a && spanOf(at(p.a)).low > LIFTED;
    case 'open':
      return openness(at(p.a)) >= 0.8;
    case 'closed':
      return openness(at(p.a)) <= 0.1;
    case 'pressed':
      return openness(at(p.a)) >= 0.6;
    case 'nailed':
      return at(p.a).joint >= modelOfObject(at(p.a)).moving!.range[1] - 0.005;
    case 'clear':
      return isClear(at(p.a), s.scene);
    case 'empty':
      return !s.scene.objects.some((o) => isIn(o, at(p.a)));
    case 'in':
      return s.held !== p.a && isIn(at(p.a), at(p.b));
    case 'on':
      return s.held !== p.a && isOn(at(p.a), at(p.b));
    case 'near':
      return s.held !== p.a && gap(at(p.a), at(p.b)) < NEAR;
    case 'apart':
      return gap(at(p.a), at(p.b)) > 2 * NEAR;
    case 'region':
      return s.held !== p.a && inRegion(at(p.a), p.region);
    case 'at':
      return s.held !== p.a && isAt(at(p.a), p);
    case 'poured':
      return p.balls.filter((b) => isIn(at(b), at(p.b))).length >= 0.7 * p.balls.length;
    case 'swept':
      return p.items.every((b) => inRegion(at(b), p.region));
  }
}

function isAt(o: SceneObject, p: { x: number; y: number; yaw?: number }): boolean {
  if (length(o.pose.pos[0] - p.x, o.pose.pos[1] - p.y) >= POSE_TOLERANCE.metres) return false;
  const symmetry = modelOfObject(o).symmetry;
  if (p.yaw === undefined || symmetry === 0) return true;
  return Math.abs(wrapAngle(yawOf(o.pose.quat) - p.yaw, symmetry)) < POSE_TOLERANCE.radians;
}

/** Free space between two footprints. */
function gap(a: SceneObject, b: SceneObject): number {
  return planarDistance(a.pose.pos, b.pose.pos) - modelOfObject(a).radius - modelOfObject(b).radius;
}

/** The tip is at the object: over its footprint and not more than 1.5 cm from its top, or inside its height span. */
function touches(tip: Vec3, o: SceneObject): boolean {
  const span = spanOf(o);
  const radius = modelOfObject(o).radius;
  return planarDistance(tip, o.pose.pos) < radius && tip[2] < span.high + 0.015 && tip[2] > span.low - 0.01;
}

/** All facts of the goal hold. */
export function achieved(goal: Goal, s: WorldState): boolean {
  return goal.all.every((p) => holds(p, s));
}

/** Objects that the goal is about as things to be moved or used. */
export function subjects(goal: Goal): Set<string> {
  const out = new Set<string>();
  for (const p of goal.all) {
    if ('a' in p) out.add(p.a);
    if (p.is === 'poured') for (const b of p.balls) out.add(b);
    if (p.is === 'swept') for (const b of p.items) out.add(b);
  }
  return out;
}

/**
 * The wrong-object rule (tabletop-world §8): the id of an object that is not a subject of the goal and was put where a subject belongs,
 * or is held or touched in its place. What was so at the start does not count.
 */
export function wrongObject(goal: Goal, start: WorldState, now: WorldState): string | undefined {
  const meant = subjects(goal);
  for (const o of now.scene.objects) {
    if (meant.has(o.id) || modelOfObject(o).fixed) continue;
    for (const p of goal.all) {
      if (!('a' in p) || !['in', 'on', 'held', 'touched'].includes(p.is)) continue;
      if ('b' in p && p.b === o.id) continue;
      const twin = { ...p, a: o.id } as Predicate;
      if (holds(twin, now) && !holds(twin, start)) return o.id;
    }
  }
  return undefined;
}

/** True when a subject of the goal was moved by 1 cm or more, is held, or is touched (tabletop-world §8: `correctObjectTouched`). */
export function subjectTouched(goal: Goal, start: WorldState, now: WorldState): boolean {
  for (const id of subjects(goal)) {
    const o = objectById(now.scene, id);
    const before = objectById(start.scene, id);
    if (now.held === id || touches(now.tip, o) || distance(o.pose.pos, before.pose.pos) > 0.01) return true;
    if (length(...sub(o.pose.pos, before.pose.pos)) > 0.01 || Math.abs(o.joint - before.joint) > 0.003) return true;
  }
  return false;
}
