/** How objects of a scene stand to one another. One definition for language, goals, the symbolic simulator and success (tabletop-world §8). */
import { length, planarDistance, rotate, sub } from './math.ts';
import { modelOfObject, type Scene, type SceneObject, spanOf, WORKSPACE } from './scene.ts';

export const relationNames = ['in', 'on', 'left of', 'right of', 'in front of', 'behind', 'next to'] as const;
export type RelationName = (typeof relationNames)[number];

/** `a` stands in this relation to `b` (ids). Left, right, front and behind are the viewer's at the near edge of the table. */
export type Relation = { readonly a: string; readonly name: RelationName; readonly b: string };

/** Where the hollow of a container is now: drawers carry theirs along as they open. */
function cavityCentre(o: SceneObject): readonly [number, number] {
  const m = modelOfObject(o);
  if (o.kind !== 'drawer' || !m.moving) return [o.pose.pos[0], o.pose.pos[1]];
  const axis = rotate(o.pose.quat, m.moving.axis);
  return [o.pose.pos[0] + axis[0] * o.joint, o.pose.pos[1] + axis[1] * o.joint];
}

/** a lies in b: its middle within 0.8 of b's hollow, its lowest point above b's bottom and below b's rim (tabletop-world §8). */
export function isIn(a: SceneObject, b: SceneObject): boolean {
  const m = modelOfObject(b);
  if (!m.cavity || a.id === b.id) return false;
  const [cx, cy] = cavityCentre(b);
  const local = rotate(
    [b.pose.quat[0], -b.pose.quat[1], -b.pose.quat[2], -b.pose.quat[3]],
    [a.pose.pos[0] - cx, a.pose.pos[1] - cy, 0],
  );
  const reach = b.kind === 'tray' || b.kind === 'drawer' || b.kind === 'cabinet' ? boxReach(b) : undefined;
  const inside = reach
    ? Math.abs(local[0]) < reach[0] && Math.abs(local[1]) < reach[1]
    : length(local[0], local[1]) < Math.max(0.8 * m.cavity.radius, 0.012);
  const bottom = b.pose.pos[2] + m.cavity.floor;
  const low = a.pose.pos[2] - modelOfObject(a).rest;
  return inside && a.pose.pos[2] > bottom - 0.002 && low < b.pose.pos[2] + Math.max(m.top, 0.012);
}

/** Half sizes within which the middle of a thing counts as inside a rectangular container. */
function boxReach(b: SceneObject): readonly [number, number] {
  const k = modelOfObject(b).radius;
  if (b.kind === 'drawer') return [0.07, 0.064];
  return b.kind === 'tray' ? [0.75 * k, 0.52 * k] : [0.07, 0.05];
}

/** a rests on b from above: its underside at b's top, its middle over b's support. */
export function isOn(a: SceneObject, b: SceneObject): boolean {
  if (a.id === b.id) return false;
  const mb = modelOfObject(b);
  const gap = a.pose.pos[2] - modelOfObject(a).rest - (b.pose.pos[2] + mb.top);
  const support = Math.max(mb.platform, 0.5 * mb.radius);
  return Math.abs(gap) < 0.007 && planarDistance(a.pose.pos, b.pose.pos) < 0.8 * support;
}

/** Free space between the footprints, negative when they overlap seen from above. */
export function clearance(a: SceneObject, b: SceneObject): number {
  return planarDistance(a.pose.pos, b.pose.pos) - modelOfObject(a).radius - modelOfObject(b).radius;
}

/** The relation of a to b, the most telling first; undefined when none clearly holds. */
export function relationOf(a: SceneObject, b: SceneObject): RelationName | undefined {
  if (isIn(a, b)) return 'in';
  if (isOn(a, b)) return 'on';
  return directionOf(a, b);
}

/** Left, right, in front or behind, when one direction clearly wins (by half, and by 5 cm). */
export function directionOf(a: SceneObject, b: SceneObject): RelationName | undefined {
  const d = sub(a.pose.pos, b.pose.pos);
  if (Math.abs(d[0]) > 0.05 && Math.abs(d[0]) > 1.5 * Math.abs(d[1])) return d[0] < 0 ? 'left of' : 'right of';
  if (Math.abs(d[1]) > 0.05 && Math.abs(d[1]) > 1.5 * Math.abs(d[0])) return d[1] < 0 ? 'in front of' : 'behind';
  return undefined;
}

/** All relations between all pairs. */
export function relationsOf(scene: Pick<Scene, 'objects'>): Relation[] {
  const out: Relation[] = [];
  for (const a of scene.objects) {
    for (const b of scene.objects) {
      if (a.id === b.id) continue;
      const name = relationOf(a, b);
      if (name) out.push({ a: a.id, name, b: b.id });
      if (name !== 'in' && name !== 'on' && clearance(a, b) < 0.04) out.push({ a: a.id, name: 'next to', b: b.id });
    }
  }
  return out;
}

/** Named places: nine cells of the work area and its four corners. */
export const regionNames = [
  'top left',
  'top',
  'top right',
  'left',
  'middle',
  'right',
  'bottom left',
  'bottom',
  'bottom right',
] as const;
export type RegionName = (typeof regionNames)[number];

/** Middle and half sizes of a cell. */
export function regionCell(name: RegionName): {
  readonly x: number;
  readonly y: number;
  readonly halfX: number;
  readonly halfY: number;
} {
  const index = regionNames.indexOf(name);
  const column = (index % 3) - 1;
  const row = 1 - Math.floor(index / 3);
  const [halfX, halfY] = [WORKSPACE.halfX / 3, WORKSPACE.halfY / 3];
  return { x: 2 * column * halfX, y: 2 * row * halfY, halfX, halfY };
}

export function inRegion(o: SceneObject, name: RegionName): boolean {
  const c = regionCell(name);
  return Math.abs(o.pose.pos[0] - c.x) <= c.halfX && Math.abs(o.pose.pos[1] - c.y) <= c.halfY;
}

/** The cell in which an object is. */
export function regionOf(o: SceneObject): RegionName {
  return regionNames.find((r) => inRegion(o, r)) ?? 'middle';
}

/** True when nothing lies on or in the way above an object. */
export function isClear(o: SceneObject, scene: Pick<Scene, 'objects'>): boolean {
  const top = spanOf(o).high;
  return !scene.objects.some(
    (a) =>
      a.id !== o.id &&
      !modelOfObject(a).fixed &&
      (isOn(a, o) || (spanOf(a).low > top - 0.01 && planarDistance(a.pose.pos, o.pose.pos) < 0.02)),
  );
}

/** A drawer counts as open from 80 % of its travel and as closed up to 10 % (tabletop-world §6). */
export function openness(o: SceneObject): number {
  const range = modelOfObject(o).moving?.range;
  return range ? (o.joint - range[0]) / (range[1] - range[0]) : 0;
}
