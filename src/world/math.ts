/**
 * Vectors, rotations and the few transcendental functions the world needs, with the same bits in every JavaScript engine: `Math.sin` and its
 * kin may differ in the last bit between engines and versions, so images and scenes use these instead. Kernels: fdlibm (Sun, 1993), k_sin.c,
 * k_cos.c, s_atan.c; only +, −, ×, ÷ and sqrt, which IEEE 754 defines exactly.
 */

/** x, y, z in metres (or a direction). */
export type Vec3 = readonly [number, number, number];
/** Unit quaternion, scalar first: w, x, y, z. */
export type Quat = readonly [number, number, number, number];
/** Where something is and how it is turned. */
export type Pose = { readonly pos: Vec3; readonly quat: Quat };

const HALF_PI_HIGH = 1.5707963267341256; // first 33 bits of π/2, fdlibm e_rem_pio2.c
const HALF_PI_LOW = 6.077100506506192e-11;
const S = [
  -0.16666666666666632, 0.00833333333332249, -0.0001984126982985795, 0.0000027557313707070068, -2.5050760253406863e-8,
  1.58969099521155e-10,
] as const;
const C = [
  0.0416666666666666, -0.001388888888887411, 0.00002480158728947673, -2.7557314351390663e-7, 2.087572321298175e-9,
  -1.1359647557788195e-11,
] as const;
const A = [
  0.3333333333333293, -0.19999999999876483, 0.14285714272503466, -0.11111110405462356, 0.09090887133436507,
  -0.0769187620504483, 0.06661073137387531, -0.058335701337905735, 0.049768779946159324, -0.036531572744216916,
  0.016285820115365782,
] as const;

function kernelSin(r: number): number {
  const z = r * r;
  return r + r * z * (S[0] + z * (S[1] + z * (S[2] + z * (S[3] + z * (S[4] + z * S[5])))));
}

function kernelCos(r: number): number {
  const z = r * r;
  return 1 - 0.5 * z + z * z * (C[0] + z * (C[1] + z * (C[2] + z * (C[3] + z * (C[4] + z * C[5])))));
}

/** sin x for |x| up to about 10⁵ radians, within a few units in the last place. */
export function sin(x: number): number {
  const n = Math.round(x / (HALF_PI_HIGH + HALF_PI_LOW));
  const r = x - n * HALF_PI_HIGH - n * HALF_PI_LOW;
  const q = ((n % 4) + 4) % 4;
  const v = q % 2 === 0 ? kernelSin(r) : kernelCos(r);
  return q < 2 ? v : -v;
}

/** cos x for |x| up to about 10⁵ radians. */
export function cos(x: number): number {
  const n = Math.round(x / (HALF_PI_HIGH + HALF_PI_LOW));
  const r = x - n * HALF_PI_HIGH - n * HALF_PI_LOW;
  const q = ((n % 4) + 4) % 4;
  const v = q % 2 === 0 ? kernelCos(r) : kernelSin(r);
  return q === 0 || q === 3 ? v : -v;
}

/** tan x. */
export function tan(x: number): number {
  return sin(x) / cos(x);
}

function atanPositive(x: number): number {
  if (x > 2.4375) return Math.PI / 2 - atanSmall(1 / x);
  if (x > 1.1875) return 0.982793723247329 + atanSmall((x - 1.5) / (1 + 1.5 * x));
  if (x > 0.6875) return Math.PI / 4 + atanSmall((x - 1) / (x + 1));
  if (x > 0.4375) return 0.4636476090008061 + atanSmall((2 * x - 1) / (2 + x));
  return atanSmall(x);
}

function atanSmall(x: number): number {
  const z = x * x;
  let sum = 0;
  for (let i = A.length - 1; i >= 0; i--) sum = A[i]! + z * sum;
  return x - x * z * sum;
}

/** Angle of the vector (x, y) in (−π, π]; 0 for the zero vector. */
export function atan2(y: number, x: number): number {
  if (x === 0 && y === 0) return 0;
  const ax = Math.abs(x);
  const ay = Math.abs(y);
  const base = ax === 0 ? Math.PI / 2 : atanPositive(ay / ax);
  const half = x < 0 ? Math.PI - base : base;
  return y < 0 ? -half : half;
}

/** Euclidean length of (x, y) or (x, y, z); `Math.hypot` is slow and not exactly defined. */
export function length(x: number, y: number, z = 0): number {
  return Math.sqrt(x * x + y * y + z * z);
}

export function add(a: Vec3, b: Vec3): Vec3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

export function sub(a: Vec3, b: Vec3): Vec3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function scale(a: Vec3, k: number): Vec3 {
  return [a[0] * k, a[1] * k, a[2] * k];
}

export function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** The vector of length 1; the zero vector stays. */
export function unit(a: Vec3): Vec3 {
  const n = length(a[0], a[1], a[2]);
  return n === 0 ? a : scale(a, 1 / n);
}

/** Distance of two points, and in the plane of the table. */
export function distance(a: Vec3, b: Vec3): number {
  return length(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

export function planarDistance(a: Vec3, b: Vec3): number {
  return length(a[0] - b[0], a[1] - b[1]);
}

export const IDENTITY: Quat = [1, 0, 0, 0];

/** Rotation by `angle` radians about a unit axis. */
export function quatAbout(axis: Vec3, angle: number): Quat {
  const s = sin(angle / 2);
  return [cos(angle / 2), axis[0] * s, axis[1] * s, axis[2] * s];
}

/** Rotation about the vertical axis. */
export function quatYaw(yaw: number): Quat {
  return [cos(yaw / 2), 0, 0, sin(yaw / 2)];
}

/** First b, then a. */
export function quatMul(a: Quat, b: Quat): Quat {
  return [
    a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
    a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
    a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
    a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
  ];
}

export function quatConjugate(q: Quat): Quat {
  return [q[0], -q[1], -q[2], -q[3]];
}

export function rotate(q: Quat, v: Vec3): Vec3 {
  const m = quatMatrix(q);
  return [
    m[0]! * v[0] + m[1]! * v[1] + m[2]! * v[2],
    m[3]! * v[0] + m[4]! * v[1] + m[5]! * v[2],
    m[6]! * v[0] + m[7]! * v[1] + m[8]! * v[2],
  ];
}

/** Row-major 3 × 3 matrix of a unit quaternion. */
export function quatMatrix(q: Quat): number[] {
  const [w, x, y, z] = q;
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  ];
}

/** Heading of the body's x axis seen from above. */
export function yawOf(q: Quat): number {
  return atan2(2 * (q[0] * q[3] + q[1] * q[2]), 1 - 2 * (q[2] * q[2] + q[3] * q[3]));
}

/** A pose given in the frame of `outer`, expressed in the world. */
export function compose(outer: Pose, inner: Pose): Pose {
  return { pos: add(outer.pos, rotate(outer.quat, inner.pos)), quat: quatMul(outer.quat, inner.quat) };
}

/** `angle` brought into (−period/2, period/2]. */
export function wrapAngle(angle: number, period: number = 2 * Math.PI): number {
  const a = ((angle % period) + period) % period;
  return a > period / 2 ? a - period : a;
}
