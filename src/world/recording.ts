/** Recorded episodes: what was commanded, where everything was, how it ended. Replayed bit for bit, or rendered again without physics. */
import { z } from 'zod';
import { BowError, hash32 } from '../base/index.ts';
import { type Outcome, runEpisode } from './physics/episode.ts';
import type { Engine } from './physics/mujoco.ts';
import { robotLinks, type Tool } from './physics/robot.ts';
import { type Action, createSimulation, type Simulation } from './physics/simulation.ts';
import type { Camera } from './render/camera.ts';
import { createRenderer, type ExtraBody, type Frame, type RenderOptions } from './render/frame.ts';
import { checkScene, readScene, type Scene } from './scene.ts';
import type { ActSession } from './sessions.ts';
import type { Task } from './tasks/task.ts';

/** Numbers of one moment: for every object x y z, w x y z, joint; then the same seven for every link of the robot. */
type Moment = readonly number[];

export type Recording = {
  readonly format: 'bow2bot-episode';
  readonly version: 1;
  /** MuJoCo's version: replays are bit for bit identical only under the same. */
  readonly engine: string;
  readonly family: string;
  readonly instruction: string;
  readonly tool: Tool;
  readonly scene: Scene;
  /** dx dy dz, roll pitch yaw, grip, done (0 or 1), one row per control step. */
  readonly actions: readonly (readonly number[])[];
  /** Before every action, and at the end: one more than actions. */
  readonly moments: readonly Moment[];
  readonly outcome: Outcome;
  /** Hash of the physics state at the end. */
  readonly finalState: number;
};

const finite = z.number().refine(Number.isFinite, 'not finite');
const schema = z.object({
  format: z.literal('bow2bot-episode'),
  version: z.literal(1),
  engine: z.string(),
  family: z.string(),
  instruction: z.string(),
  tool: z.enum(['suction', 'gripper']),
  scene: z.unknown(),
  actions: z.array(z.array(finite).length(8)).max(100_000),
  moments: z.array(z.array(finite)).max(100_001),
  outcome: z.object({
    success: z.boolean(),
    steps: z.number(),
    correctObjectTouched: z.boolean(),
    failureReason: z.string(),
  }),
  finalState: z.number(),
});

/** Reads a recording from parsed JSON; anything that is not one, or does not fit together, is a `data` error. */
export function readRecording(value: unknown): Recording {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new BowError('data', `not a recording: ${issue.message}`, { place: issue.path.join('.') || 'recording' });
  }
  const scene = readScene(parsed.data.scene);
  const recording: Recording = { ...parsed.data, scene };
  const width = 8 * scene.objects.length + 7 * robotLinks(recording.tool).length;
  const wrong = recording.moments.findIndex((m) => m.length !== width);
  if (wrong >= 0)
    throw new BowError(
      'data',
      `not a recording: moment ${wrong} has ${recording.moments[wrong]!.length} numbers, not ${width}`,
    );
  if (recording.moments.length !== recording.actions.length + 1) {
    throw new BowError(
      'data',
      `not a recording: ${recording.actions.length} actions and ${recording.moments.length} moments`,
    );
  }
  return recording;
}

export function actionRow(a: Action): number[] {
  return [...a.move, ...a.turn, a.grip, a.done ? 1 : 0];
}

function actionOf(row: readonly number[]): Action {
  const [x = 0, y = 0, z0 = 0, roll = 0, pitch = 0, turn = 0, grip = 0, done = 0] = row;
  return { move: [x, y, z0], turn: [roll, pitch, turn], grip, done: done > 0.5 };
}

function momentOf(sim: Simulation): Moment {
  const scene = sim.scene();
  return [
    ...scene.objects.flatMap((o) => [...o.pose.pos, ...o.pose.quat, o.joint]),
    ...sim.robot().flatMap((l) => [...l.pose.pos, ...l.pose.quat]),
  ];
}

function stateHash(sim: Simulation): number {
  return hash32(new Uint8Array(sim.snapshot().physics.buffer));
}

/** Runs a task with a policy and writes everything down. */
export async function recordEpisode(
  engine: Engine,
  task: Task,
  policyFor: (sim: Simulation) => ActSession | Promise<ActSession>,
): Promise<Recording> {
  const sim = createSimulation(engine, task.scene, { tool: task.tool });
  try {
    const actions: number[][] = [];
    const moments: Moment[] = [];
    const outcome = await runEpisode(sim, task, await policyFor(sim), {
      onAction: (a) => {
        actions.push(actionRow(a));
        moments.push(momentOf(sim));
        return a;
      },
    });
    moments.push(momentOf(sim));
    return {
      format: 'bow2bot-episode',
      version: 1,
      engine: engine.version,
      family: task.family,
      instruction: task.instruction,
      tool: task.tool,
      scene: task.scene,
      actions,
      moments,
      outcome,
      finalState: stateHash(sim),
    };
  } finally {
    sim.dispose();
  }
}

/**
 * Does the recorded actions again from the recorded scene. Returns how far (metres) any object is from where it was at the last action;
 * 0 when everything repeats. Another MuJoCo version is a `data` error.
 */
export function replay(engine: Engine, r: Recording): { readonly deviation: number } {
  if (engine.version !== r.engine) {
    throw new BowError('data', `recorded with MuJoCo ${r.engine}, this is ${engine.version}`, { place: 'recording' });
  }
  checkScene(r.scene);
  const sim = createSimulation(engine, r.scene, { tool: r.tool });
  try {
    let deviation = 0;
    r.actions.forEach((row, i) => {
      momentOf(sim).forEach((x, k) => {
        deviation = Math.max(deviation, Math.abs(x - r.moments[i]![k]!));
      });
      sim.act(actionOf(row));
    });
    return { deviation };
  } finally {
    sim.dispose();
  }
}

/** The scene and the robot at a moment of a recording. */
export function momentScene(r: Recording, index: number): { scene: Scene; extras: ExtraBody[] } {
  const m = r.moments[index];
  if (!m) throw new BowError('data', `the recording has ${r.moments.length} moments, not number ${index}`);
  const pose = (at: number) => ({
    pos: [m[at]!, m[at + 1]!, m[at + 2]!] as const,
    quat: [m[at + 3]!, m[at + 4]!, m[at + 5]!, m[at + 6]!] as const,
  });
  const objects = r.scene.objects.map((o, i) => ({ ...o, pose: pose(8 * i), joint: m[8 * i + 7]! }));
  const from = 8 * objects.length;
  const extras = robotLinks(r.tool).map((l, i) => ({ name: l.name, geoms: l.geoms, pose: pose(from + 7 * i) }));
  return { scene: { ...r.scene, objects }, extras };
}

/** Draws a recording, every `stride`-th moment and the last. */
export function* recordingFrames(
  r: Recording,
  camera: Camera,
  o: RenderOptions & { stride?: number } = {},
): Generator<Frame> {
  const renderer = createRenderer();
  const last = r.moments.length - 1;
  for (let i = 0; i <= last; i++) {
    if (i % (o.stride ?? 1) !== 0 && i !== last) continue;
    const { scene, extras } = momentScene(r, i);
    yield renderer.render(scene, camera, { ...o, extras });
  }
}
