/** A scene as data: which objects stand where, on which table, under which light. JSON in, JSON out. */
import { z } from 'zod';
import { BowError, unknownName } from '../base/index.ts';
import { modelOf } from './catalogue.ts';
import { compose, length, type Pose, type Quat, quatAbout, quatYaw, type Vec3 } from './math.ts';
import type { ObjectModel } from './object-model.ts';
import { COLOURS, type Colour, type Kind, NOUNS, type Pattern, patterns, SIZES, type Size } from './vocabulary.ts';

/** An object of a scene with its present pose. */
export type SceneObject = {
  /** Unique in the scene; says nothing about the object to a model. */
  readonly id: string;
  readonly kind: Kind;
  readonly colour: Colour;
  readonly pattern: Pattern;
  readonly size: Size;
  /** Of the object's middle, in metres; the table's top is z = 0, x to the right, y away from the viewer. */
  readonly pose: Pose;
  /** Position of the moving part, metres or radians; 0 closed. 0 for objects without one. */
  readonly joint: number;
};

/** Looks of table, floor and backdrop. */
export const themes = ['oak', 'walnut', 'marble', 'slate', 'green cloth', 'blue cloth', 'sand', 'workshop'] as const;
export type Theme = (typeof themes)[number];

/** A tabletop with everything on it. */
export type Scene = {
  readonly objects: readonly SceneObject[];
  readonly theme: Theme;
  /** Direction to the sun: azimuth from +x counter-clockwise and elevation, radians. */
  readonly light: { readonly azimuth: number; readonly elevation: number };
};

/** The work area: 0.6 m from left to right, 0.5 m deep, centred on the origin (tabletop-world §2). */
export const WORKSPACE = { halfX: 0.3, halfY: 0.25 } as const;
export const defaultLight = { azimuth: -0.91, elevation: 1.03 } as const;

export function modelOfObject(o: Pick<SceneObject, 'kind' | 'size'>): ObjectModel {
  return modelOf(o.kind, o.size);
}

/** An object standing on the table (or at `z` above it) with a yaw. */
export function standing(
  id: string,
  look: { kind: Kind; colour: Colour; pattern?: Pattern; size?: Size },
  place: { x: number; y: number; yaw?: number; z?: number },
): SceneObject {
  const size = look.size ?? 'medium';
  return {
    id,
    kind: look.kind,
    colour: look.colour,
    pattern: look.pattern ?? 'plain',
    size,
    pose: { pos: [place.x, place.y, (place.z ?? 0) + modelOf(look.kind, size).rest], quat: quatYaw(place.yaw ?? 0) },
    joint: 0,
  };
}

/** Pose of the moving part of an object, or undefined when it has none. */
export function movingPose(o: SceneObject): Pose | undefined {
  const m = modelOfObject(o).moving;
  if (!m) return undefined;
  const local: Pose =
    m.joint === 'slide'
      ? {
          pos: [m.pos[0] + m.axis[0] * o.joint, m.pos[1] + m.axis[1] * o.joint, m.pos[2] + m.axis[2] * o.joint],
          quat: [1, 0, 0, 0],
        }
      : { pos: m.pos, quat: quatAbout(m.axis, o.joint) };
  return compose(o.pose, local);
}

/** Height above the table of the object's lowest and highest point when upright. */
export function spanOf(o: SceneObject): { readonly low: number; readonly high: number } {
  const m = modelOfObject(o);
  return { low: o.pose.pos[2] - m.rest, high: o.pose.pos[2] + m.top };
}

const vec3 = z.tuple([z.number(), z.number(), z.number()]);
const schema = z.strictObject({
  objects: z
    .array(
      z.strictObject({
        id: z.string().min(1),
        kind: z.string(),
        colour: z.string(),
        pattern: z.enum(patterns).default('plain'),
        size: z.enum(Object.keys(SIZES) as [Size, ...Size[]]).default('medium'),
        pose: z.strictObject({ pos: vec3, quat: z.tuple([z.number(), z.number(), z.number(), z.number()]) }).optional(),
        at: z.tuple([z.number(), z.number()]).optional(),
        yaw: z.number().optional(),
        joint: z.number().default(0),
      }),
    )
    .max(24),
  theme: z.enum(themes).default('oak'),
  light: z.strictObject({ azimuth: z.number(), elevation: z.number().min(0.2).max(1.58) }).default(defaultLight),
});

/**
 * Reads a scene from parsed JSON. An object has a full `pose`, or `at: [x, y]` and `yaw` to stand on the table.
 * Unknown kinds and colours, objects off the table, and objects inside one another are `data` errors.
 */
export function readScene(value: unknown): Scene {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new BowError('data', `not a scene: ${issue.message}`, { place: issue.path.join('.') || 'scene' });
  }
  const objects = parsed.data.objects.map((o, i): SceneObject => {
    const place = `objects.${i}`;
    if (!(o.kind in NOUNS)) throw new BowError('data', unknownName('kind', o.kind, Object.keys(NOUNS)), { place });
    if (!(o.colour in COLOURS)) {
      throw new BowError('data', unknownName('colour', o.colour, Object.keys(COLOURS)), { place });
    }
    const look = { kind: o.kind as Kind, colour: o.colour as Colour, pattern: o.pattern, size: o.size };
    if (o.pose)
      return { id: o.id, ...look, pose: { pos: o.pose.pos, quat: unitQuat(o.pose.quat, place) }, joint: o.joint };
    if (!o.at) throw new BowError('data', 'an object needs "pose" or "at"', { place });
    return { ...standing(o.id, look, { x: o.at[0], y: o.at[1], yaw: o.yaw ?? 0 }), joint: o.joint };
  });
  const scene: Scene = { objects, theme: parsed.data.theme, light: parsed.data.light };
  checkScene(scene);
  return scene;
}

function unitQuat(q: Quat, place: string): Quat {
  const n = Math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  if (!(n > 1e-6)) throw new BowError('data', 'a pose needs a quaternion that is not zero', { place });
  if (Math.abs(n - 1) < 1e-9) return q; // keeps the bits of scenes that were written by us
  return [q[0] / n, q[1] / n, q[2] / n, q[3] / n];
}

/** Throws a `data` error for scenes that cannot exist: repeated ids, objects off the table, two solid things in one place. */
export function checkScene(scene: Scene): void {
  const ids = new Set<string>();
  for (const o of scene.objects) {
    if (ids.has(o.id)) throw new BowError('data', `two objects are called "${o.id}"`, { place: 'objects' });
    ids.add(o.id);
    const [x, y, z0] = o.pose.pos;
    if (![x, y, z0, o.joint].every(Number.isFinite))
      throw new BowError('data', 'a pose is not finite', { place: o.id });
    if (Math.abs(x) > WORKSPACE.halfX || Math.abs(y) > WORKSPACE.halfY || spanOf(o).low < -0.002) {
      throw new BowError('data', `"${o.id}" is not on the table`, {
        place: o.id,
        detail: { position: [x, y, z0], limits: [WORKSPACE.halfX, WORKSPACE.halfY] },
      });
    }
    const range = modelOfObject(o).moving?.range ?? [0, 0];
    if (o.joint < range[0] - 1e-6 || o.joint > range[1] + 1e-6) {
      throw new BowError('data', `"${o.id}" is open by ${o.joint}, outside ${range[0]} to ${range[1]}`, {
        place: o.id,
      });
    }
  }
  for (const [i, a] of scene.objects.entries()) {
    for (const b of scene.objects.slice(i + 1)) {
      if (overlap(a, b)) {
        throw new BowError('data', `"${a.id}" and "${b.id}" are in the same place`, { hint: 'move one of them' });
      }
    }
  }
}

/** True when two upright objects certainly share space: inner circles and height spans both meet, and neither holds the other. */
function overlap(a: SceneObject, b: SceneObject): boolean {
  const [ma, mb] = [modelOfObject(a), modelOfObject(b)];
  if (ma.cavity || mb.cavity) return false;
  const apart = length(a.pose.pos[0] - b.pose.pos[0], a.pose.pos[1] - b.pose.pos[1]);
  const [sa, sb] = [spanOf(a), spanOf(b)];
  const high = Math.min(sa.high, sb.high) - Math.max(sa.low, sb.low);
  return apart < 0.5 * (ma.radius + mb.radius) && high > 0.004;
}

/** A point of an object's frame in the world. */
export function pointOf(o: SceneObject, local: Vec3): Vec3 {
  return compose(o.pose, { pos: local, quat: [1, 0, 0, 0] }).pos;
}

/** The object with an id; a `data` error names the ones there are. */
export function objectById(scene: Pick<Scene, 'objects'>, id: string): SceneObject {
  const found = scene.objects.find((o) => o.id === id);
  if (found) return found;
  throw new BowError(
    'data',
    unknownName(
      'object',
      id,
      scene.objects.map((o) => o.id),
    ),
    {
      hint: `the scene has ${scene.objects.map((o) => o.id).join(', ') || 'no objects'}`,
    },
  );
}
