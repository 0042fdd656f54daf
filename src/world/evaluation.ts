/** Success rates: of any policy, of the oracle as ceiling, of the random policy as floor; the same episodes for all. */
import { BowError, Rng } from '../base/index.ts';
import { asked } from './physics/answers.ts';
import {
  createEpisodeMonitor,
  motionSession,
  type Outcome,
  oracle,
  randomPolicy,
  runEpisode,
  type SkillLog,
} from './physics/episode.ts';
import type { Engine } from './physics/mujoco.ts';
import { stateOf } from './physics/perform.ts';
import { plannerSession } from './physics/planned.ts';
import { type Action, createSimulation, type Simulation } from './physics/simulation.ts';
import type { ActSession, Acts, Plans, StepOptions } from './sessions.ts';
import { sampleTask } from './tasks/families.ts';
import type { Family, Level, Task } from './tasks/task.ts';

export type BuiltInPolicy = 'oracle' | 'random';

/** Whoever acts or plans; `act` is taken of one that does both. */
export type Policy = Acts | Plans;

/** Whether something has a method `act` or `plan`. */
export function isPolicy(x: unknown): x is Policy {
  if ((typeof x !== 'object' && typeof x !== 'function') || x === null) return false;
  return ['act', 'plan'].some((name) => typeof (x as Readonly<Record<string, unknown>>)[name] === 'function');
}

export type EvaluationOptions = {
  policy: BuiltInPolicy | Policy;
  family: Family;
  variant?: number;
  level?: Level;
  seed?: number | string;
  /** Milliseconds that the policy may take for one answer; default: any time. */
  stepTimeout?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called before every action: a sign that the episode goes on. */
  onStep?: (() => void) | undefined;
};

/** One evaluated episode. */
export type EpisodeReport = Outcome & {
  readonly index: number;
  readonly name: string;
  readonly instruction: string;
  /** Skills of an oracle or planner, and how each ended. */
  readonly plan: readonly string[];
};

/** The task of episode `index`, the same for every policy, and its simulation at the start. Scenes that do not come to rest are drawn again. */
export function evaluationTask(
  engine: Engine,
  index: number,
  o: Omit<EvaluationOptions, 'policy'>,
): { readonly task: Task; readonly sim: Simulation } {
  for (let k = 0; ; k++) {
    const task = sampleTask(o.family, {
      seed: `${o.seed ?? 0}/evaluation/${index}/${k}`,
      level: o.level ?? 'G0',
      ...(o.variant === undefined ? {} : { variant: o.variant }),
    });
    try {
      return { task, sim: createSimulation(engine, task.scene, { tool: task.tool }) };
    } catch (e) {
      if (k >= 10) throw e;
    }
  }
}

/** Evaluates a policy on episode `index`. What the policy does wrong is a failure with its reason, as `runEpisode` has it. */
export async function evaluateEpisode(engine: Engine, index: number, o: EvaluationOptions): Promise<EpisodeReport> {
  const { task, sim } = evaluationTask(engine, index, o);
  try {
    const log: SkillLog[] = [];
    const seed = `${o.seed ?? 0}/policy/${index}`;
    const session = await asked(({ signal }) => begin(o.policy, sim, task, { seed, log, signal }), o);
    const onAction = (action: Action): Action => {
      o.onStep?.();
      return action;
    };
    const outcome =
      'fault' in session
        ? createEpisodeMonitor(task.goal, task.budget, stateOf(sim)).stop(session.fault)
        : await runEpisode(sim, task, session.value, { seed, onAction, stepTimeout: o.stepTimeout, signal: o.signal });
    const plan = log.map((l) => `${l.text}: ${l.result}`);
    return { index, name: task.name, instruction: task.instruction, plan, ...outcome };
  } finally {
    sim.dispose();
  }
}

async function begin(
  policy: EvaluationOptions['policy'],
  sim: Simulation,
  task: Task,
  o: { readonly seed: string; readonly log: SkillLog[] } & StepOptions,
): Promise<ActSession> {
  const { seed, log, signal } = o;
  const rng = new Rng(seed);
  const failing = task.pFail ? { pFail: task.pFail, rng } : {};
  if (policy === 'oracle') return motionSession(sim, oracle(sim, task.goal, log, failing));
  if (policy === 'random') return motionSession(sim, randomPolicy(rng));
  if ('act' in policy)
    return checked(await policy.act({ instruction: task.instruction, tool: task.tool, seed }, { signal }), 'act');
  const plan = checked(await policy.plan({ goal: task.instruction, seed }, { signal }), 'next');
  return plannerSession(sim, plan, { ...failing, log, seed });
}

/** Error `data` for a session without its method: it may come from code that no compiler has seen. */
function checked<T extends object>(session: T, method: 'act' | 'next'): T {
  const given: unknown = session;
  if (typeof given === 'object' && given !== null && typeof (given as Record<string, unknown>)[method] === 'function')
    return session;
  throw new BowError('data', `the policy gave a session without the method ${method}`);
}

/** Wilson's 95 % interval of a success rate. */
export function wilson(successes: number, n: number): readonly [number, number] {
  const z = 1.959963984540054;
  const p = successes / n;
  const middle = p + (z * z) / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [Math.max(0, (middle - spread) / scale), Math.min(1, (middle + spread) / scale)];
}
