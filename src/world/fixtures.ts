/** What is fixed to the table: drawer, cabinet, button, nail in a board, socket for a peg, shelf. Frame as in `catalogue.ts`; the front is −y. */
import { box, capsule, cylinder, type Geom, geom } from './geometry.ts';
import { quatAbout, type Vec3 } from './math.ts';
import type { ObjectModel } from './object-model.ts';
import type { Rgb } from './vocabulary.ts';

type FixtureKind = 'drawer' | 'cabinet' | 'button' | 'nail' | 'socket' | 'shelf';

const BODY: Rgb = [0.5, 0.34, 0.2];
const PALE: Rgb = [0.82, 0.7, 0.52];
const DARK: Rgb = [0.13, 0.13, 0.15];
const STEEL: Rgb = [0.7, 0.72, 0.76];
const ALONG_X = quatAbout([0, 1, 0], Math.PI / 2);
const ALONG_Y = quatAbout([1, 0, 0], Math.PI / 2);

function fixture(o: Pick<ObjectModel, 'geoms' | 'rest' | 'top' | 'radius'> & Partial<ObjectModel>): ObjectModel {
  return {
    mass: 1,
    symmetry: 2 * Math.PI,
    suction: [0, 0, o.top],
    grip: { at: [0, 0, 0], width: 0.02, along: 'y' },
    platform: 0,
    steady: true,
    fixed: true,
    ...o,
  };
}

/** A box open to the front made of five boards of thickness `t` around the inner half sizes. */
function carcass(x: number, y: number, h: number, t: number): Geom[] {
  const board = (part: string, size: Vec3, at: Vec3) => geom(part, box(...size), { at, colour: BODY });
  return [
    board('floor', [x, y, t], [0, 0, -h + t]),
    board('top', [x, y, t], [0, 0, h - t]),
    board('side', [t, y, h], [-x + t, 0, 0]),
    board('side', [t, y, h], [x - t, 0, 0]),
    board('back', [x, t, h], [0, y - t, 0]),
  ];
}

function drawer(): ObjectModel {
  const [x, y, h] = [0.085, 0.075, 0.042];
  const [ix, iy, ih] = [x - 0.009, y - 0.006, 0.027];
  const front = -iy - 0.006;
  const bar = (at: Vec3, half: number, quat: typeof ALONG_X) =>
    geom('handle', capsule(0.006, half), { at, quat, colour: DARK, weight: 0.1 });
  return fixture({
    geoms: carcass(x, y, h, 0.004),
    rest: h,
    top: h,
    radius: 0.114,
    platform: 0.07,
    grip: { at: [0, front - 0.036, 0], width: 0.012, along: 'y' },
    cavity: { radius: 0.045, floor: -0.025 },
    moving: {
      joint: 'slide',
      pos: [0, 0, 0],
      axis: [0, -1, 0],
      range: [0, 0.11],
      friction: 0.4,
      damping: 3,
      spring: 0,
      geoms: [
        geom('drawer', box(ix, iy, 0.003), { at: [0, 0, -ih], colour: PALE }),
        geom('drawer', box(0.003, iy, ih - 0.006), { at: [-ix + 0.003, 0, -0.004], colour: PALE }),
        geom('drawer', box(0.003, iy, ih - 0.006), { at: [ix - 0.003, 0, -0.004], colour: PALE }),
        geom('drawer', box(ix, 0.003, ih - 0.006), { at: [0, iy - 0.003, -0.004], colour: PALE }),
        geom('front', box(x - 0.003, 0.005, h - 0.005), { at: [0, front, 0] }),
        bar([0, front - 0.036, 0], 0.028, ALONG_X),
        bar([-0.028, front - 0.02, 0], 0.015, ALONG_Y),
        bar([0.028, front - 0.02, 0], 0.015, ALONG_Y),
      ],
    },
  });
}

function cabinet(): ObjectModel {
  const [x, y, h] = [0.08, 0.06, 0.06];
  return fixture({
    geoms: carcass(x, y, h, 0.004),
    rest: h,
    top: h,
    radius: 0.1,
    platform: 0.06,
    grip: { at: [x - 0.02, -y - 0.03, 0], width: 0.012, along: 'x' },
    cavity: { radius: 0.05, floor: -h + 0.008 },
    moving: {
      joint: 'hinge',
      pos: [-x, -y - 0.004, 0],
      axis: [0, 0, -1],
      range: [0, 1.75],
      friction: 0.01,
      damping: 0.05,
      spring: 0,
      geoms: [
        geom('door', box(x - 0.001, 0.004, h - 0.002), { at: [x, 0, 0] }),
        geom('handle', capsule(0.006, 0.02), { at: [2 * x - 0.02, -0.026, 0], colour: DARK, weight: 0.1 }),
        geom('handle', capsule(0.004, 0.01), {
          at: [2 * x - 0.02, -0.014, 0],
          quat: ALONG_Y,
          colour: DARK,
          weight: 0.1,
        }),
      ],
    },
  });
}

function button(): ObjectModel {
  return fixture({
    geoms: [geom('base', box(0.036, 0.036, 0.012), { colour: DARK })],
    rest: 0.012,
    top: 0.03,
    radius: 0.051,
    moving: {
      joint: 'slide',
      pos: [0, 0, 0.022],
      axis: [0, 0, -1],
      range: [0, 0.01],
      friction: 0.05,
      damping: 2,
      spring: 150,
      geoms: [geom('cap', cylinder(0.024, 0.009), { weight: 0.5 })],
    },
  });
}

/** The board's top is at `top − NAIL_TRAVEL − 0.008`; the nail starts NAIL_TRAVEL above flush. */
function nail(): ObjectModel {
  const board = 0.02;
  return fixture({
    geoms: [geom('board', box(0.05, 0.05, board), { colour: PALE })],
    rest: board,
    top: board + 0.033,
    radius: 0.071,
    moving: {
      joint: 'slide',
      pos: [0, 0, board + 0.028],
      axis: [0, 0, -1],
      range: [0, 0.025],
      friction: 2.5,
      damping: 8,
      spring: 0,
      geoms: [
        geom('head', cylinder(0.012, 0.0035), { at: [0, 0, 0.001], colour: STEEL, weight: 0.1 }),
        geom('shaft', cylinder(0.004, 0.016), { at: [0, 0, -0.016], colour: STEEL, weight: 0.1, collides: false }),
      ],
    },
  });
}

/** A block with a square hole of 34 mm for a peg of 26 mm: 4 mm of play on each side. */
function socket(): ObjectModel {
  const [outer, inner, h] = [0.045, 0.017, 0.022];
  const [middle, half] = [(outer + inner) / 2, (outer - inner) / 2];
  return fixture({
    geoms: [
      geom('block', box(half, outer, h), { at: [middle, 0, 0] }),
      geom('block', box(half, outer, h), { at: [-middle, 0, 0] }),
      geom('block', box(inner, half, h), { at: [0, middle, 0] }),
      geom('block', box(inner, half, h), { at: [0, -middle, 0] }),
      geom('hole', box(inner, inner, 0.001), { at: [0, 0, -h + 0.001], colour: DARK, collides: false }),
    ],
    rest: h,
    top: h,
    radius: 0.064,
    cavity: { radius: inner, floor: -h },
  });
}

function shelf(): ObjectModel {
  const [x, y, h, t] = [0.1, 0.06, 0.05, 0.004];
  return fixture({
    geoms: [
      geom('board', box(x, y, t), { at: [0, 0, h - t] }),
      geom('side', box(t, y, h), { at: [x - t, 0, 0], colour: BODY }),
      geom('side', box(t, y, h), { at: [-x + t, 0, 0], colour: BODY }),
    ],
    rest: h,
    top: h,
    radius: 0.117,
    platform: 0.055,
  });
}

/** Models of the fixtures; they come in one size. */
export const fixtureModels: Record<FixtureKind, () => ObjectModel> = { drawer, cabinet, button, nail, socket, shelf };
