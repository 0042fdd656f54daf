/** The facts about one kind of object that scenes, physics, skills and language share. */
import type { Geom } from './geometry.ts';
import type { Vec3 } from './math.ts';

/** A part that moves against the rest of a fixture on one joint. */
export type MovingPart = {
  readonly joint: 'slide' | 'hinge';
  /** Where its frame sits in the object's frame. */
  readonly pos: Vec3;
  /** Direction of the slide or axis of the hinge. */
  readonly axis: Vec3;
  /** Travel from closed to open, metres or radians. */
  readonly range: readonly [number, number];
  /** Dry friction (N or N m), damping, and a spring back to `range[0]`. */
  readonly friction: number;
  readonly damping: number;
  readonly spring: number;
  readonly geoms: readonly Geom[];
};

/** Shape, weight and handling facts of one kind in one size. Frame: origin at the middle, z up when at rest. */
export type ObjectModel = {
  readonly geoms: readonly Geom[];
  readonly moving?: MovingPart;
  /** Height of the origin above what the object rests on, and of the top above the origin (metres). */
  readonly rest: number;
  readonly top: number;
  /** Radius of the circle around the footprint. */
  readonly radius: number;
  /** Kilograms. */
  readonly mass: number;
  /** The object looks the same after a turn by this many radians; 0 for round things. */
  readonly symmetry: number;
  /** A flat spot on top for a suction cup, in the object's frame. */
  readonly suction: Vec3;
  /** Where a parallel gripper closes: centre, width between the fingers, and whether they close along the object's x or y. */
  readonly grip: { readonly at: Vec3; readonly width: number; readonly along: 'x' | 'y' };
  /** Radius and floor height (object frame) of a hollow that holds things. */
  readonly cavity?: { readonly radius: number; readonly floor: number };
  /** Radius of the flat top on which others can be stacked; 0 when none. */
  readonly platform: number;
  /** Stands firmly where it is put; false for things that roll. */
  readonly steady: boolean;
  readonly fixed: boolean;
};
