/** Where things can be put: free places on the table, in containers, beside others. Shared by the arm's skills and the symbolic simulator. */
import { cos, planarDistance, rotate, sin, type Vec3 } from './math.ts';
import { isIn } from './relations.ts';
import { modelOfObject, objectById, type Scene, type SceneObject, WORKSPACE } from './scene.ts';

/** The free place on the table nearest to the tip, away from everything else. */
export function freeSpot(scene: Pick<Scene, 'objects'>, id: string, near: Vec3): readonly [number, number] | undefined {
  const radius = modelOfObject(objectById(scene, id)).radius;
  const others = scene.objects.filter((o) => o.id !== id);
  let best: readonly [number, number] | undefined;
  let least = 1e9;
  for (let i = -10; i <= 10; i++) {
    for (let j = -8; j <= 7; j++) {
      const p: Vec3 = [(i / 10) * (WORKSPACE.halfX - 0.05), (j / 8) * (WORKSPACE.halfY - 0.04), 0];
      if (
        others.some((o) => planarDistance(p, o.pose.pos) < modelOfObject(o).radius + radius + 0.025 + frontRoom(o, p))
      )
        continue;
      const d = planarDistance(p, near);
      if (d < least) [least, best] = [d, [p[0], p[1]]];
    }
  }
  return best;
}

/** The place where a drawer comes out stays free. */
function frontRoom(o: SceneObject, p: Vec3): number {
  if (o.kind !== 'drawer' && o.kind !== 'cabinet') return 0;
  return p[1] < o.pose.pos[1] ? 0.15 : 0;
}

/** A free spot inside a container for an object: the middle when empty, else the spot farthest from what is there. */
export function spotIn(b: SceneObject, id: string, objects: readonly SceneObject[]): readonly [number, number] {
  const m = modelOfObject(b);
  const inside = objects.filter((o) => o.id !== id && isIn(o, b));
  const shift = b.kind === 'drawer' ? rotate(b.pose.quat, [0, -b.joint - 0.018, 0]) : ([0, 0, 0] as const);
  const middle: Vec3 = [b.pose.pos[0] + shift[0], b.pose.pos[1] + shift[1], 0];
  // small things stand beside one another in a bowl, so the first leaves the middle free
  const shared = b.kind === 'bowl' && modelOfObject(objects.find((o) => o.id === id)!).radius < 0.032;
  if (inside.length === 0 && !shared) return [middle[0], middle[1]];
  const reach = b.kind === 'drawer' ? 0.045 : 0.4 * m.cavity!.radius;
  let best: readonly [number, number] = [middle[0], middle[1]];
  let room = -1;
  for (let k = 0; k < 16; k++) {
    const angle = (k * Math.PI) / 8;
    const depth = b.kind === 'drawer' ? 0.3 : 1;
    const p: Vec3 = [middle[0] + reach * cos(angle), middle[1] + depth * reach * sin(angle), 0];
    const free = Math.min(1, ...inside.map((o) => planarDistance(o.pose.pos, p)));
    if (free > room) [room, best] = [free, [p[0], p[1]]];
  }
  return best;
}

/** A free place beside b, 2 cm away; undefined when there is none. */
export function spotNear(
  scene: Pick<Scene, 'objects'>,
  id: string,
  anchor: string,
): readonly [number, number] | undefined {
  const b = objectById(scene, anchor);
  const radius = modelOfObject(objectById(scene, id)).radius;
  const away = modelOfObject(b).radius + radius + 0.02;
  const others = scene.objects.filter((x) => x.id !== id && x.id !== anchor);
  let best: readonly [number, number] | undefined;
  let room = 0.005;
  for (let k = 0; k < 12; k++) {
    const angle = (k * Math.PI) / 6;
    const p: Vec3 = [b.pose.pos[0] + away * cos(angle), b.pose.pos[1] + away * sin(angle), 0];
    if (Math.abs(p[0]) > WORKSPACE.halfX - 0.03 || Math.abs(p[1]) > WORKSPACE.halfY - 0.03) continue;
    const free = Math.min(0.1, ...others.map((x) => planarDistance(x.pose.pos, p) - modelOfObject(x).radius - radius));
    if (free > room) [room, best] = [free, [p[0], p[1]]];
  }
  return best;
}
