/** What every kind of movable object is made of. Fixtures are in `fixtures.ts`; both are reached through {@link modelOf}.
 * Over the usual length: a table of shapes, one entry per kind. */
import { BowError } from '../base/index.ts';
import { fixtureModels } from './fixtures.ts';
import { box, capsule, cylinder, ellipsoid, geom, prism, shell, sphere } from './geometry.ts';
import { cos, length, quatAbout, sin } from './math.ts';
import type { ObjectModel } from './object-model.ts';
import { type Kind, kinds, type Rgb, SIZES, type Size } from './vocabulary.ts';

type Build = (k: number) => ObjectModel;

const STEEL: Rgb = [0.66, 0.68, 0.72];
const DARK: Rgb = [0.14, 0.14, 0.16];

/** Fills in what most kinds share. */
function model(o: Partial<ObjectModel> & Pick<ObjectModel, 'geoms' | 'rest' | 'top' | 'radius' | 'mass'>): ObjectModel {
  return {
    symmetry: 0,
    suction: [0, 0, o.top],
    grip: { at: [0, 0, 0], width: 2 * o.radius, along: 'y' },
    platform: 0,
    steady: true,
    fixed: false,
    ...o,
  };
}

/** A regular star or polygon: `points` tips at radius `outer`, the notches between at `inner`. */
function starPolygon(points: number, outer: number, inner: number): number[] {
  const xy: number[] = [];
  for (let i = 0; i < 2 * points; i++) {
    const a = (Math.PI * i) / points + Math.PI / 2;
    const r = i % 2 === 0 ? outer : inner;
    xy.push(r * cos(a), r * sin(a));
  }
  return xy;
}

function trianglePolygon(radius: number): number[] {
  const xy: number[] = [];
  for (let i = 0; i < 3; i++) {
    const a = (2 * Math.PI * i) / 3 + Math.PI / 2;
    xy.push(radius * cos(a), radius * sin(a));
  }
  return xy;
}

const blocks: Record<'cube' | 'cylinder' | 'triangle' | 'l-block' | 'star' | 'ring' | 'ball' | 'bead', Build> = {
  cube: (k) => {
    const h = 0.025 * k;
    return model({
      geoms: [geom('body', box(h, h, h))],
      rest: h,
      top: h,
      radius: h * Math.SQRT2,
      mass: 0.05,
      symmetry: Math.PI / 2,
      grip: { at: [0, 0, 0], width: 2 * h, along: 'y' },
      platform: h,
    });
  },
  cylinder: (k) => {
    const [r, h] = [0.024 * k, 0.03 * k];
    return model({ geoms: [geom('body', cylinder(r, h))], rest: h, top: h, radius: r, mass: 0.05, platform: r });
  },
  triangle: (k) => {
    const [r, h] = [0.036 * k, 0.022 * k];
    return model({
      geoms: [geom('body', prism(trianglePolygon(r), h))],
      rest: h,
      top: h,
      radius: r,
      mass: 0.05,
      symmetry: (2 * Math.PI) / 3,
      grip: { at: [0, -r / 8, 0], width: 1.3 * r, along: 'x' },
      platform: r / 2,
    });
  },
  'l-block': (k) => {
    const [s, h] = [0.016 * k, 0.02 * k];
    const polygon = [-2 * s, -2 * s, 2 * s, -2 * s, 2 * s, 0, 0, 0, 0, 2 * s, -2 * s, 2 * s];
    return model({
      geoms: [geom('body', prism(polygon, h))],
      rest: h,
      top: h,
      radius: 2.83 * s,
      mass: 0.05,
      symmetry: 2 * Math.PI,
      suction: [-s, -s, h],
      grip: { at: [-s, 0.6 * s, 0], width: 2 * s, along: 'x' },
      platform: s,
    });
  },
  star: (k) => {
    const [r, h] = [0.04 * k, 0.018 * k];
    return model({
      geoms: [geom('body', prism(starPolygon(5, r, 0.45 * r), h))],
      rest: h,
      top: h,
      radius: r,
      mass: 0.05,
      symmetry: (2 * Math.PI) / 5,
      grip: { at: [0, 0, 0], width: 1.2 * r, along: 'x' },
      platform: 0.45 * r,
    });
  },
  ring: (k) => {
    const [r, h, wall] = [0.037 * k, 0.014 * k, 0.014 * k];
    return model({
      geoms: [geom('body', shell(r, r, h, wall))],
      rest: h,
      top: h,
      radius: r,
      mass: 0.04,
      suction: [r - wall / 2, 0, h],
      grip: { at: [r - wall / 2, 0, 0], width: wall, along: 'x' },
    });
  },
  bead: (k) => {
    const r = 0.009 * k;
    return model({ geoms: [geom('body', sphere(r))], rest: r, top: r, radius: r, mass: 0.004, steady: false });
  },
  ball: (k) => {
    const r = 0.026 * k;
    return model({ geoms: [geom('body', sphere(r))], rest: r, top: r, radius: r, mass: 0.04, steady: false });
  },
};

const receptacles: Record<'bowl' | 'plate' | 'tray', Build> = {
  bowl: (k) => {
    const [bottom, top, h, wall] = [0.056 * k, 0.08 * k, 0.026 * k, 0.005];
    return model({
      geoms: [
        geom('rim', shell(bottom, top, h, wall), { weight: 0.7 }),
        geom('floor', cylinder(bottom - 0.001, 0.004), { at: [0, 0, -h + 0.004], weight: 0.3 }),
      ],
      rest: h,
      top: h,
      radius: top,
      mass: 0.3,
      suction: [0, 0, -h + 0.008],
      grip: { at: [0.5 * (top + bottom), 0, h - 0.012], width: wall, along: 'x' },
      cavity: { radius: 0.5 * (top + bottom), floor: -h + 0.008 },
    });
  },
  plate: (k) => {
    const [bottom, top, h] = [0.06 * k, 0.088 * k, 0.009 * k];
    return model({
      geoms: [
        geom('rim', shell(bottom, top, h, 0.006), { weight: 0.5 }),
        geom('floor', cylinder(bottom, 0.003), { at: [0, 0, -h + 0.003], weight: 0.5 }),
      ],
      rest: h,
      top: h,
      radius: top,
      mass: 0.3,
      suction: [0, 0, -h + 0.006],
      grip: { at: [0.5 * (top + bottom), 0, 0], width: 0.01, along: 'x' },
      cavity: { radius: 0.95 * bottom, floor: -h + 0.006 },
    });
  },
  tray: (k) => {
    const [x, y, h, w] = [0.105 * k, 0.08 * k, 0.012 * k, 0.004];
    const walls = [1, -1].flatMap((s) => [
      geom('rim', box(w, y, h), { at: [s * (x - w), 0, 0], weight: 0.1 }),
      geom('rim', box(x, w, h), { at: [0, s * (y - w), 0], weight: 0.1 }),
    ]);
    return model({
      geoms: [geom('floor', box(x, y, 0.003), { at: [0, 0, -h + 0.003], weight: 0.6 }), ...walls],
      rest: h,
      top: h,
      radius: length(x, y),
      mass: 0.35,
      symmetry: Math.PI,
      suction: [0, 0, -h + 0.006],
      grip: { at: [x - w, 0, 0], width: 2 * w, along: 'x' },
      cavity: { radius: y - 2 * w, floor: -h + 0.006 },
    });
  },
};

const SIDEWAYS = quatAbout([1, 0, 0], Math.PI / 2); // z axis → −y
const ALONG_X = quatAbout([0, 1, 0], Math.PI / 2); // z axis → x

const household: Record<'cup' | 'bottle' | 'can' | 'apple' | 'spoon' | 'sponge' | 'key' | 'lid', Build> = {
  cup: (k) => {
    const [bottom, top, h, wall] = [0.029 * k, 0.034 * k, 0.036 * k, 0.004];
    return model({
      geoms: [
        geom('rim', shell(bottom, top, h, wall), { weight: 0.7 }),
        geom('body', cylinder(bottom - 0.001, 0.004), { at: [0, 0, -h + 0.004], weight: 0.3 }),
        geom('handle', shell(0.02 * k, 0.02 * k, 0.005 * k, 0.007 * k), {
          at: [0.042 * k, 0, 0],
          quat: SIDEWAYS,
          weight: 0.1,
        }),
      ],
      rest: h,
      top: h,
      radius: top + 0.026 * k,
      mass: 0.08,
      symmetry: 2 * Math.PI,
      suction: [0, 0, -h + 0.008],
      grip: { at: [0, 0, 0.3 * h], width: 2 * top, along: 'y' },
      cavity: { radius: bottom - wall, floor: -h + 0.008 },
    });
  },
  bottle: (k) => {
    const [r, h] = [0.024 * k, 0.036 * k];
    return model({
      geoms: [
        geom('body', cylinder(r, h), { weight: 0.8 }),
        geom('neck', shell(r, 0.45 * r, 0.009 * k, 0.01 * k), { at: [0, 0, h + 0.009 * k], weight: 0.1 }),
        geom('neck', cylinder(0.45 * r, 0.01 * k), { at: [0, 0, h + 0.022 * k], weight: 0.1 }),
        geom('cap', cylinder(0.58 * r, 0.006 * k), { at: [0, 0, h + 0.036 * k], colour: DARK, weight: 0.05 }),
      ],
      rest: h,
      top: h + 0.042 * k,
      radius: r,
      mass: 0.08,
      grip: { at: [0, 0, 0], width: 2 * r, along: 'y' },
    });
  },
  can: (k) => {
    const [r, h] = [0.026 * k, 0.038 * k];
    return model({
      geoms: [geom('body', cylinder(r, 0.9 * h)), geom('lid', cylinder(0.92 * r, h), { colour: STEEL, weight: 0.1 })],
      rest: h,
      top: h,
      radius: r,
      mass: 0.07,
      platform: 0.9 * r,
      grip: { at: [0, 0, 0], width: 2 * r, along: 'y' },
    });
  },
  apple: (k) => {
    const r = 0.03 * k;
    return model({
      geoms: [
        geom('body', ellipsoid(r, r, 0.9 * r)),
        geom('stem', capsule(0.003 * k, 0.006 * k), {
          at: [0, 0, 0.98 * r],
          colour: [0.3, 0.18, 0.08],
          weight: 0.01,
          collides: false,
        }),
        geom('leaf', ellipsoid(0.011 * k, 0.005 * k, 0.002 * k), {
          at: [0.01 * k, 0, 1.08 * r],
          colour: [0.16, 0.5, 0.14],
          weight: 0.01,
          collides: false,
        }),
      ],
      rest: 0.9 * r,
      top: 0.9 * r,
      radius: r,
      mass: 0.06,
      steady: false,
    });
  },
  spoon: (k) => {
    const half = 0.042 * k;
    return model({
      geoms: [
        geom('handle', capsule(0.006 * k, half), { at: [-0.018 * k, 0, 0], quat: ALONG_X }),
        geom('bowl', ellipsoid(0.026 * k, 0.018 * k, 0.007 * k), { at: [0.042 * k, 0, 0.001 * k] }),
      ],
      rest: 0.006 * k,
      top: 0.006 * k,
      radius: 0.068 * k,
      mass: 0.03,
      symmetry: 2 * Math.PI,
      suction: [0, 0, 0.006 * k],
      grip: { at: [-0.01 * k, 0, 0], width: 0.012 * k, along: 'y' },
    });
  },
  sponge: (k) => {
    const [x, y, h] = [0.042 * k, 0.027 * k, 0.016 * k];
    return model({
      geoms: [
        geom('body', box(x, y, 0.7 * h), { at: [0, 0, 0.3 * h] }),
        geom('pad', box(x, y, 0.3 * h), { at: [0, 0, -0.7 * h], colour: [0.16, 0.34, 0.2], weight: 0.3 }),
      ],
      rest: h,
      top: h,
      radius: length(x, y),
      mass: 0.03,
      symmetry: Math.PI,
      grip: { at: [0, 0, 0], width: 2 * y, along: 'y' },
      platform: y,
    });
  },
  key: (k) => {
    const h = 0.006 * k;
    return model({
      geoms: [
        geom('head', shell(0.022 * k, 0.022 * k, h, 0.012 * k), { at: [-0.032 * k, 0, 0] }),
        geom('shaft', box(0.036 * k, 0.006 * k, h), { at: [0.024 * k, 0, 0] }),
        geom('teeth', box(0.005 * k, 0.007 * k, h), { at: [0.054 * k, -0.012 * k, 0], weight: 0.2 }),
        geom('teeth', box(0.005 * k, 0.007 * k, h), { at: [0.038 * k, -0.012 * k, 0], weight: 0.2 }),
      ],
      rest: h,
      top: h,
      radius: 0.06 * k,
      mass: 0.03,
      symmetry: 2 * Math.PI,
      suction: [0.012 * k, 0, h],
      grip: { at: [0.01 * k, 0, 0], width: 0.012 * k, along: 'y' },
    });
  },
  lid: (k) => {
    const [r, h] = [0.042 * k, 0.006 * k];
    return model({
      geoms: [
        geom('disc', cylinder(r, h)),
        geom('knob', cylinder(0.011 * k, 0.011 * k), { at: [0, 0, h + 0.011 * k], colour: DARK, weight: 0.2 }),
      ],
      rest: h,
      top: h + 0.022 * k,
      radius: r,
      mass: 0.04,
      grip: { at: [0, 0, h + 0.011 * k], width: 0.022 * k, along: 'y' },
    });
  },
};

const tools: Record<'hammer' | 'brush' | 'peg', Build> = {
  hammer: (k) => {
    const h = 0.013 * k;
    return model({
      geoms: [
        geom('handle', box(0.055 * k, 0.009 * k, 0.009 * k), { at: [-0.03 * k, 0, -0.009 * k] }),
        geom('head', cylinder(0.018 * k, 0.03 * k), {
          at: [0.042 * k, 0, 0],
          quat: SIDEWAYS,
          colour: STEEL,
          weight: 2,
        }),
      ],
      rest: h + 0.005 * k,
      top: h,
      radius: 0.09 * k,
      mass: 0.1,
      symmetry: 2 * Math.PI,
      suction: [-0.02 * k, 0, 0],
      grip: { at: [-0.02 * k, 0, -0.007 * k], width: 0.018 * k, along: 'y' },
    });
  },
  brush: (k) => {
    const h = 0.016 * k;
    return model({
      geoms: [
        geom('handle', box(0.05 * k, 0.009 * k, 0.007 * k), { at: [-0.035 * k, 0, -0.009 * k] }),
        geom('head', box(0.012 * k, 0.04 * k, 0.007 * k), { at: [0.026 * k, 0, 0.006 * k] }),
        geom('bristles', box(0.009 * k, 0.037 * k, 0.008 * k), {
          at: [0.026 * k, 0, -0.008 * k],
          colour: DARK,
          weight: 0.4,
        }),
      ],
      rest: h,
      top: h,
      radius: 0.09 * k,
      mass: 0.06,
      symmetry: 2 * Math.PI,
      suction: [-0.02 * k, 0, -0.002 * k],
      grip: { at: [-0.03 * k, 0, -0.007 * k], width: 0.018 * k, along: 'y' },
    });
  },
  peg: (k) => {
    const [r, h] = [0.013 * k, 0.042 * k];
    return model({
      geoms: [
        geom('shaft', cylinder(r, h)),
        geom('head', cylinder(1.5 * r, 0.007 * k), { at: [0, 0, h - 0.007 * k], colour: DARK, weight: 0.2 }),
      ],
      rest: h,
      top: h,
      radius: 1.5 * r,
      mass: 0.05,
      grip: { at: [0, 0, 0.5 * h], width: 2 * r, along: 'y' },
    });
  },
};

const builds: Record<Kind, Build> = { ...blocks, ...receptacles, ...household, ...tools, ...fixtureModels };

const cache = new Map<string, ObjectModel>();

/** The model of a kind in a size; the same object for the same arguments. An unknown kind is a `data` error. */
export function modelOf(kind: Kind, size: Size): ObjectModel {
  const key = `${kind}/${size}`;
  const known = cache.get(key);
  if (known) return known;
  if (!(kind in builds)) {
    throw new BowError('data', `there is no kind of object "${kind}"`, { hint: `kinds: ${kinds.join(', ')}` });
  }
  const built = builds[kind](SIZES[size]);
  cache.set(key, built);
  return built;
}
