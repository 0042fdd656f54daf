/** Colours of hit points: light, shadow, patterns, table tops, backdrop. Only operations that IEEE 754 defines exactly. */
import { cos, sin } from '../math.ts';
import type { Theme } from '../scene.ts';
import type { Pattern, Rgb } from '../vocabulary.ts';
import type { RayCaster } from './caster.ts';

/** How one geom looks. */
export type Look = {
  readonly rgb: Rgb;
  readonly pattern: Pattern | 'planks' | 'tiles' | 'veins';
  /** Second colour of a pattern and its repeat length (metres). */
  readonly second: Rgb;
  readonly period: number;
  readonly shiny: boolean;
};

export type ThemeLook = {
  readonly table: Look;
  readonly floor: Look;
  readonly skyLow: Rgb;
  readonly skyHigh: Rgb;
};

function themeLook(table: Rgb, second: Rgb, pattern: Look['pattern'], period: number, floor: Rgb, sky: Rgb): ThemeLook {
  const dim = (c: Rgb, k: number): Rgb => [c[0] * k, c[1] * k, c[2] * k];
  return {
    table: { rgb: table, second, pattern, period, shiny: false },
    floor: { rgb: floor, second: dim(floor, 0.84), pattern: 'tiles', period: 0.4, shiny: false },
    skyLow: sky,
    skyHigh: dim(sky, 0.8),
  };
}

const GREY_FLOOR: Rgb = [0.46, 0.48, 0.52];

/** The looks of tables and rooms. */
export const themeLooks: Readonly<Record<Theme, ThemeLook>> = {
  oak: themeLook([0.79, 0.63, 0.44], [0.69, 0.53, 0.35], 'planks', 0.1, GREY_FLOOR, [0.8, 0.84, 0.88]),
  walnut: themeLook([0.36, 0.25, 0.18], [0.28, 0.19, 0.13], 'planks', 0.1, [0.5, 0.46, 0.42], [0.86, 0.82, 0.76]),
  marble: themeLook([0.84, 0.84, 0.83], [0.74, 0.75, 0.77], 'veins', 0.14, [0.38, 0.38, 0.4], [0.76, 0.8, 0.84]),
  slate: themeLook([0.28, 0.3, 0.33], [0.24, 0.26, 0.29], 'tiles', 0.15, [0.55, 0.53, 0.5], [0.82, 0.83, 0.86]),
  'green cloth': themeLook(
    [0.2, 0.36, 0.27],
    [0.18, 0.33, 0.25],
    'tiles',
    0.03,
    [0.42, 0.34, 0.28],
    [0.78, 0.76, 0.72],
  ),
  'blue cloth': themeLook([0.3, 0.4, 0.54], [0.27, 0.37, 0.51], 'tiles', 0.03, GREY_FLOOR, [0.84, 0.84, 0.82]),
  sand: themeLook([0.85, 0.78, 0.64], [0.82, 0.74, 0.6], 'veins', 0.1, [0.5, 0.5, 0.48], [0.72, 0.82, 0.9]),
  workshop: themeLook([0.6, 0.58, 0.54], [0.53, 0.51, 0.47], 'planks', 0.16, [0.32, 0.33, 0.35], [0.66, 0.7, 0.74]),
};

/** Tone curve from light to 8 bits: mostly linear with lifted shadows. DIFFERS from a gamma curve: sqrt is exact in every engine, pow is not. */
const TONE: Uint8Array = Uint8Array.from({ length: 1025 }, (_, i) => {
  const v = i / 1024;
  return Math.round(255 * (0.72 * v + 0.28 * Math.sqrt(v)));
});

function tone(v: number): number {
  return TONE[v <= 0 ? 0 : v >= 1 ? 1024 : (v * 1024) | 0]!;
}

const SOFT_RAYS = 4;
const SOFT_RADIUS = 0.035; // radius of the lamp as an angle, radians
/** Offsets of the soft-shadow rays on a sunflower disc, for 16 turns of it. */
const SOFT_DISC: Float64Array = (() => {
  const out = new Float64Array(16 * SOFT_RAYS * 2);
  for (let phase = 0; phase < 16; phase++) {
    for (let k = 0; k < SOFT_RAYS; k++) {
      const angle = (phase * Math.PI) / 8 + k * 2.39996; // golden angle
      const r = SOFT_RADIUS * Math.sqrt((k + 0.5) / SOFT_RAYS);
      out[2 * (phase * SOFT_RAYS + k)] = cos(angle) * r;
      out[2 * (phase * SOFT_RAYS + k) + 1] = sin(angle) * r;
    }
  }
  return out;
})();

/** Share of the light that reaches the caster's last hit: 0 or 1, or in quarters with soft shadows. */
function lightReaching(c: RayCaster, soft: boolean, phase: number): number {
  const h = c.hit;
  const { sun, a, b } = c.lightFrame;
  const x = h.x + h.nx * 1e-4;
  const y = h.y + h.ny * 1e-4;
  const z = h.z + h.nz * 1e-4;
  if (!soft) return c.shaded(x, y, z, sun[0], sun[1], sun[2]) ? 0 : 1;
  let lit = 0;
  for (let k = 0; k < SOFT_RAYS; k++) {
    const u = SOFT_DISC[2 * (phase * SOFT_RAYS + k)]!;
    const v = SOFT_DISC[2 * (phase * SOFT_RAYS + k) + 1]!;
    const dx = sun[0] + a[0] * u + b[0] * v;
    const dy = sun[1] + a[1] * u + b[1] * v;
    const dz = sun[2] + a[2] * u + b[2] * v;
    const n = 1 / Math.sqrt(dx * dx + dy * dy + dz * dz);
    if (!c.shaded(x, y, z, dx * n, dy * n, dz * n)) lit++;
  }
  return lit / SOFT_RAYS;
}

const local = new Float64Array(6);

/** 0 or 1 (or between, for wood and stone): how much of the second colour shows at the last hit. */
function patternMix(c: RayCaster, look: Look, geom: number): number {
  c.localHit(geom, local);
  const x = local[0]!;
  const y = local[1]!;
  const z = local[2]!;
  const p = look.period;
  switch (look.pattern) {
    case 'striped':
      return (Math.floor((x + z) / (0.5 * p) + 0.5) & 1) === 0 ? 0 : 1;
    case 'planks': {
      const row = Math.floor(y / p);
      const edge = y / p - row;
      if (edge < 0.03) return 1.6;
      const board = Math.floor(x / (5 * p) + 0.37 * (row & 3));
      return ((((row * 7 + board * 13) % 5) + 5) % 5) / 4;
    }
    case 'tiles':
      return (Math.floor(x / p) + Math.floor(y / p)) & 1;
    case 'veins': {
      const bend = 1.7 * (y / p) - Math.floor(1.7 * (y / p));
      const w = (x + 0.35 * y) / p + 0.4 * bend * (1 - bend);
      const s = w - Math.floor(w);
      return s < 0.12 ? 1 : 0.15 * s;
    }
    default: {
      // dots and checks lie in the plane that the surface faces most
      const ax = Math.abs(local[3]!);
      const ay = Math.abs(local[4]!);
      const az = Math.abs(local[5]!);
      const u = ax > ay && ax > az ? y : x;
      const v = az >= ax && az >= ay ? y : z;
      if (look.pattern === 'checkered') return (Math.floor(u / (0.5 * p)) + Math.floor(v / (0.5 * p))) & 1;
      const du = u / (0.62 * p) - Math.floor(u / (0.62 * p)) - 0.5;
      const dv = v / (0.62 * p) - Math.floor(v / (0.62 * p)) - 0.5;
      return du * du + dv * dv < 0.1 ? 1 : 0;
    }
  }
}

/** Colour of the caster's last hit (or of the backdrop) into `out`, 0 to 255. `phase` 0–15 turns the soft-shadow disc from pixel to pixel. */
export function shade(
  c: RayCaster,
  looks: readonly Look[],
  theme: ThemeLook,
  soft: boolean,
  phase: number,
  out: Float64Array,
): void {
  const h = c.hit;
  const g = h.geom;
  if (g < 0) {
    const t = Math.max(0, Math.min(1, 0.5 + 0.8 * h.dz));
    for (let i = 0; i < 3; i++) out[i] = 255 * (theme.skyLow[i]! + (theme.skyHigh[i]! - theme.skyLow[i]!) * t);
    return;
  }
  const look = looks[g]!;
  let r = look.rgb[0];
  let gr = look.rgb[1];
  let b = look.rgb[2];
  if (look.pattern !== 'plain') {
    const k = patternMix(c, look, g);
    r += (look.second[0] - r) * k;
    gr += (look.second[1] - gr) * k;
    b += (look.second[2] - b) * k;
  }
  const { sun } = c.lightFrame;
  const facing = h.nx * sun[0] + h.ny * sun[1] + h.nz * sun[2];
  const lit = facing > 0 ? lightReaching(c, soft, phase) : 0;
  let gloss = 0;
  if (lit > 0 && look.shiny) {
    const hx = sun[0] - h.dx;
    const hy = sun[1] - h.dy;
    const hz = sun[2] - h.dz;
    const s = (h.nx * hx + h.ny * hy + h.nz * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
    if (s > 0.85) {
      const s2 = s * s;
      const s8 = s2 * s2 * s2 * s2;
      gloss = 0.22 * s8 * s8 * s8 * s8 * lit;
    }
  }
  // ambient, more from above and from the viewer's side, and Lambert light
  const k = 0.42 + 0.15 * h.nz - 0.05 * h.ny + 0.6 * Math.max(facing, 0) * lit;
  out[0] = tone(r * k + gloss);
  out[1] = tone(gr * k + gloss);
  out[2] = tone(b * k + gloss);
}
