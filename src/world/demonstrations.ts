/** Demonstrations: episodes of the oracle as a policy would see them. Number `i` depends on the options and `i` alone. */
import { Rng, throwIfAborted } from '../base/index.ts';
import { cos, sin } from './math.ts';
import { motionSession, type Outcome, oracle, runEpisode } from './physics/episode.ts';
import { type Engine, loadEngine } from './physics/mujoco.ts';
import { handState } from './physics/observe.ts';
import { type Action, createSimulation } from './physics/simulation.ts';
import { actionRow } from './recording.ts';
import { type CameraName, cameras } from './render/camera.ts';
import { createRenderer, type Quality, type Renderer } from './render/frame.ts';
import { sampleTask } from './tasks/families.ts';
import type { Family, Level, Task } from './tasks/task.ts';

export type DemonstrationOptions = {
  seed?: number | string;
  families?: readonly Family[];
  level?: Level;
  camera?: CameraName;
  /** Pixels; 0 for no images. */
  size?: number;
  quality?: Quality;
  /** Share of moving steps that are disturbed by 1.5 cm and then made good (tabletop-world §10). */
  noise?: number;
};

/** One control step: what was seen, felt, and what the expert meant to do. */
export type DemonstrationStep = {
  /** size × size × 3, empty without images. */
  readonly image: Uint8Array;
  /** As `STATE_NAMES` says. */
  readonly state: readonly number[];
  /** dx dy dz, roll pitch yaw, grip, done. */
  readonly action: readonly number[];
};

export type Demonstration = {
  readonly index: number;
  readonly task: Task;
  readonly size: number;
  readonly steps: readonly DemonstrationStep[];
  readonly outcome: Outcome;
};

export const ACTION_NAMES = ['dx', 'dy', 'dz', 'droll', 'dpitch', 'dyaw', 'grip', 'terminate'] as const;
const PERTURBATION = 0.015;

/** A disturbed copy of an action that moves, as DART injects noise: the label stays the expert's (Laskey et al. 2017). */
function disturbed(a: Action, rng: Rng, noise: number): Action {
  const moving = a.move.some((x) => Math.abs(x) > 0.004);
  if (!moving || rng.float() >= noise) return a;
  const angle = rng.uniform(-Math.PI, Math.PI);
  return { ...a, move: [a.move[0] + PERTURBATION * cos(angle), a.move[1] + PERTURBATION * sin(angle), a.move[2]] };
}

async function attempt(
  engine: Engine,
  task: Task,
  rng: Rng,
  o: DemonstrationOptions,
  renderer: Renderer,
): Promise<Omit<Demonstration, 'index' | 'size'>> {
  const { camera = 'oblique', size = 64, quality = 'fast', noise = 0.1 } = o;
  const sim = createSimulation(engine, task.scene, { tool: task.tool });
  try {
    const steps: DemonstrationStep[] = [];
    const outcome = await runEpisode(sim, task, motionSession(sim, oracle(sim, task.goal)), {
      onAction: (a) => {
        const image =
          size > 0
            ? renderer.render(sim.scene(), cameras[camera], { width: size, quality, extras: sim.robot() }).rgb
            : new Uint8Array(0);
        steps.push({ image, state: handState(sim), action: actionRow(a) });
        return disturbed(a, rng, noise);
      },
    });
    // the monitor ends an episode at success; the expert's last label says so
    const last = steps.pop()!;
    steps.push({ ...last, action: [...last.action.slice(0, 7), 1] });
    return { task, steps, outcome };
  } finally {
    sim.dispose();
  }
}

/** Demonstration number `index`; only successful episodes are kept, others are drawn again. */
export async function demonstration(
  engine: Engine,
  index: number,
  o: DemonstrationOptions = {},
  renderer: Renderer = createRenderer(),
): Promise<Demonstration> {
  const { families = ['T1', 'T2', 'T3', 'T4', 'T5'], level = 'G0', seed = 0, size = 64 } = o;
  const family = families[index % families.length]!;
  for (let k = 0; ; k++) {
    const task = sampleTask(family, { seed: `${seed}/demonstration/${index}/${k}`, level });
    try {
      const made = await attempt(engine, task, new Rng(`${seed}/noise/${index}/${k}`), o, renderer);
      if (made.outcome.success || k >= 20) return { index, size, ...made };
    } catch (e) {
      if (k >= 20) throw e; // a scene that does not come to rest is drawn again
    }
  }
}

/** Demonstrations `start` to `start + count − 1` in order, in this thread; see `world/node` for several. */
export async function* demonstrations(
  o: DemonstrationOptions & { count: number; start?: number; signal?: AbortSignal },
): AsyncGenerator<Demonstration> {
  const engine = await loadEngine();
  const renderer = createRenderer();
  const start = o.start ?? 0;
  for (let i = start; i < start + o.count; i++) {
    throwIfAborted(o.signal, 'demonstrations');
    yield await demonstration(engine, i, o, renderer);
  }
}
