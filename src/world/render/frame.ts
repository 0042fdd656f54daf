/** From a scene (and a robot) to a frame: colour, depth, instance and part masks, boxes. */
import { BowError } from '../../base/index.ts';
import { box, type Geom, geom } from '../geometry.ts';
import { cos, type Pose, sin, tan } from '../math.ts';
import { modelOfObject, movingPose, type Scene, type SceneObject } from '../scene.ts';
import { COLOURS, type Pattern, type Rgb } from '../vocabulary.ts';
import type { Camera } from './camera.ts';
import { type CasterBody, RayCaster } from './caster.ts';
import { type Look, shade, themeLooks } from './shade.ts';

/** Values of {@link Frame.instance} that are not an object. */
export const SCENERY = -1;
export const ROBOT = -2;

/** A body that is not an object of the scene, such as a link of the robot. */
export type ExtraBody = { readonly name: string; readonly geoms: readonly Geom[]; readonly pose: Pose };

/** One image with what is known about every pixel. Rows from the top. */
export type Frame = {
  readonly width: number;
  readonly height: number;
  /** height × width × 3, 0 to 255. */
  readonly rgb: Uint8Array;
  /** height × width, metres along the view; 0 where nothing is. */
  readonly depth: Float32Array;
  /** height × width: index into the scene's objects, or {@link SCENERY}, or {@link ROBOT}. */
  readonly instance: Int16Array;
  /** height × width: index into `parts`, −1 for scenery. */
  readonly part: Int16Array;
  /** `object id/part name`. */
  readonly parts: readonly string[];
};

/** Visible extent of an object in a frame, in pixels; `visible` counts its pixels. */
export type ObjectBox = {
  readonly id: string;
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly visible: number;
};

/**
 * `fast`: hard shadows, one ray per pixel · `standard`: 2 × 2 rays where neighbours differ · `fine`: soft shadows and 3 × 3 rays, for people.
 */
export type Quality = 'fast' | 'standard' | 'fine';
const rays: Record<Quality, number> = { fast: 1, standard: 2, fine: 3 };

export type RenderOptions = {
  width?: number;
  height?: number;
  quality?: Quality;
  /** Links of a robot, or other things that stand about. */
  extras?: readonly ExtraBody[];
};

const PLAIN: Pick<Look, 'pattern' | 'second' | 'period'> = { pattern: 'plain', second: [0, 0, 0], period: 1 };
const tableGeom = geom('table', box(0.46, 0.44, 0.02), { at: [0, 0.12, -0.02], colour: [0.7, 0.5, 0.3] });
const legs: Geom[] = [-0.43, 0.43].flatMap((x) =>
  [-0.29, 0.53].map((y) => geom('leg', box(0.02, 0.02, 0.34), { at: [x, y, -0.38], colour: [0.24, 0.2, 0.17] })),
);
const floorGeom = geom('floor', box(8, 8, 0.05), { at: [0, 0, -0.77], colour: [0.4, 0.4, 0.4] });
const ORIGIN: Pose = { pos: [0, 0, 0], quat: [1, 0, 0, 0] };
const scenery: readonly Geom[] = [floorGeom, tableGeom, ...legs];

/** The second colour of a pattern: white, or dark grey on light colours. */
function contrast(rgb: Rgb): Rgb {
  return 0.3 * rgb[0] + 0.6 * rgb[1] + 0.1 * rgb[2] > 0.62 ? [0.16, 0.16, 0.2] : [0.97, 0.97, 0.95];
}

function objectLook(o: SceneObject, g: Geom): Look {
  if (g.colour !== 'main') return { rgb: g.colour, ...PLAIN, shiny: true };
  const rgb = COLOURS[o.colour];
  if (o.pattern === 'plain') return { rgb, ...PLAIN, shiny: true };
  return { rgb, second: contrast(rgb), pattern: o.pattern as Pattern, period: patternPeriod(o), shiny: true };
}

/** About two and a half repeats across the object, so that a pattern is seen at small sizes too. */
function patternPeriod(o: SceneObject): number {
  const m = modelOfObject(o);
  return Math.max(0.016, Math.min(0.05, (2 * m.radius) / 2.6));
}

type Prepared = {
  readonly bodies: CasterBody[];
  readonly looks: Look[];
  readonly instanceOf: Int16Array;
  readonly partOf: Int16Array;
  readonly parts: string[];
};

function prepare(scene: Scene, extras: readonly ExtraBody[]): Prepared {
  const look = themeLooks[scene.theme];
  const bodies: CasterBody[] = [{ geoms: scenery, pose: ORIGIN }];
  const looks: Look[] = scenery.map((g) =>
    g === tableGeom ? look.table : g === floorGeom ? look.floor : { rgb: g.colour as Rgb, ...PLAIN, shiny: false },
  );
  const instances: number[] = scenery.map(() => SCENERY);
  const partIds: number[] = scenery.map(() => -1);
  const parts: string[] = [];
  const push = (owner: string, instance: number, geoms: readonly Geom[], pose: Pose, lookOf: (g: Geom) => Look) => {
    bodies.push({ geoms, pose });
    for (const g of geoms) {
      const name = `${owner}/${g.part}`;
      let id = parts.indexOf(name);
      if (id < 0) id = parts.push(name) - 1;
      partIds.push(id);
      instances.push(instance);
      looks.push(lookOf(g));
    }
  };
  for (const [i, o] of scene.objects.entries()) {
    const model = modelOfObject(o);
    push(o.id, i, model.geoms, o.pose, (g) => objectLook(o, g));
    if (model.moving) push(o.id, i, model.moving.geoms, movingPose(o)!, (g) => objectLook(o, g));
  }
  for (const e of extras) {
    push('robot', ROBOT, e.geoms, e.pose, (g) => ({
      rgb: g.colour === 'main' ? [0.8, 0.8, 0.82] : g.colour,
      ...PLAIN,
      shiny: true,
    }));
  }
  return { bodies, looks, instanceOf: Int16Array.from(instances), partOf: Int16Array.from(partIds), parts };
}

/** Renders frames; keeps its buffers, so one renderer should draw many frames. */
export type Renderer = { readonly render: (scene: Scene, camera: Camera, o?: RenderOptions) => Frame };

export function createRenderer(): Renderer {
  const caster = new RayCaster();
  let marks = new Uint8Array(0);
  const render = (scene: Scene, camera: Camera, o: RenderOptions = {}): Frame => {
    const width = o.width ?? 96;
    const height = o.height ?? width;
    if (!(width >= 8 && width <= 2048 && height >= 8 && height <= 2048)) {
      throw new BowError('usage', `an image of ${width} × ${height} pixels; sizes from 8 to 2048 are possible`);
    }
    const prepared = prepare(scene, o.extras ?? []);
    caster.load(prepared.bodies);
    const c = cos(scene.light.elevation);
    const sun = [c * cos(scene.light.azimuth), c * sin(scene.light.azimuth), sin(scene.light.elevation)] as const;
    caster.aim(camera, width, height, (0.5 * height) / tan((camera.fovy * Math.PI) / 360), sun);
    const n = width * height;
    if (marks.length < n) marks = new Uint8Array(n);
    const frame: Frame = {
      width,
      height,
      rgb: new Uint8Array(3 * n),
      depth: new Float32Array(n),
      instance: new Int16Array(n),
      part: new Int16Array(n),
      parts: prepared.parts,
    };
    drawFrame(caster, prepared, scene, frame, o.quality ?? 'standard', marks);
    return frame;
  };
  return { render };
}

const colour = new Float64Array(3);
const EDGE = 14; // sum of channel differences between neighbours that asks for more rays

function drawFrame(
  caster: RayCaster,
  p: Prepared,
  scene: Scene,
  frame: Frame,
  quality: Quality,
  marks: Uint8Array,
): void {
  const { width, height, rgb, depth, instance, part } = frame;
  const theme = themeLooks[scene.theme];
  const soft = quality === 'fine';
  const geoms = new Int16Array(width * height);
  for (let j = 0, k = 0; j < height; j++) {
    for (let i = 0; i < width; i++, k++) {
      const g = caster.trace(i + 0.5, j + 0.5);
      geoms[k] = g;
      depth[k] = caster.hit.depth;
      instance[k] = g < 0 ? SCENERY : p.instanceOf[g]!;
      part[k] = g < 0 ? -1 : p.partOf[g]!;
      shade(caster, p.looks, theme, soft, (i * 7 + j * 13) & 15, colour);
      rgb[3 * k] = colour[0]!;
      rgb[3 * k + 1] = colour[1]!;
      rgb[3 * k + 2] = colour[2]!;
    }
  }
  const aa = rays[quality];
  if (aa === 1) return;
  markEdges(frame, geoms, marks);
  for (let k = 0; k < width * height; k++) {
    if (marks[k]) refine(caster, p, scene, frame, k, aa, soft);
  }
}

/** Marks both pixels wherever neighbours show different solids or clearly different colours. */
function markEdges(frame: Frame, geoms: Int16Array, marks: Uint8Array): void {
  const { width, height, rgb } = frame;
  marks.fill(0, 0, width * height);
  const compare = (a: number, b: number) => {
    const d =
      Math.abs(rgb[3 * a]! - rgb[3 * b]!) +
      Math.abs(rgb[3 * a + 1]! - rgb[3 * b + 1]!) +
      Math.abs(rgb[3 * a + 2]! - rgb[3 * b + 2]!);
    if (geoms[a] !== geoms[b] || d > EDGE) {
      marks[a] = 1;
      marks[b] = 1;
    }
  };
  for (let j = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      const k = j * width + i;
      if (i + 1 < width) compare(k, k + 1);
      if (j + 1 < height) compare(k, k + width);
    }
  }
}

function refine(
  caster: RayCaster,
  p: Prepared,
  scene: Scene,
  frame: Frame,
  k: number,
  aa: number,
  soft: boolean,
): void {
  const i = k % frame.width;
  const j = (k - i) / frame.width;
  const theme = themeLooks[scene.theme];
  let r = 0;
  let g = 0;
  let b = 0;
  for (let y = 0, q = 0; y < aa; y++) {
    for (let x = 0; x < aa; x++, q++) {
      caster.trace(i + (x + 0.5) / aa, j + (y + 0.5) / aa);
      shade(caster, p.looks, theme, soft, (i * 7 + j * 13 + q * 5) & 15, colour);
      r += colour[0]!;
      g += colour[1]!;
      b += colour[2]!;
    }
  }
  const s = 1 / (aa * aa);
  frame.rgb[3 * k] = r * s + 0.5;
  frame.rgb[3 * k + 1] = g * s + 0.5;
  frame.rgb[3 * k + 2] = b * s + 0.5;
}

/** Boxes of the visible objects, in the scene's order; objects with fewer than `least` pixels are left out. */
export function boxesOf(frame: Frame, scene: Pick<Scene, 'objects'>, least: number = 4): ObjectBox[] {
  const n = scene.objects.length;
  const edges = Array.from({ length: n }, () => ({ x0: 1e9, x1: -1, y0: 1e9, y1: -1, count: 0 }));
  for (let y = 0, k = 0; y < frame.height; y++) {
    for (let x = 0; x < frame.width; x++, k++) {
      const e = edges[frame.instance[k]!];
      if (!e) continue;
      e.count++;
      if (x < e.x0) e.x0 = x;
      if (x > e.x1) e.x1 = x;
      if (y < e.y0) e.y0 = y;
      if (y > e.y1) e.y1 = y;
    }
  }
  return edges.flatMap((e, index) =>
    e.count < least
      ? []
      : [
          {
            id: scene.objects[index]!.id,
            index,
            x: e.x0,
            y: e.y0,
            width: e.x1 - e.x0 + 1,
            height: e.y1 - e.y0 + 1,
            visible: e.count,
          },
        ],
  );
}
