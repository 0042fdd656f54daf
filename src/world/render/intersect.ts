/**
 * Where a ray meets a solid: distance along a unit direction to the first hit from outside, or −1. Rays are given in the solid's own frame
 * (origin o, direction d). Plain scalars in and out, because these run millions of times a second;
 * that makes argument lists, and this file, long.
 */

/** Numbers of the solids inside the ray caster. */
export const SPHERE = 2;
export const CAPSULE = 3;
export const ELLIPSOID = 4;
export const CYLINDER = 5;
export const BOX = 6;
export const PRISM = 7;
export const SHELL = 8;

const NEAR = 1e-6;

export function hitSphere(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, r: number): number {
  const b = ox * dx + oy * dy + oz * dz;
  const root = b * b - (ox * ox + oy * oy + oz * oz - r * r);
  if (root < 0) return -1;
  const t = -b - Math.sqrt(root);
  return t > NEAR ? t : -1;
}

/** Slab test; half sizes a, b, c. */
export function hitBox(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  a: number,
  b: number,
  c: number,
): number {
  const ix = 1 / dx;
  const iy = 1 / dy;
  const iz = 1 / dz;
  const ax = Math.abs(ix) * a;
  const ay = Math.abs(iy) * b;
  const az = Math.abs(iz) * c;
  let near = -ox * ix - ax;
  let far = -ox * ix + ax;
  const nearY = -oy * iy - ay;
  const farY = -oy * iy + ay;
  if (nearY > near) near = nearY;
  if (farY < far) far = farY;
  const nearZ = -oz * iz - az;
  const farZ = -oz * iz + az;
  if (nearZ > near) near = nearZ;
  if (farZ < far) far = farZ;
  return near <= far && near > NEAR ? near : -1;
}

/** Radius r, half height h along z. */
export function hitCylinder(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  r: number,
  h: number,
): number {
  const a = dx * dx + dy * dy;
  const b = ox * dx + oy * dy;
  const root = b * b - a * (ox * ox + oy * oy - r * r);
  if (root < 0) return -1;
  if (a > 1e-12) {
    const t = (-b - Math.sqrt(root)) / a;
    const z = oz + t * dz;
    if (t > NEAR && z >= -h && z <= h) return t;
  }
  const t = ((dz < 0 ? h : -h) - oz) / dz;
  if (t > NEAR) {
    const x = ox + t * dx;
    const y = oy + t * dy;
    if (x * x + y * y <= r * r) return t;
  }
  return -1;
}

/** Radius r around the segment of half length h along z. */
export function hitCapsule(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  r: number,
  h: number,
): number {
  const a = dx * dx + dy * dy;
  const b = ox * dx + oy * dy;
  const root = b * b - a * (ox * ox + oy * oy - r * r);
  if (root < 0) return -1;
  if (a > 1e-12) {
    const t = (-b - Math.sqrt(root)) / a;
    const z = oz + t * dz;
    if (z >= -h && z <= h) return t > NEAR ? t : -1;
    return hitSphere(ox, oy, z < -h ? oz + h : oz - h, dx, dy, dz, r);
  }
  return hitSphere(ox, oy, dz < 0 ? oz - h : oz + h, dx, dy, dz, r);
}

/** Half axes a, b, c. */
export function hitEllipsoid(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  a: number,
  b: number,
  c: number,
): number {
  const px = ox / a;
  const py = oy / b;
  const pz = oz / c;
  const qx = dx / a;
  const qy = dy / b;
  const qz = dz / c;
  const k = qx * qx + qy * qy + qz * qz;
  const m = px * qx + py * qy + pz * qz;
  const root = m * m - k * (px * px + py * py + pz * pz - 1);
  if (root < 0) return -1;
  const t = (-m - Math.sqrt(root)) / k;
  return t > NEAR ? t : -1;
}

/** Nearest hit with the side of a frustum: radius m + k z for |z| ≤ h. */
function hitFrustumSide(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  m: number,
  k: number,
  h: number,
): number {
  const at = m + k * oz;
  const a = dx * dx + dy * dy - k * k * dz * dz;
  const b = ox * dx + oy * dy - at * k * dz;
  const root = b * b - a * (ox * ox + oy * oy - at * at);
  if (root < 0 || (a < 1e-12 && a > -1e-12)) return -1;
  const s = Math.sqrt(root);
  const t1 = (a > 0 ? -b - s : -b + s) / a;
  const t2 = (a > 0 ? -b + s : -b - s) / a;
  const z1 = oz + t1 * dz;
  if (t1 > NEAR && z1 >= -h && z1 <= h && m + k * z1 > 0) return t1;
  const z2 = oz + t2 * dz;
  return t2 > NEAR && z2 >= -h && z2 <= h && m + k * z2 > 0 ? t2 : -1;
}

/** Hit with the flat ring of a shell at height z, between its inner and outer radius there. */
function hitAnnulus(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  z: number,
  outer: number,
  wall: number,
): number {
  const t = (z - oz) / dz;
  if (!(t > NEAR)) return -1;
  const x = ox + t * dx;
  const y = oy + t * dy;
  const rr = x * x + y * y;
  return rr <= outer * outer && rr >= (outer - wall) * (outer - wall) ? t : -1;
}

/** Hollow frustum: outer radius `bottom` at −h and `top` at +h, wall thickness w; open at both ends. */
export function hitShell(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  bottom: number,
  top: number,
  h: number,
  w: number,
): number {
  const m = (bottom + top) / 2;
  const k = (top - bottom) / (2 * h);
  let best = hitFrustumSide(ox, oy, oz, dx, dy, dz, m, k, h);
  const inner = hitFrustumSide(ox, oy, oz, dx, dy, dz, m - w, k, h);
  if (inner > 0 && (best < 0 || inner < best)) best = inner;
  const upper = hitAnnulus(ox, oy, oz, dx, dy, dz, h, top, w);
  if (upper > 0 && (best < 0 || upper < best)) best = upper;
  const lower = hitAnnulus(ox, oy, oz, dx, dy, dz, -h, bottom, w);
  return lower > 0 && (best < 0 || lower < best) ? lower : best;
}

/** Even–odd rule for the polygon in `xy[from..to)` (x y pairs). */
function insidePolygon(x: number, y: number, xy: Float64Array, from: number, to: number): boolean {
  let inside = false;
  for (let i = from, j = to - 2; i < to; j = i, i += 2) {
    const yi = xy[i + 1]!;
    const yj = xy[j + 1]!;
    if (yi > y !== yj > y && x < ((xy[j]! - xy[i]!) * (y - yi)) / (yj - yi) + xy[i]!) inside = !inside;
  }
  return inside;
}

/** A counter-clockwise polygon extruded to |z| ≤ h; only faces turned towards the ray count, so it must be met from outside. */
export function hitPrism(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  h: number,
  xy: Float64Array,
  from: number,
  to: number,
): number {
  let best = -1;
  const cap = ((dz < 0 ? h : -h) - oz) / dz;
  if (cap > NEAR && insidePolygon(ox + cap * dx, oy + cap * dy, xy, from, to)) best = cap;
  for (let i = from; i < to; i += 2) {
    const j = i + 2 < to ? i + 2 : from;
    const ex = xy[j]! - xy[i]!;
    const ey = xy[j + 1]! - xy[i + 1]!;
    const towards = ey * dx - ex * dy;
    if (towards >= 0) continue;
    const t = (ey * (xy[i]! - ox) - ex * (xy[i + 1]! - oy)) / towards;
    if (!(t > NEAR) || (best > 0 && t > best)) continue;
    const z = oz + t * dz;
    if (z < -h || z > h) continue;
    const along = (ox + t * dx - xy[i]!) * ex + (oy + t * dy - xy[i + 1]!) * ey;
    if (along >= 0 && along <= ex * ex + ey * ey) best = t;
  }
  return best;
}

/** Writes the outward normal of a shell at (x, y, z) on its surface. */
export function shellNormal(
  x: number,
  y: number,
  z: number,
  bottom: number,
  top: number,
  h: number,
  w: number,
  out: Float64Array,
): void {
  const k = (top - bottom) / (2 * h);
  const r = Math.sqrt(x * x + y * y);
  const outer = (bottom + top) / 2 + k * z;
  const toOuter = Math.abs(r - outer);
  const toInner = Math.abs(r - outer + w);
  const toEnd = h - Math.abs(z);
  if (toEnd < toOuter && toEnd < toInner) {
    out[0] = 0;
    out[1] = 0;
    out[2] = z > 0 ? 1 : -1;
    return;
  }
  const s = (toOuter < toInner ? 1 : -1) / Math.sqrt(1 + k * k);
  out[0] = (s * x) / r;
  out[1] = (s * y) / r;
  out[2] = -s * k;
}

/** Writes the outward normal of a prism at (x, y, z) on its surface. */
export function prismNormal(
  x: number,
  y: number,
  z: number,
  h: number,
  xy: Float64Array,
  from: number,
  to: number,
  out: Float64Array,
): void {
  let nearest = h - Math.abs(z);
  out[0] = 0;
  out[1] = 0;
  out[2] = z > 0 ? 1 : -1;
  for (let i = from; i < to; i += 2) {
    const j = i + 2 < to ? i + 2 : from;
    const ex = xy[j]! - xy[i]!;
    const ey = xy[j + 1]! - xy[i + 1]!;
    const ll = ex * ex + ey * ey;
    const along = (x - xy[i]!) * ex + (y - xy[i + 1]!) * ey;
    if (along < -1e-9 || along > ll + 1e-9) continue;
    const l = Math.sqrt(ll);
    const away = Math.abs(ey * (x - xy[i]!) - ex * (y - xy[i + 1]!)) / l;
    if (away >= nearest) continue;
    nearest = away;
    out[0] = ey / l;
    out[1] = -ex / l;
    out[2] = 0;
  }
}
