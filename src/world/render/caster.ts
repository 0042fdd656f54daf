/**
 * The ray caster: colour with shadows and anti-aliasing, depth and geom numbers from analytic solids; no GPU, no textures, the same bits in
 * Node and browser. What makes it fast: solids binned into 8 × 8-pixel tiles by their projected boxes, front to back with a bounding-sphere
 * reject, a grid across the light's direction for shadow rays, distances only until the winner is known.
 *
 * A class because one caster keeps dozens of buffers across images. Over the usual length: its hot loops share those buffers.
 */
import { type Geom, halfExtents } from '../geometry.ts';
import { type Pose, quatMatrix, type Vec3 } from '../math.ts';
import type { Camera } from './camera.ts';
import {
  BOX,
  CAPSULE,
  CYLINDER,
  ELLIPSOID,
  hitBox,
  hitCapsule,
  hitCylinder,
  hitEllipsoid,
  hitPrism,
  hitShell,
  hitSphere,
  PRISM,
  prismNormal,
  SHELL,
  SPHERE,
  shellNormal,
} from './intersect.ts';

const SOLIDS = {
  sphere: SPHERE,
  capsule: CAPSULE,
  ellipsoid: ELLIPSOID,
  cylinder: CYLINDER,
  box: BOX,
  prism: PRISM,
  shell: SHELL,
} as const;
const TILE = 8;
const GRID = 48;
const CASTS_BELOW = 0.5; // only solids smaller than this (metres around) cast shadows
const GRID_REACH = 1.2; // metres from the origin that the light grid covers

/** Solids that move together. */
export type CasterBody = { readonly geoms: readonly Geom[]; readonly pose: Pose };

/** What a hit tells the shader. */
export type Hit = {
  geom: number;
  /** Distance along the ray, and along the camera's axis. */
  t: number;
  depth: number;
  x: number;
  y: number;
  z: number;
  nx: number;
  ny: number;
  nz: number;
  dx: number;
  dy: number;
  dz: number;
};

export class RayCaster {
  /** Solids loaded. */
  count = 0;
  /** Body of each geom. */
  bodyOf: Int16Array = new Int16Array(0);
  readonly hit: Hit = { geom: -1, t: 0, depth: 0, x: 0, y: 0, z: 0, nx: 0, ny: 0, nz: 0, dx: 0, dy: 0, dz: 0 };
  #kind = new Int32Array(0);
  #size = new Float64Array(0); //      4 numbers per geom
  #extent = new Float64Array(0); //    3 half sizes of the box around it
  #bound = new Float64Array(0); //     radius of the sphere around it
  #polygon = new Float64Array(0);
  #polygonFrom = new Int32Array(0);
  #polygonTo = new Int32Array(0);
  #centre = new Float64Array(0); //    world position of each geom
  #turn = new Float64Array(0); //      9 numbers per geom, row-major
  #eyeLocal = new Float64Array(0); //  camera in the geom's frame
  #toCentre = new Float64Array(0); //  geom centre − camera
  #reject = new Float64Array(0); //    |toCentre|² − bound²
  #tiles = new Int16Array(0);
  #tileCount = new Int32Array(0);
  #shadow = new Int16Array(0);
  #shadowCount = new Int32Array(GRID * GRID);
  #normal = new Float64Array(3);
  #eye = new Float64Array(3);
  #view = new Float64Array(9);
  #focal = 1;
  #width = 0;
  #height = 0;
  #tilesAcross = 0;
  #sun: Vec3 = [0, 0, 1];
  #acrossA: Vec3 = [1, 0, 0];
  #acrossB: Vec3 = [0, 1, 0];

  /** Takes the solids of a scene. Buffers grow when needed and are kept. */
  load(bodies: readonly CasterBody[]): void {
    const n = bodies.reduce((sum, b) => sum + b.geoms.length, 0);
    if (this.#kind.length < n) this.#grow(Math.ceil(n * 1.5));
    this.count = n;
    const polygons: number[] = [];
    let g = 0;
    for (const [index, body] of bodies.entries()) {
      for (const geom of body.geoms) {
        this.bodyOf[g] = index;
        this.#kind[g] = SOLIDS[geom.solid];
        const e = halfExtents(geom);
        this.#extent.set(e, 3 * g);
        this.#bound[g] = boundOf(geom, e);
        this.#setSize(g, geom);
        this.#polygonFrom[g] = polygons.length;
        if (geom.solid === 'prism') polygons.push(...geom.polygon);
        this.#polygonTo[g] = polygons.length;
        g++;
      }
    }
    this.#polygon = Float64Array.from(polygons);
    this.place(bodies);
  }

  /** Moves the loaded bodies; the geoms must be the ones given to {@link load}. */
  place(bodies: readonly CasterBody[]): void {
    let g = 0;
    for (const body of bodies) {
      const m = quatMatrix(body.pose.quat);
      const [px, py, pz] = body.pose.pos;
      for (const { pos, quat } of body.geoms) {
        const c = 3 * g;
        this.#centre[c] = px + m[0]! * pos[0] + m[1]! * pos[1] + m[2]! * pos[2];
        this.#centre[c + 1] = py + m[3]! * pos[0] + m[4]! * pos[1] + m[5]! * pos[2];
        this.#centre[c + 2] = pz + m[6]! * pos[0] + m[7]! * pos[1] + m[8]! * pos[2];
        const l = quatMatrix(quat);
        for (let i = 0; i < 3; i++) {
          for (let j = 0; j < 3; j++) {
            this.#turn[9 * g + 3 * i + j] = m[3 * i]! * l[j]! + m[3 * i + 1]! * l[3 + j]! + m[3 * i + 2]! * l[6 + j]!;
          }
        }
        g++;
      }
    }
  }

  /** Prepares an image from a camera; `sun` is the unit direction to the light. */
  aim(camera: Camera, width: number, height: number, focal: number, sun: Vec3): void {
    this.#width = width;
    this.#height = height;
    this.#focal = focal;
    this.#eye.set(camera.pos);
    this.#view.set(camera.mat);
    this.#localEyes();
    this.#binTiles();
    this.#setSun(sun);
    this.#binShadows();
  }

  #grow(n: number): void {
    this.bodyOf = new Int16Array(n);
    this.#kind = new Int32Array(n);
    this.#size = new Float64Array(4 * n);
    this.#extent = new Float64Array(3 * n);
    this.#bound = new Float64Array(n);
    this.#polygonFrom = new Int32Array(n);
    this.#polygonTo = new Int32Array(n);
    this.#centre = new Float64Array(3 * n);
    this.#turn = new Float64Array(9 * n);
    this.#eyeLocal = new Float64Array(3 * n);
    this.#toCentre = new Float64Array(3 * n);
    this.#reject = new Float64Array(n);
    this.#shadow = new Int16Array(GRID * GRID * n);
  }

  #setSize(g: number, geom: Geom): void {
    const s = this.#size.subarray(4 * g, 4 * g + 4);
    if (geom.solid === 'box' || geom.solid === 'ellipsoid') s.set(geom.size);
    else if (geom.solid === 'sphere') s[0] = geom.radius;
    else if (geom.solid === 'prism') s[0] = geom.half;
    else if (geom.solid === 'shell') s.set([geom.bottom, geom.top, geom.half, geom.wall]);
    else s.set([geom.radius, geom.half]);
  }

  #localEyes(): void {
    const [ex, ey, ez] = this.#eye as unknown as [number, number, number];
    for (let g = 0; g < this.count; g++) {
      const p = 3 * g;
      const m = 9 * g;
      const x = ex - this.#centre[p]!;
      const y = ey - this.#centre[p + 1]!;
      const z = ez - this.#centre[p + 2]!;
      this.#toCentre[p] = -x;
      this.#toCentre[p + 1] = -y;
      this.#toCentre[p + 2] = -z;
      this.#reject[g] = x * x + y * y + z * z - this.#bound[g]! * this.#bound[g]!;
      for (let i = 0; i < 3; i++) {
        this.#eyeLocal[p + i] = this.#turn[m + i]! * x + this.#turn[m + 3 + i]! * y + this.#turn[m + 6 + i]! * z;
      }
    }
  }

  /** Lists, for every tile, the geoms whose projected box touches it, nearest first. */
  #binTiles(): void {
    const across = Math.ceil(this.#width / TILE);
    const down = Math.ceil(this.#height / TILE);
    this.#tilesAcross = across;
    if (this.#tiles.length < across * down * this.count) this.#tiles = new Int16Array(across * down * this.count);
    if (this.#tileCount.length < across * down) this.#tileCount = new Int32Array(across * down);
    this.#tileCount.fill(0);
    const key = new Float64Array(this.count);
    const order: number[] = [];
    for (let g = 0; g < this.count; g++) {
      key[g] = Math.sqrt(Math.max(0, this.#reject[g]! + this.#bound[g]! * this.#bound[g]!)) - this.#bound[g]!;
      order.push(g);
    }
    order.sort((a, b) => key[a]! - key[b]! || a - b);
    const area = new Int32Array(4);
    for (const g of order) {
      if (!this.#tileArea(g, across, down, area)) continue;
      for (let j = area[2]!; j <= area[3]!; j++) {
        for (let i = area[0]!; i <= area[1]!; i++) {
          const t = j * across + i;
          this.#tiles[t * this.count + this.#tileCount[t]!++] = g;
        }
      }
    }
  }

  /** Tile columns and rows of a geom's projected box into `area`; the whole image when it reaches behind the camera; false when out of view. */
  #tileArea(g: number, across: number, down: number, area: Int32Array): boolean {
    const [p, m, v, e, d] = [3 * g, 9 * g, this.#view, this.#extent, this.#toCentre];
    let [u0, u1, v0, v1] = [1e9, -1e9, 1e9, -1e9];
    let behind = 0;
    for (let k = 0; k < 8; k++) {
      const a = k & 1 ? e[p]! : -e[p]!;
      const b = k & 2 ? e[p + 1]! : -e[p + 1]!;
      const c = k & 4 ? e[p + 2]! : -e[p + 2]!;
      const t = this.#turn;
      const x = d[p]! + t[m]! * a + t[m + 1]! * b + t[m + 2]! * c;
      const y = d[p + 1]! + t[m + 3]! * a + t[m + 4]! * b + t[m + 5]! * c;
      const z = d[p + 2]! + t[m + 6]! * a + t[m + 7]! * b + t[m + 8]! * c;
      const depth = -(x * v[2]! + y * v[5]! + z * v[8]!);
      if (depth < 1e-3) {
        behind++;
        continue;
      }
      const pu = (x * v[0]! + y * v[3]! + z * v[6]!) / depth;
      const pv = (x * v[1]! + y * v[4]! + z * v[7]!) / depth;
      u0 = Math.min(u0, pu);
      u1 = Math.max(u1, pu);
      v0 = Math.min(v0, pv);
      v1 = Math.max(v1, pv);
    }
    if (behind === 8) return false;
    const f = this.#focal;
    area[0] = behind ? 0 : Math.max(0, Math.floor((this.#width / 2 + f * u0) / TILE));
    area[1] = behind ? across - 1 : Math.min(across - 1, Math.floor((this.#width / 2 + f * u1) / TILE));
    area[2] = behind ? 0 : Math.max(0, Math.floor((this.#height / 2 - f * v1) / TILE));
    area[3] = behind ? down - 1 : Math.min(down - 1, Math.floor((this.#height / 2 - f * v0) / TILE));
    return area[0]! <= area[1]! && area[2]! <= area[3]!;
  }

  #setSun(s: Vec3): void {
    this.#sun = s;
    const up: Vec3 = Math.abs(s[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0];
    const a: Vec3 = [up[1] * s[2] - up[2] * s[1], up[2] * s[0] - up[0] * s[2], up[0] * s[1] - up[1] * s[0]];
    const n = Math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
    const b: Vec3 = [a[0] / n, a[1] / n, a[2] / n];
    this.#acrossA = b;
    this.#acrossB = [s[1] * b[2] - s[2] * b[1], s[2] * b[0] - s[0] * b[2], s[0] * b[1] - s[1] * b[0]];
  }

  /** Lists, for every cell of a grid seen from the light, the geoms that may shade it. */
  #binShadows(): void {
    this.#shadowCount.fill(0);
    const [a, b, t, c, e] = [this.#acrossA, this.#acrossB, this.#turn, this.#centre, this.#extent];
    const cell = (x: number) => Math.floor(((x + GRID_REACH) / (2 * GRID_REACH)) * GRID);
    for (let g = 0; g < this.count; g++) {
      const [p, m] = [3 * g, 9 * g];
      if (this.#bound[g]! > CASTS_BELOW) continue; // table and floor receive shadows and cast none
      const u = c[p]! * a[0] + c[p + 1]! * a[1] + c[p + 2]! * a[2];
      const v = c[p]! * b[0] + c[p + 1]! * b[1] + c[p + 2]! * b[2];
      let hu = 0.02; // room for soft shadows
      let hv = 0.02;
      for (let k = 0; k < 3; k++) {
        hu += e[p + k]! * Math.abs(t[m + k]! * a[0] + t[m + 3 + k]! * a[1] + t[m + 6 + k]! * a[2]);
        hv += e[p + k]! * Math.abs(t[m + k]! * b[0] + t[m + 3 + k]! * b[1] + t[m + 6 + k]! * b[2]);
      }
      const [i0, i1] = [Math.max(0, cell(u - hu)), Math.min(GRID - 1, cell(u + hu))];
      const [j0, j1] = [Math.max(0, cell(v - hv)), Math.min(GRID - 1, cell(v + hv))];
      for (let j = j0; j <= j1; j++) {
        for (let i = i0; i <= i1; i++) {
          const k = j * GRID + i;
          this.#shadow[k * this.count + this.#shadowCount[k]!++] = g;
        }
      }
    }
  }

  /** Follows the ray through the image point (px, py); fills {@link hit} and returns the geom, or −1. */
  trace(px: number, py: number): number {
    const v = this.#view;
    let u = (px - this.#width / 2) / this.#focal;
    let w = -(py - this.#height / 2) / this.#focal;
    const shrink = 1 / Math.sqrt(u * u + w * w + 1);
    u *= shrink;
    w *= shrink;
    const dx = v[0]! * u + v[1]! * w - v[2]! * shrink;
    const dy = v[3]! * u + v[4]! * w - v[5]! * shrink;
    const dz = v[6]! * u + v[7]! * w - v[8]! * shrink;
    const tile = ((py / TILE) | 0) * this.#tilesAcross + ((px / TILE) | 0);
    const from = tile * this.count;
    const to = from + this.#tileCount[tile]!;
    const toCentre = this.#toCentre;
    const reject = this.#reject;
    const tiles = this.#tiles;
    const turn = this.#turn;
    const eye = this.#eyeLocal;
    let best = 1e30;
    let found = -1;
    for (let q = from; q < to; q++) {
      const g = tiles[q]!;
      const p = 3 * g;
      const along = dx * toCentre[p]! + dy * toCentre[p + 1]! + dz * toCentre[p + 2]!;
      const room = along * along - reject[g]!;
      if (room < 0 || along - Math.sqrt(room) > best) continue;
      const m = 9 * g;
      const lx = turn[m]! * dx + turn[m + 3]! * dy + turn[m + 6]! * dz;
      const ly = turn[m + 1]! * dx + turn[m + 4]! * dy + turn[m + 7]! * dz;
      const lz = turn[m + 2]! * dx + turn[m + 5]! * dy + turn[m + 8]! * dz;
      const t = this.#distance(g, eye[p]!, eye[p + 1]!, eye[p + 2]!, lx, ly, lz);
      if (t > 0 && t < best) {
        best = t;
        found = g;
      }
    }
    this.#record(found, best, shrink, dx, dy, dz);
    return found;
  }

  #record(g: number, t: number, shrink: number, dx: number, dy: number, dz: number): void {
    const h = this.hit;
    h.geom = g;
    h.dx = dx;
    h.dy = dy;
    h.dz = dz;
    if (g < 0) {
      h.t = 0;
      h.depth = 0;
      return;
    }
    h.t = t;
    h.depth = t * shrink;
    h.x = this.#eye[0]! + t * dx;
    h.y = this.#eye[1]! + t * dy;
    h.z = this.#eye[2]! + t * dz;
    this.#setNormal(g);
  }

  /** Distance along a ray in the geom's frame. */
  #distance(g: number, ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
    const s = this.#size;
    const i = 4 * g;
    const a = s[i]!;
    const b = s[i + 1]!;
    switch (this.#kind[g]) {
      case BOX:
        return hitBox(ox, oy, oz, dx, dy, dz, a, b, s[i + 2]!);
      case CYLINDER:
        return hitCylinder(ox, oy, oz, dx, dy, dz, a, b);
      case SHELL:
        return hitShell(ox, oy, oz, dx, dy, dz, a, b, s[i + 2]!, s[i + 3]!);
      case CAPSULE:
        return hitCapsule(ox, oy, oz, dx, dy, dz, a, b);
      case PRISM:
        return hitPrism(ox, oy, oz, dx, dy, dz, a, this.#polygon, this.#polygonFrom[g]!, this.#polygonTo[g]!);
      case SPHERE:
        return hitSphere(ox, oy, oz, dx, dy, dz, a);
      default:
        return hitEllipsoid(ox, oy, oz, dx, dy, dz, a, b, s[i + 2]!);
    }
  }

  #setNormal(g: number): void {
    const m = 9 * g;
    const p = 3 * g;
    const t = this.#turn;
    const h = this.hit;
    const n = this.#normal;
    const wx = h.x - this.#centre[p]!;
    const wy = h.y - this.#centre[p + 1]!;
    const wz = h.z - this.#centre[p + 2]!;
    const x = t[m]! * wx + t[m + 3]! * wy + t[m + 6]! * wz;
    const y = t[m + 1]! * wx + t[m + 4]! * wy + t[m + 7]! * wz;
    const z = t[m + 2]! * wx + t[m + 5]! * wy + t[m + 8]! * wz;
    this.#localNormal(g, x, y, z);
    h.nx = t[m]! * n[0]! + t[m + 1]! * n[1]! + t[m + 2]! * n[2]!;
    h.ny = t[m + 3]! * n[0]! + t[m + 4]! * n[1]! + t[m + 5]! * n[2]!;
    h.nz = t[m + 6]! * n[0]! + t[m + 7]! * n[1]! + t[m + 8]! * n[2]!;
  }

  #localNormal(g: number, x: number, y: number, z: number): void {
    const s = this.#size;
    const n = this.#normal;
    const i = 4 * g;
    const a = s[i]!;
    const b = s[i + 1]!;
    const c = s[i + 2]!;
    n[0] = 0;
    n[1] = 0;
    n[2] = 0;
    switch (this.#kind[g]) {
      case BOX: {
        const u = Math.abs(x) - a;
        const v = Math.abs(y) - b;
        const w = Math.abs(z) - c;
        if (u > v && u > w) n[0] = x > 0 ? 1 : -1;
        else if (v > w) n[1] = y > 0 ? 1 : -1;
        else n[2] = z > 0 ? 1 : -1;
        return;
      }
      case CYLINDER:
        if (Math.abs(z) - b > Math.sqrt(x * x + y * y) - a) n[2] = z > 0 ? 1 : -1;
        else {
          n[0] = x / a;
          n[1] = y / a;
        }
        return;
      case SHELL:
        shellNormal(x, y, z, a, b, c, s[i + 3]!, n);
        return;
      case PRISM:
        prismNormal(x, y, z, a, this.#polygon, this.#polygonFrom[g]!, this.#polygonTo[g]!, n);
        return;
      case CAPSULE:
        n[0] = x / a;
        n[1] = y / a;
        n[2] = (z > b ? z - b : z < -b ? z + b : 0) / a;
        return;
      case SPHERE:
        n[0] = x / a;
        n[1] = y / a;
        n[2] = z / a;
        return;
      default: {
        const u = x / (a * a);
        const v = y / (b * b);
        const w = z / (c * c);
        const k = 1 / Math.sqrt(u * u + v * v + w * w);
        n[0] = u * k;
        n[1] = v * k;
        n[2] = w * k;
      }
    }
  }

  /** True when something stands between the point and the light in unit direction (sx, sy, sz) near the sun's. */
  shaded(x: number, y: number, z: number, sx: number, sy: number, sz: number): boolean {
    const la = this.#acrossA;
    const lb = this.#acrossB;
    const i = Math.floor(((x * la[0] + y * la[1] + z * la[2] + GRID_REACH) / (2 * GRID_REACH)) * GRID);
    const j = Math.floor(((x * lb[0] + y * lb[1] + z * lb[2] + GRID_REACH) / (2 * GRID_REACH)) * GRID);
    if (i < 0 || j < 0 || i >= GRID || j >= GRID) return false;
    const cell = j * GRID + i;
    const from = cell * this.count;
    const to = from + this.#shadowCount[cell]!;
    const list = this.#shadow;
    const centre = this.#centre;
    const turn = this.#turn;
    for (let q = from; q < to; q++) {
      const g = list[q]!;
      const p = 3 * g;
      const ox = x - centre[p]!;
      const oy = y - centre[p + 1]!;
      const oz = z - centre[p + 2]!;
      const along = ox * sx + oy * sy + oz * sz;
      const r = this.#bound[g]!;
      if (along > r || along * along - (ox * ox + oy * oy + oz * oz) + r * r < 0) continue;
      const m = 9 * g;
      const t = this.#distance(
        g,
        turn[m]! * ox + turn[m + 3]! * oy + turn[m + 6]! * oz,
        turn[m + 1]! * ox + turn[m + 4]! * oy + turn[m + 7]! * oz,
        turn[m + 2]! * ox + turn[m + 5]! * oy + turn[m + 8]! * oz,
        turn[m]! * sx + turn[m + 3]! * sy + turn[m + 6]! * sz,
        turn[m + 1]! * sx + turn[m + 4]! * sy + turn[m + 7]! * sz,
        turn[m + 2]! * sx + turn[m + 5]! * sy + turn[m + 8]! * sz,
      );
      if (t > 1e-5) return true;
    }
    return false;
  }

  /** Two unit directions across the light, for soft shadows. */
  get lightFrame(): { readonly sun: Vec3; readonly a: Vec3; readonly b: Vec3 } {
    return { sun: this.#sun, a: this.#acrossA, b: this.#acrossB };
  }

  /** Point and normal of the last hit in the frame of geom `g`: six numbers into `out`. */
  localHit(g: number, out: Float64Array): void {
    const m = 9 * g;
    const p = 3 * g;
    const t = this.#turn;
    const h = this.hit;
    const wx = h.x - this.#centre[p]!;
    const wy = h.y - this.#centre[p + 1]!;
    const wz = h.z - this.#centre[p + 2]!;
    for (let i = 0; i < 3; i++) {
      out[i] = t[m + i]! * wx + t[m + 3 + i]! * wy + t[m + 6 + i]! * wz;
      out[3 + i] = t[m + i]! * h.nx + t[m + 3 + i]! * h.ny + t[m + 6 + i]! * h.nz;
    }
  }
}

function boundOf(g: Geom, e: Vec3): number {
  switch (g.solid) {
    case 'sphere':
      return g.radius;
    case 'capsule':
      return g.radius + g.half;
    case 'ellipsoid':
      return Math.max(e[0], e[1], e[2]);
    case 'cylinder':
    case 'shell':
      return Math.sqrt(e[0] * e[0] + e[2] * e[2]);
    case 'prism': {
      let r = 0;
      for (let i = 0; i < g.polygon.length; i += 2) {
        r = Math.max(r, g.polygon[i]! * g.polygon[i]! + g.polygon[i + 1]! * g.polygon[i + 1]!);
      }
      return Math.sqrt(r + g.half * g.half);
    }
    case 'box':
      return Math.sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]);
  }
}
