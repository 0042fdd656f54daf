/** The world as an environment: reset, step, render, success; one or many at a time. */
import { BowError } from '../base/index.ts';
import type { WorldState } from './goals.ts';
import { createEpisodeMonitor, type EpisodeMonitor, type Outcome } from './physics/episode.ts';
import { toolYaw } from './physics/motion.ts';
import type { Engine } from './physics/mujoco.ts';
import { stateOf } from './physics/perform.ts';
import { type PoseAction, poseAction } from './physics/pose-action.ts';
import { type Action, createSimulation, type Simulation } from './physics/simulation.ts';
import { type CameraName, cameraByName } from './render/camera.ts';
import {
  boxesOf,
  createRenderer,
  type Frame,
  type ObjectBox,
  type Quality,
  type RenderOptions,
} from './render/frame.ts';
import { sampleTask } from './tasks/families.ts';
import type { Family, Level, Task } from './tasks/task.ts';

export type EnvironmentOptions = {
  families?: readonly Family[];
  level?: Level;
  camera?: CameraName;
  /** Pixels; 0 for observations without images. */
  size?: number;
  quality?: Quality;
  /** Leave the robot out of the images, as VIMABench does for pose policies. */
  hideArm?: boolean;
};

/** What a policy gets. */
export type Observation = {
  readonly instruction: string;
  /** Undefined when the environment draws no images. */
  readonly frame: Frame | undefined;
  readonly boxes: readonly ObjectBox[];
  /** The hand: tip x y z, heading, half opening of the fingers, whether it holds something. */
  readonly hand: {
    readonly tip: readonly number[];
    readonly yaw: number;
    readonly opening: number;
    readonly holds: boolean;
  };
};

export type StepResult = {
  readonly observation: Observation;
  readonly done: boolean;
  readonly outcome: Outcome | undefined;
};

export type Environment = {
  /** Starts the episode of a seed, or of a given task. */
  readonly reset: (seed: number | string | Task) => Observation;
  readonly step: (action: Action) => StepResult;
  /** A whole pick and place (or a straight sweep) as one step, for pose policies. */
  readonly stepPose: (action: PoseAction) => StepResult & { readonly caught: boolean };
  readonly render: (camera: CameraName, o?: RenderOptions) => Frame;
  readonly task: () => Task;
  /** The true state, for oracles and monitors; policies must not look. */
  readonly state: () => WorldState;
  readonly simulation: () => Simulation;
  readonly dispose: () => void;
};

export function createEnvironment(engine: Engine, o: EnvironmentOptions = {}): Environment {
  const {
    families = ['T1', 'T2', 'T3', 'T4', 'T5'],
    level = 'G0',
    camera = 'oblique',
    size = 64,
    quality = 'fast',
  } = o;
  const renderer = createRenderer();
  let running: { task: Task; sim: Simulation; monitor: EpisodeMonitor; over: boolean } | undefined;
  const now = () => {
    if (running) return running;
    throw new BowError('usage', 'the environment was not reset', { hint: 'call reset(seed) first' });
  };
  const render = (name: CameraName, r: RenderOptions = {}): Frame => {
    const { sim } = now();
    return renderer.render(sim.scene(), cameraByName(name), { ...(o.hideArm ? {} : { extras: sim.robot() }), ...r });
  };
  const observe = (): Observation => {
    const { sim, task } = now();
    const hand = sim.hand();
    const frame = size > 0 ? render(camera, { width: size, quality }) : undefined;
    return {
      instruction: task.instruction,
      frame,
      boxes: frame ? boxesOf(frame, task.scene) : [],
      hand: { tip: hand.tip.pos, yaw: toolYaw(hand.tip.quat), opening: hand.opening, holds: hand.held !== undefined },
    };
  };
  const advance = (action: Action): Outcome | undefined => {
    const r = now();
    if (r.over) throw new BowError('usage', 'the episode is over', { hint: 'call reset' });
    r.sim.act(action);
    const outcome = r.monitor.look(r.sim, action.done);
    r.over = outcome !== undefined;
    return outcome;
  };
  return {
    reset: (seed) => {
      const task = typeof seed === 'object' ? seed : sampleSettled(engine, families, level, seed);
      running?.sim.dispose();
      running = undefined;
      const sim = createSimulation(engine, task.scene, { tool: task.tool });
      running = { task, sim, monitor: createEpisodeMonitor(task.goal, task.budget, stateOf(sim)), over: false };
      return observe();
    },
    step: (action) => {
      const outcome = advance(action);
      return { observation: observe(), done: outcome !== undefined, outcome };
    },
    stepPose: (action) => {
      const motion = poseAction(now().sim, action);
      let outcome: Outcome | undefined;
      let next = motion.next();
      while (!next.done && !outcome) {
        outcome = advance(next.value);
        next = motion.next();
      }
      return { observation: observe(), done: outcome !== undefined, outcome, caught: next.done === true && next.value };
    },
    render,
    task: () => now().task,
    state: () => stateOf(now().sim),
    simulation: () => now().sim,
    dispose: () => {
      running?.sim.dispose();
      running = undefined;
    },
  };
}

/** The task of a seed; should its scene not come to rest, the next of a fixed series. */
function sampleSettled(engine: Engine, families: readonly Family[], level: Level, seed: number | string): Task {
  const family =
    families[Math.abs(Number.isInteger(Number(seed)) ? Number(seed) : seed.toString().length) % families.length]!;
  for (let k = 0; ; k++) {
    const task = sampleTask(family, { seed: k === 0 ? seed : `${seed}+${k}`, level });
    try {
      createSimulation(engine, task.scene, { tool: task.tool }).dispose();
      return task;
    } catch (e) {
      if (k >= 10) throw e;
    }
  }
}

/** Several environments stepped together; those that are done start again with the next unused seed. */
export type VectorEnvironment = {
  readonly reset: (firstSeed: number) => Observation[];
  /** One action per environment; outcomes of episodes that ended are given once, their observations are already of the next episode. */
  readonly step: (actions: readonly Action[]) => StepResult[];
  readonly environments: readonly Environment[];
  readonly dispose: () => void;
};

export function createVectorEnvironment(engine: Engine, count: number, o: EnvironmentOptions = {}): VectorEnvironment {
  if (!(Number.isInteger(count) && count > 0))
    throw new BowError('usage', `${count} environments; at least one is needed`);
  const environments = Array.from({ length: count }, () => createEnvironment(engine, o));
  let next = 0;
  return {
    reset: (firstSeed) => {
      next = firstSeed + count;
      return environments.map((e, i) => e.reset(firstSeed + i));
    },
    step: (actions) => {
      if (actions.length !== count) throw new BowError('shape', `${actions.length} actions for ${count} environments`);
      return environments.map((e, i) => {
        const r = e.step(actions[i]!);
        return r.done ? { ...r, observation: e.reset(next++) } : r;
      });
    },
    environments,
    dispose: () => {
      for (const e of environments) e.dispose();
    },
  };
}
