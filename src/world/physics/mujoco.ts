/**
 * The one module that touches MuJoCo's WebAssembly build. It owns lifetimes (nothing there is garbage-collected), re-reads heap views on every
 * use (they detach when memory grows), and keeps away from what is broken in 3.14.0: getters of boolean arrays throw, so welds are switched
 * through `mj_setState`; names are looked up, never read back.
 */
import loadModule from '@mujoco/mujoco';
import { BowError } from '../../base/index.ts';
import type { Pose, Quat, Vec3 } from '../math.ts';

/** What this module uses of MjModel. */
type NativeModel = {
  readonly nq: number;
  readonly nv: number;
  readonly nu: number;
  readonly neq: number;
  readonly ngeom: number;
  readonly nbody: number;
  readonly jnt_qposadr: Int32Array;
  readonly jnt_dofadr: Int32Array;
  readonly eq_data: Float64Array;
  delete(): void;
};
/** What it uses of MjData. */
type NativeData = {
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly ctrl: Float64Array;
  readonly xpos: Float64Array;
  readonly xquat: Float64Array;
  readonly time: number;
  delete(): void;
};
type NumberBuffer = { GetView(): Float64Array; delete(): void };
type NativeModule = {
  MjModel: { from_xml_string(xml: string): NativeModel };
  MjData: new (m: NativeModel) => NativeData;
  DoubleBuffer: new (n: number) => NumberBuffer;
  mjtObj: Record<'mjOBJ_BODY' | 'mjOBJ_JOINT' | 'mjOBJ_EQUALITY' | 'mjOBJ_ACTUATOR', { value: number }>;
  mjtState: Record<'mjSTATE_EQ_ACTIVE' | 'mjSTATE_INTEGRATION', { value: number }>;
  mj_name2id(m: NativeModel, kind: number, name: string): number;
  mj_step(m: NativeModel, d: NativeData): void;
  mj_forward(m: NativeModel, d: NativeData): void;
  mj_kinematics(m: NativeModel, d: NativeData): void;
  mj_resetData(m: NativeModel, d: NativeData): void;
  mj_stateSize(m: NativeModel, kind: number): number;
  mj_getState(m: NativeModel, d: NativeData, out: NumberBuffer, kind: number): void;
  mj_setState(m: NativeModel, d: NativeData, state: number[], kind: number): void;
  mj_versionString(): string;
};

/** The loaded engine; compile models with {@link Engine.compile}. */
export type Engine = {
  readonly version: string;
  /** Compiles MJCF; a model that MuJoCo refuses is a `data` error with its reason. */
  readonly compile: (mjcf: string) => Physics;
  /** Bytes of the WebAssembly memory; it grows and never shrinks. */
  readonly heapBytes: () => number;
};

/** A compiled model with its state. Call `dispose` when done. */
export type Physics = {
  readonly counts: { readonly bodies: number; readonly geoms: number; readonly dofs: number };
  /** Back to the model's initial state; welds off. */
  readonly reset: () => void;
  readonly step: (n: number) => void;
  /** Recomputes positions from the joint values without advancing time. */
  readonly forward: () => void;
  readonly time: () => number;
  readonly body: (name: string) => number;
  readonly bodyPose: (body: number) => Pose;
  readonly joint: (name: string) => Joint;
  readonly actuator: (name: string) => number;
  readonly setControl: (actuator: number, value: number) => void;
  /** Turns a weld on, keeping the present relative pose of its bodies `a` and `b`, or off. */
  readonly weld: (name: string, on: boolean, relative?: Pose) => void;
  /** Everything that decides the future, as numbers; {@link restore} continues bit for bit. */
  readonly state: () => Float64Array;
  readonly restore: (state: Float64Array) => void;
  readonly dispose: () => void;
};

/** One joint's numbers. A free joint's value is x, y, z and a quaternion. */
export type Joint = {
  readonly get: () => number;
  readonly set: (value: number) => void;
  readonly setPose: (pose: Pose) => void;
  /** Length of the velocity, metres and radians mixed as MuJoCo keeps them. */
  readonly speed: (dofs: number) => number;
};

const loading = new Map<string, Promise<Engine>>();

/** Loads MuJoCo once. `wasmUrl`: where a bundler put `mujoco.wasm`; not needed in Node. */
export function loadEngine(o: { wasmUrl?: string } = {}): Promise<Engine> {
  const key = o.wasmUrl ?? '';
  let engine = loading.get(key);
  if (!engine) {
    engine = load(o.wasmUrl);
    loading.set(key, engine);
    engine.catch(() => loading.delete(key));
  }
  return engine;
}

async function load(wasmUrl: string | undefined): Promise<Engine> {
  let native: NativeModule;
  try {
    native = (await loadModule(wasmUrl ? { locateFile: () => wasmUrl } : {})) as unknown as NativeModule;
  } catch (e) {
    throw new BowError('backend', `MuJoCo could not be loaded: ${(e as Error).message}`, {
      hint: "a page needs 'unsafe-eval' in its content security policy, and the URL of mujoco.wasm",
      cause: e,
    });
  }
  return {
    version: native.mj_versionString(),
    compile: (mjcf) => createPhysics(native, mjcf),
    heapBytes: () => probeHeap(native),
  };
}

/** Size of the heap through a view of it: touching the module's own HEAP arrays aborts it, they are not exported. */
function probeHeap(native: NativeModule): number {
  const buffer = new native.DoubleBuffer(1);
  const bytes = buffer.GetView().buffer.byteLength;
  buffer.delete();
  return bytes;
}

function createPhysics(native: NativeModule, mjcf: string): Physics {
  let m: NativeModel;
  try {
    m = native.MjModel.from_xml_string(mjcf);
  } catch (e) {
    throw new BowError('data', `MuJoCo refuses the model: ${(e as Error).message}`, { cause: e });
  }
  const d = new native.MjData(m);
  const integration = native.mjtState.mjSTATE_INTEGRATION.value;
  const stateBuffer = new native.DoubleBuffer(native.mj_stateSize(m, integration));
  const active = new Array<number>(m.neq).fill(0);
  const find = (kind: keyof NativeModule['mjtObj'], name: string): number => {
    const id = native.mj_name2id(m, native.mjtObj[kind].value, name);
    if (id < 0) throw new BowError('data', `the model has nothing called "${name}"`, { place: kind });
    return id;
  };
  const applyWelds = () => native.mj_setState(m, d, active, native.mjtState.mjSTATE_EQ_ACTIVE.value);
  return {
    counts: { bodies: m.nbody, geoms: m.ngeom, dofs: m.nv },
    reset: () => {
      native.mj_resetData(m, d);
      active.fill(0);
      if (m.neq > 0) applyWelds();
    },
    step: (n) => {
      for (let i = 0; i < n; i++) native.mj_step(m, d);
      native.mj_kinematics(m, d); // body poses as of now, not as of one step ago; leaves the solver's warm start alone
    },
    forward: () => native.mj_forward(m, d),
    time: () => d.time,
    body: (name) => find('mjOBJ_BODY', name),
    bodyPose: (b) => readPose(d, b),
    joint: (name) => jointAccess(m, d, find('mjOBJ_JOINT', name)),
    actuator: (name) => find('mjOBJ_ACTUATOR', name),
    setControl: (a, value) => {
      d.ctrl[a] = value;
    },
    weld: (name, on, relative) => {
      const e = find('mjOBJ_EQUALITY', name);
      if (on && relative) {
        // anchor, relative position, relative quaternion, torque scale: 11 numbers per equality
        m.eq_data.set([0, 0, 0, ...relative.pos, ...relative.quat, 1], 11 * e);
      }
      active[e] = on ? 1 : 0;
      applyWelds();
    },
    state: () => {
      native.mj_getState(m, d, stateBuffer, integration);
      return stateBuffer.GetView().slice();
    },
    restore: (s) => {
      native.mj_setState(m, d, Array.from(s), integration);
      native.mj_kinematics(m, d);
    },
    dispose: () => {
      stateBuffer.delete();
      d.delete();
      m.delete();
    },
  };
}

function readPose(d: NativeData, b: number): Pose {
  const p = d.xpos;
  const q = d.xquat;
  return {
    pos: [p[3 * b]!, p[3 * b + 1]!, p[3 * b + 2]!],
    quat: [q[4 * b]!, q[4 * b + 1]!, q[4 * b + 2]!, q[4 * b + 3]!],
  };
}

function jointAccess(m: NativeModel, d: NativeData, j: number): Joint {
  const position = m.jnt_qposadr[j]!;
  const velocity = m.jnt_dofadr[j]!;
  return {
    get: () => d.qpos[position]!,
    set: (value) => {
      d.qpos[position] = value;
    },
    setPose: (pose: { pos: Vec3; quat: Quat }) => {
      d.qpos.set([...pose.pos, ...pose.quat], position);
    },
    speed: (dofs) => {
      let sum = 0;
      for (let i = 0; i < dofs; i++) sum += d.qvel[velocity + i]! ** 2;
      return Math.sqrt(sum);
    },
  };
}
