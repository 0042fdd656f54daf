/** Solids that the ray caster and the physics share. Everything on the table is built from these eight. */
import { IDENTITY, type Quat, type Vec3 } from './math.ts';
import type { Rgb } from './vocabulary.ts';

/**
 * A solid in the frame of its body, lengths in metres:
 * `box` half sizes · `sphere` radius · `capsule` and `cylinder` radius, half length along z · `ellipsoid` half axes ·
 * `prism` a polygon (counter-clockwise, x y pairs) extruded to ± half height · `shell` a hollow frustum: outer radius below and above, half height, wall.
 */
export type Solid =
  | { readonly solid: 'box'; readonly size: Vec3 }
  | { readonly solid: 'sphere'; readonly radius: number }
  | { readonly solid: 'capsule' | 'cylinder'; readonly radius: number; readonly half: number }
  | { readonly solid: 'ellipsoid'; readonly size: Vec3 }
  | { readonly solid: 'prism'; readonly polygon: readonly number[]; readonly half: number }
  | {
      readonly solid: 'shell';
      readonly bottom: number;
      readonly top: number;
      readonly half: number;
      readonly wall: number;
    };

/** One solid with its place, part name, look and weight. */
export type Geom = Solid & {
  readonly part: string;
  readonly pos: Vec3;
  readonly quat: Quat;
  /** `main`: the colour of the object; else a fixed one. */
  readonly colour: 'main' | Rgb;
  /** Share of the object's mass; shares need not sum to 1. */
  readonly weight: number;
  /** False for pure decoration. */
  readonly collides: boolean;
};

type GeomOptions = {
  at?: Vec3;
  quat?: Quat;
  colour?: 'main' | Rgb;
  weight?: number;
  collides?: boolean;
};

/** A geom with the usual defaults: upright at the origin, main colour, colliding. */
export function geom(part: string, solid: Solid, o: GeomOptions = {}): Geom {
  return {
    ...solid,
    part,
    pos: o.at ?? [0, 0, 0],
    quat: o.quat ?? IDENTITY,
    colour: o.colour ?? 'main',
    weight: o.weight ?? 1,
    collides: o.collides ?? true,
  };
}

export const box = (x: number, y: number, z: number): Solid => ({ solid: 'box', size: [x, y, z] });
export const sphere = (radius: number): Solid => ({ solid: 'sphere', radius });
export const capsule = (radius: number, half: number): Solid => ({ solid: 'capsule', radius, half });
export const cylinder = (radius: number, half: number): Solid => ({ solid: 'cylinder', radius, half });
export const ellipsoid = (x: number, y: number, z: number): Solid => ({ solid: 'ellipsoid', size: [x, y, z] });
export const prism = (polygon: readonly number[], half: number): Solid => ({ solid: 'prism', polygon, half });
export const shell = (bottom: number, top: number, half: number, wall: number): Solid => ({
  solid: 'shell',
  bottom,
  top,
  half,
  wall,
});

/** Half sizes of the smallest upright box around a solid, in the solid's own frame. */
export function halfExtents(g: Solid): Vec3 {
  switch (g.solid) {
    case 'box':
    case 'ellipsoid':
      return g.size;
    case 'sphere':
      return [g.radius, g.radius, g.radius];
    case 'capsule':
      return [g.radius, g.radius, g.half + g.radius];
    case 'cylinder':
      return [g.radius, g.radius, g.half];
    case 'prism': {
      let x = 0;
      let y = 0;
      for (let i = 0; i < g.polygon.length; i += 2) {
        x = Math.max(x, Math.abs(g.polygon[i]!));
        y = Math.max(y, Math.abs(g.polygon[i + 1]!));
      }
      return [x, y, g.half];
    }
    case 'shell': {
      const r = Math.max(g.bottom, g.top);
      return [r, r, g.half];
    }
  }
}
