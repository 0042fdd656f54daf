/**
 * The robot: a 6-joint arm of primitives on the far side of the table with a suction cup or a parallel gripper, its kinematics and its inverse
 * kinematics. Own kinematics (not MuJoCo's Jacobian): the same bits everywhere and no second MjData.
 */
import { box, capsule, cylinder, type Geom, geom, sphere } from '../geometry.ts';
import {
  compose,
  type Pose,
  type Quat,
  quatAbout,
  quatMatrix,
  quatMul,
  quatYaw,
  rotate,
  sub,
  type Vec3,
} from '../math.ts';
import type { Rgb } from '../vocabulary.ts';

export type Tool = 'suction' | 'gripper';
export const tools: readonly Tool[] = ['suction', 'gripper'];

/** A link with the joint that moves it. `arm`, `wrist` and `finger` pick the actuator's strength. */
export type Link = {
  readonly name: string;
  readonly parent: string;
  readonly pos: Vec3;
  readonly quat: Quat;
  readonly joint?: {
    readonly type: 'hinge' | 'slide';
    readonly axis: Vec3;
    readonly range: readonly [number, number];
    readonly strength: 'arm' | 'wrist' | 'finger';
  };
  readonly geoms: readonly Geom[];
};

const SHELL: Rgb = [0.86, 0.87, 0.9];
const JOINT: Rgb = [0.2, 0.42, 0.78];
const DARK: Rgb = [0.2, 0.22, 0.25];
const BLACK: Rgb = [0.14, 0.14, 0.16];
const PAD: Rgb = [0.85, 0.35, 0.2];

/** Where the arm stands and how long its two halves are: every point of the work area is reached with the tool pointing down. */
export const BASE: Vec3 = [0, 0.44, 0];
const SHOULDER = 0.22;
const UPPER = 0.38;
const FORE = 0.38;
const WRIST_TO_HAND = 0.07;
/** Tip of each tool below the hand's flange. */
export const TIP: Readonly<Record<Tool, number>> = { suction: 0.13, gripper: 0.095 };
/** Largest opening of the gripper's half: the fingers stand 2 × (this + 0.002) apart. */
export const FINGER_TRAVEL = 0.042;

const Y = quatAbout([1, 0, 0], -Math.PI / 2); // z axis → y
const up = (z: number) => ({ at: [0, 0, z] as Vec3 });

const g = (solid: Parameters<typeof geom>[1], colour: Rgb, weight: number, at: Vec3 = [0, 0, 0], quat?: Quat): Geom =>
  geom('arm', solid, { at, colour, weight, ...(quat ? { quat } : {}) });

const hinge = (axis: Vec3, low: number, high: number, strength: 'arm' | 'wrist'): NonNullable<Link['joint']> => ({
  type: 'hinge',
  axis,
  range: [low, high],
  strength,
});

const still: Quat = [1, 0, 0, 0];
const arm: readonly Link[] = [
  {
    name: 'base',
    parent: '',
    pos: BASE,
    quat: quatYaw(-Math.PI / 2), // forward is −y, towards the viewer
    geoms: [g(cylinder(0.075, 0.02), DARK, 1, [0, 0, 0.02]), g(cylinder(0.06, 0.03), SHELL, 1, [0, 0, 0.07])],
  },
  {
    name: 'turret',
    parent: 'base',
    pos: [0, 0, 0.1],
    quat: still,
    joint: hinge([0, 0, 1], -2.9, 2.9, 'arm'),
    geoms: [g(cylinder(0.056, 0.05), SHELL, 2, [0, 0, 0.05]), g(capsule(0.05, 0.06), JOINT, 1, [0, 0, 0.12], Y)],
  },
  {
    name: 'upper',
    parent: 'turret',
    pos: [0, 0, SHOULDER - 0.1],
    quat: still,
    joint: hinge([0, 1, 0], -2, 2.3, 'arm'),
    geoms: [g(capsule(0.04, UPPER / 2), SHELL, 2, [0, 0, UPPER / 2])],
  },
  {
    name: 'fore',
    parent: 'upper',
    pos: [0, 0, UPPER],
    quat: still,
    joint: hinge([0, 1, 0], -2.8, 2.8, 'arm'),
    geoms: [g(capsule(0.044, 0.045), JOINT, 0.6, [0, 0, 0], Y), g(capsule(0.033, 0.08), SHELL, 1, [0, 0, 0.09])],
  },
  {
    name: 'roll',
    parent: 'fore',
    pos: [0, 0, FORE / 2],
    quat: still,
    joint: hinge([0, 0, 1], -3, 3, 'arm'),
    geoms: [g(capsule(0.029, 0.08), SHELL, 0.7, [0, 0, 0.09])],
  },
  {
    name: 'pitch',
    parent: 'roll',
    pos: [0, 0, FORE / 2],
    quat: still,
    joint: hinge([0, 1, 0], -2.4, 2.6, 'wrist'),
    geoms: [g(sphere(0.034), JOINT, 0.3), g(cylinder(0.026, 0.025), SHELL, 0.2, [0, 0, 0.04])],
  },
];

const flange = g(cylinder(0.03, 0.008), SHELL, 0.1, [0, 0, 0.004]);

const suctionHand: readonly Link[] = [
  {
    name: 'hand',
    parent: 'pitch',
    pos: [0, 0, WRIST_TO_HAND],
    quat: still,
    joint: hinge([0, 0, 1], -6.3, 6.3, 'wrist'),
    geoms: [
      flange,
      g(cylinder(0.016, 0.02), DARK, 0.1, [0, 0, 0.03]),
      g(cylinder(0.006, 0.036), SHELL, 0.05, [0, 0, 0.085]),
      g(cylinder(0.0085, 0.005), PAD, 0.02, [0, 0, TIP.suction - 0.005]),
    ],
  },
];

function finger(name: string, side: 1 | -1): Link {
  return {
    name,
    parent: 'hand',
    pos: [0, 0.002 * side, 0.04],
    quat: still,
    joint: { type: 'slide', axis: [0, side, 0], range: [0, FINGER_TRAVEL], strength: 'finger' },
    geoms: [
      g(box(0.008, 0.005, 0.018), BLACK, 0.03, [0, 0.005 * side, 0.018]),
      g(box(0.011, 0.004, 0.016), PAD, 0.02, [0, 0.004 * side, 0.05]),
    ],
  };
}

const gripperHand: readonly Link[] = [
  {
    name: 'hand',
    parent: 'pitch',
    pos: [0, 0, WRIST_TO_HAND],
    quat: still,
    joint: hinge([0, 0, 1], -6.3, 6.3, 'wrist'),
    geoms: [flange, geom('arm', box(0.02, 0.058, 0.014), { ...up(0.026), colour: DARK, weight: 0.25 })],
  },
  finger('left finger', 1),
  finger('right finger', -1),
];

/** All links of the robot with a tool, parents before children. */
export function robotLinks(tool: Tool): readonly Link[] {
  return [...arm, ...(tool === 'suction' ? suctionHand : gripperHand)];
}

/** The six joints that place the hand, in order. */
export const armJoints = ['turret', 'upper', 'fore', 'roll', 'pitch', 'hand'] as const;
const chain: readonly Link[] = [...arm, suctionHand[0]!];

/** Pose of the tool's tip for joint angles (6). */
export function tipPose(q: ArrayLike<number>, tool: Tool): Pose {
  let pose: Pose = { pos: chain[0]!.pos, quat: chain[0]!.quat };
  for (let i = 0; i < 6; i++) {
    const link = chain[i + 1]!;
    pose = compose(pose, { pos: link.pos, quat: quatAbout(link.joint!.axis, q[i]!) });
  }
  return compose(pose, { pos: [0, 0, TIP[tool]], quat: still });
}

/** Orientation with the tool pointing straight down; at yaw 0 the fingers close along the world's y axis. */
export function toolDown(yaw: number): Quat {
  return quatMul(quatYaw(yaw), [0, 1, 0, 0]);
}

export type Reach = { readonly joints: number[]; readonly error: number; readonly reached: boolean };

/**
 * Damped least squares (Wampler 1986): joint angles that bring the tip to a pose, from a start near by. λ = 0.05, steps at most 0.4 rad.
 * `reached` when position and a tenth of the angle are within 2 mm together.
 */
export function inverseKinematics(goal: Pose, start: ArrayLike<number>, tool: Tool, iterations: number = 60): Reach {
  const q = Array.from({ length: 6 }, (_, i) => start[i]!);
  const jacobian = new Float64Array(36);
  const error = new Float64Array(6);
  let size = 1e9;
  for (let k = 0; k < iterations; k++) {
    size = poseError(goal, q, tool, error, jacobian);
    if (size < 2e-4) break;
    const step = dampedStep(jacobian, error);
    const largest = step.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    const shrink = largest > 0.4 ? 0.4 / largest : 1;
    for (let i = 0; i < 6; i++) {
      const [low, high] = chain[i + 1]!.joint!.range;
      q[i] = Math.min(high - 0.02, Math.max(low + 0.02, q[i]! + shrink * step[i]!));
    }
  }
  size = poseError(goal, q, tool, error, jacobian);
  return { joints: q, error: size, reached: size < 2e-3 };
}

/** Fills the 6 errors (metres, radians) and the 6 × 6 Jacobian at q; returns |position| + 0.1 |angle|. */
function poseError(goal: Pose, q: readonly number[], tool: Tool, error: Float64Array, jacobian: Float64Array): number {
  const axes: Vec3[] = [];
  const positions: Vec3[] = [];
  let pose: Pose = { pos: chain[0]!.pos, quat: chain[0]!.quat };
  for (let i = 0; i < 6; i++) {
    const link = chain[i + 1]!;
    const frame = compose(pose, { pos: link.pos, quat: still });
    axes.push(rotate(frame.quat, link.joint!.axis));
    positions.push(frame.pos);
    pose = { pos: frame.pos, quat: quatMul(frame.quat, quatAbout(link.joint!.axis, q[i]!)) };
  }
  const tip = compose(pose, { pos: [0, 0, TIP[tool]], quat: still });
  const d = sub(goal.pos, tip.pos);
  const w = rotationError(quatMatrix(tip.quat), quatMatrix(goal.quat));
  error.set([...d, ...w]);
  for (let i = 0; i < 6; i++) {
    const [a, r] = [axes[i]!, sub(tip.pos, positions[i]!)];
    const turn = [a[1] * r[2] - a[2] * r[1], a[2] * r[0] - a[0] * r[2], a[0] * r[1] - a[1] * r[0]];
    for (let k = 0; k < 3; k++) {
      jacobian[6 * k + i] = turn[k]!;
      jacobian[6 * (k + 3) + i] = a[k]!;
    }
  }
  return Math.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2) + 0.1 * Math.sqrt(w[0] ** 2 + w[1] ** 2 + w[2] ** 2);
}

/** ½ Σ (column of now) × (column of goal): the turn still missing, exact to first order; kicked when nearly half a turn is missing. */
function rotationError(now: readonly number[], goal: readonly number[]): [number, number, number] {
  const w: [number, number, number] = [0, 0, 0];
  let trace = 0;
  for (let c = 0; c < 3; c++) {
    const [a0, a1, a2] = [now[c]!, now[3 + c]!, now[6 + c]!];
    const [b0, b1, b2] = [goal[c]!, goal[3 + c]!, goal[6 + c]!];
    w[0] += 0.5 * (a1 * b2 - a2 * b1);
    w[1] += 0.5 * (a2 * b0 - a0 * b2);
    w[2] += 0.5 * (a0 * b1 - a1 * b0);
    trace += a0 * b0 + a1 * b1 + a2 * b2;
  }
  if (trace < -0.9) w[2] += 0.5;
  return w;
}

/** Jᵀ (J Jᵀ + λ² I)⁻¹ e by Cholesky. */
function dampedStep(j: Float64Array, e: Float64Array): Float64Array {
  const damping = 0.05 * 0.05;
  const lower = new Float64Array(36);
  const y = new Float64Array(6);
  for (let r = 0; r < 6; r++) {
    for (let c = 0; c <= r; c++) {
      let s = r === c ? damping : 0;
      for (let k = 0; k < 6; k++) s += j[6 * r + k]! * j[6 * c + k]!;
      for (let k = 0; k < c; k++) s -= lower[6 * r + k]! * lower[6 * c + k]!;
      lower[6 * r + c] = r === c ? Math.sqrt(Math.max(s, 1e-12)) : s / lower[7 * c]!;
    }
  }
  for (let r = 0; r < 6; r++) {
    let s = e[r]!;
    for (let k = 0; k < r; k++) s -= lower[6 * r + k]! * y[k]!;
    y[r] = s / lower[7 * r]!;
  }
  for (let r = 5; r >= 0; r--) {
    let s = y[r]!;
    for (let k = r + 1; k < 6; k++) s -= lower[6 * k + r]! * y[k]!;
    y[r] = s / lower[7 * r]!;
  }
  const out = new Float64Array(6);
  for (let i = 0; i < 6; i++) for (let r = 0; r < 6; r++) out[i]! += j[6 * r + i]! * y[r]!;
  return out;
}

/** Where the tip waits: above the back of the table's middle, with the wrist unturned. */
export const HOME_TIP: Pose = { pos: [0, 0.1, 0.27], quat: toolDown(Math.PI / 2) };

const homes = new Map<Tool, readonly number[]>();

/** Joint angles of the resting posture. */
export function homeJoints(tool: Tool): readonly number[] {
  let home = homes.get(tool);
  if (!home) {
    home = inverseKinematics(HOME_TIP, [0, -0.4, 2.1, 0, 1.4, 0], tool, 200).joints;
    homes.set(tool, home);
  }
  return home;
}
