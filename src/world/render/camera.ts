/** Cameras: where the eye is, what it looks at, how wide it sees. */
import { BowError, unknownName } from '../../base/index.ts';
import { cos, cross, length, sin, sub, tan, unit, type Vec3 } from '../math.ts';

/** A pinhole camera; square pixels. */
export type Camera = {
  readonly pos: Vec3;
  /** Row-major 3 × 3: columns are right, up, and back (against the view). */
  readonly mat: readonly number[];
  /** Vertical field of view, degrees. */
  readonly fovy: number;
};

/** A camera at `pos` looking at `target`; `up` must not be parallel to the view. */
export function lookAt(pos: Vec3, target: Vec3, fovy: number, up: Vec3 = [0, 0, 1]): Camera {
  const back = unit(sub(pos, target));
  const right = unit(cross(up, back));
  const above = cross(back, right);
  return {
    pos,
    mat: [right[0], above[0], back[0], right[1], above[1], back[1], right[2], above[2], back[2]],
    fovy,
  };
}

/**
 * The cameras of the world: `oblique` for policies (about 45° from the viewer's side), `top` for pick-and-place, `front` low from the viewer's
 * side, `side` from the left, `wide` shows the whole robot for people.
 */
export type CameraName = 'oblique' | 'top' | 'front' | 'side' | 'wide';
export const cameras: Readonly<Record<CameraName, Camera>> = {
  oblique: lookAt([0, -0.72, 0.66], [0, -0.005, 0.02], 36.5),
  top: lookAt([0, -0.001, 1.7], [0, 0, 0], 22.5, [0, 1, 0]),
  front: lookAt([0, -0.95, 0.3], [0, 0, 0.06], 34),
  side: lookAt([-0.95, -0.12, 0.34], [0, 0, 0.06], 34),
  wide: lookAt([0.66, -1.02, 0.86], [0.02, 0.1, 0.15], 37),
};

/** A camera by name; an unknown name is a `usage` error. */
export function cameraByName(name: string): Camera {
  const found = (cameras as Record<string, Camera>)[name];
  if (found) return found;
  throw new BowError('usage', unknownName('camera', name, Object.keys(cameras)), {
    hint: `cameras: ${Object.keys(cameras).join(', ')}`,
  });
}

/**
 * A camera that sees the spheres around all points, from an azimuth (−π/2 is the viewer's side) and an elevation.
 * `margin` is the share of the half image that stays free.
 */
export function framing(
  spheres: readonly { readonly at: Vec3; readonly radius: number }[],
  o: { azimuth: number; elevation: number; fovy: number; margin?: number; least?: number },
): Camera {
  const low: [number, number, number] = [1e9, 1e9, 1e9];
  const high: [number, number, number] = [-1e9, -1e9, -1e9];
  for (const s of spheres) {
    for (let i = 0; i < 3; i++) {
      low[i] = Math.min(low[i]!, s.at[i]! - s.radius);
      high[i] = Math.max(high[i]!, s.at[i]! + s.radius);
    }
  }
  const target: Vec3 = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, Math.max(0, low[2] + high[2]) / 2];
  let reach = o.least ?? 0.1;
  for (const s of spheres) {
    const d = sub(s.at, target);
    reach = Math.max(reach, length(d[0], d[1], d[2]) + s.radius);
  }
  const away = reach / ((1 - (o.margin ?? 0.1)) * tan((o.fovy * Math.PI) / 360));
  const c = cos(o.elevation) * away;
  const pos: Vec3 = [
    target[0] + c * cos(o.azimuth),
    target[1] + c * sin(o.azimuth),
    target[2] + away * sin(o.elevation),
  ];
  return lookAt(pos, target, o.fovy);
}

/** Pixel (column, row, not rounded) of a point of the world in a square image, or undefined behind the camera. */
export function project(camera: Camera, p: Vec3, width: number, height: number): readonly [number, number] | undefined {
  const d = sub(p, camera.pos);
  const m = camera.mat;
  const depth = -(m[2]! * d[0] + m[5]! * d[1] + m[8]! * d[2]);
  if (depth < 1e-6) return undefined;
  const f = (0.5 * height) / tan((camera.fovy * Math.PI) / 360);
  const u = m[0]! * d[0] + m[3]! * d[1] + m[6]! * d[2];
  const v = m[1]! * d[0] + m[4]! * d[1] + m[7]! * d[2];
  return [width / 2 + (f * u) / depth, height / 2 - (f * v) / depth];
}
