/** One ray against one object, for suction, grasps and visibility: slow and exact where the caster is fast. */
import type { Geom } from '../geometry.ts';
import { compose, type Pose, quatConjugate, rotate, sub, type Vec3 } from '../math.ts';
import { modelOfObject, movingPose, type SceneObject } from '../scene.ts';
import { hitBox, hitCapsule, hitCylinder, hitEllipsoid, hitPrism, hitShell, hitSphere } from './intersect.ts';

/** Distance from a point along a unit direction to an object's surface, or −1. */
export function rayToObject(o: SceneObject, from: Vec3, direction: Vec3): number {
  const model = modelOfObject(o);
  let best = nearestHit(model.geoms, o.pose, from, direction);
  const moving = movingPose(o);
  if (model.moving && moving) {
    const t = nearestHit(model.moving.geoms, moving, from, direction);
    if (t >= 0 && (best < 0 || t < best)) best = t;
  }
  return best;
}

function nearestHit(geoms: readonly Geom[], body: Pose, from: Vec3, direction: Vec3): number {
  let best = -1;
  for (const g of geoms) {
    const frame = compose(body, { pos: g.pos, quat: g.quat });
    const back = quatConjugate(frame.quat);
    const t = hit(g, rotate(back, sub(from, frame.pos)), rotate(back, direction));
    if (t >= 0 && (best < 0 || t < best)) best = t;
  }
  return best;
}

function hit(g: Geom, o: Vec3, d: Vec3): number {
  switch (g.solid) {
    case 'box':
      return hitBox(...o, ...d, ...g.size);
    case 'sphere':
      return hitSphere(...o, ...d, g.radius);
    case 'ellipsoid':
      return hitEllipsoid(...o, ...d, ...g.size);
    case 'capsule':
      return hitCapsule(...o, ...d, g.radius, g.half);
    case 'cylinder':
      return hitCylinder(...o, ...d, g.radius, g.half);
    case 'shell':
      return hitShell(...o, ...d, g.bottom, g.top, g.half, g.wall);
    case 'prism':
      return hitPrism(...o, ...d, g.half, Float64Array.from(g.polygon), 0, g.polygon.length);
  }
}
