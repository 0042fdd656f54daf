/** The small world of the ALBEF insight: drawings of two plain shapes beside each other, and captions that are right or wrong in one respect. */
import { Rng } from '../base/index.ts';
import type { RgbImage } from '../capabilities/index.ts';
import type { ImageTextPairs } from '../data/index.ts';

const colours = {
  red: [220, 30, 30],
  green: [30, 170, 60],
  blue: [40, 70, 220],
  yellow: [235, 210, 40],
  purple: [150, 50, 170],
  black: [20, 20, 20],
} as const;
type Colour = keyof typeof colours;
const colourNames = Object.keys(colours) as Colour[];

/** Whether a shape covers a point, relative to its middle and half its size. */
const shapes = {
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  disc: (x: number, y: number) => Math.hypot(x, y) <= 1,
  cross: (x: number, y: number) =>
    Math.max(Math.abs(x), Math.abs(y)) <= 1 && Math.min(Math.abs(x), Math.abs(y)) <= 0.34,
  ring: (x: number, y: number) => Math.hypot(x, y) <= 1 && Math.hypot(x, y) >= 0.55,
} as const;
type Shape = keyof typeof shapes;
const shapeNames = Object.keys(shapes) as Shape[];

/** Pixels a side. */
export const SIDE = 24;

type Look = { readonly colour: Colour; readonly shape: Shape };

/** Two things that differ in colour and in shape. */
export type Drawing = readonly [Look, Look];

const named = ({ colour, shape }: Look): string => `a ${colour} ${shape}`;
const captionOf = (drawing: readonly Look[]): string => drawing.map(named).join(' and ');
/** What a drawing holds, whatever its order. */
const contentOf = (drawing: Drawing): string => drawing.map(named).sort().join(' and ');

function drawingOf(rng: Rng): Drawing {
  const [c, s] = [rng.shuffle([...colourNames]), rng.shuffle([...shapeNames])];
  return [
    { colour: c[0]!, shape: s[0]! },
    { colour: c[1]!, shape: s[1]! },
  ];
}

function rendered(drawing: Drawing, rng: Rng): RgbImage {
  const ground = rng.uniform(170, 250);
  const data = new Uint8Array(3 * SIDE * SIDE);
  const swap = rng.float() < 0.5 ? 1 : 0; // either stands on the left
  const placed = drawing.map((look, i) => ({
    ...look,
    x: SIDE * (0.27 + 0.46 * (i ^ swap)) + rng.uniform(-1, 1),
    y: SIDE * 0.5 + rng.uniform(-5, 5),
    radius: rng.uniform(3.6, 5),
  }));
  for (let i = 0; i < SIDE * SIDE; i++) {
    const [px, py] = [(i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5];
    const hit = placed.find((o) => shapes[o.shape]((px - o.x) / o.radius, (py - o.y) / o.radius));
    for (let k = 0; k < 3; k++) {
      const value = (hit ? colours[hit.colour][k]! : ground) + 8 * rng.normal();
      data[3 * i + k] = Math.min(255, Math.max(0, value));
    }
  }
  return { width: SIDE, height: SIDE, data };
}

/** Images with both orders of their caption. `distinct`: equal for equal contents, which never meet in a batch. */
export type DrawnPairs = ImageTextPairs & { readonly drawings: readonly Drawing[]; readonly distinct: Int32Array };

/** `distinct`: no two images have the same content, of which there are 180. */
export function drawnPairs(count: number, seed: string, o: { readonly distinct?: boolean } = {}): DrawnPairs {
  const rng = new Rng(seed);
  const [drawings, known] = [[] as Drawing[], new Set<string>()];
  while (drawings.length < count) {
    const next = drawingOf(rng);
    if (o.distinct && known.has(contentOf(next))) continue;
    known.add(contentOf(next));
    drawings.push(next);
  }
  const pixels = new Uint8Array(count * 3 * SIDE * SIDE);
  drawings.forEach((d, i) => {
    pixels.set(rendered(d, rng).data, i * 3 * SIDE * SIDE);
  });
  const captions = drawings.map(([a, b]) => [captionOf([a, b]), captionOf([b, a])]);
  const contents = drawings.map(contentOf);
  const numbers = new Map([...new Set(contents)].map((content, i) => [content, i]));
  const distinct = Int32Array.from(contents, (content) => numbers.get(content)!);
  return { count, width: SIDE, height: SIDE, pixels, captions, drawings, distinct };
}

/** What a wrong caption has wrong. */
export const wrongs = ['other image', 'colour', 'shape', 'colours exchanged'] as const;
export type Wrong = (typeof wrongs)[number];

/** A caption of the drawing that is wrong in one respect; `other`: another drawing. */
export function wrongCaption([a, b]: Drawing, wrong: Wrong, other: Drawing, rng: Rng): string {
  if (wrong === 'other image') return captionOf(other);
  if (wrong === 'colours exchanged')
    return captionOf([
      { ...a, colour: b.colour },
      { ...b, colour: a.colour },
    ]);
  const left = <T>(all: readonly T[], used: readonly T[]): T => rng.pick(all.filter((x) => !used.includes(x)));
  if (wrong === 'colour') return captionOf([{ ...a, colour: left(colourNames, [a.colour, b.colour]) }, b]);
  return captionOf([{ ...a, shape: left(shapeNames, [a.shape, b.shape]) }, b]);
}
