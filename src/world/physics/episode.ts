/** One episode of a task with a policy: who acts, what ends it. */
import { type Rng, throwIfAborted } from '../../base/index.ts';
import { achieved, type Goal, subjectTouched, type WorldState, wrongObject } from '../goals.ts';
import { nextSkill } from '../planner.ts';
import { modelOfObject, objectById } from '../scene.ts';
import type { ActSession } from '../sessions.ts';
import { type SkillCall, skillText } from '../skills.ts';
import type { Disturbance, Task } from '../tasks/task.ts';
import { actionsOf } from './answers.ts';
import type { Motion } from './motion.ts';
import { type PerformOptions, perform, stateOf } from './perform.ts';
import { type Action, MOVE_LIMIT, type Simulation } from './simulation.ts';

/** How an episode ended (tabletop-world §8 asks for these three besides success). */
export type Outcome = {
  readonly success: boolean;
  readonly steps: number;
  readonly correctObjectTouched: boolean;
  /** Empty on success. */
  readonly failureReason: string;
};

/** Watches an episode: call {@link EpisodeMonitor.look} after every action. */
export type EpisodeMonitor = {
  /** Looks at the state; returns the outcome when the episode is over. */
  readonly look: (sim: Simulation, done: boolean) => Outcome | undefined;
  /** The outcome of an episode that cannot go on. */
  readonly stop: (failureReason: string) => Outcome;
};

const SETTLE = 0.4; // seconds before the final check, tabletop-world §8
const HOLD = 0.5; // a pick must still hold after this long

export function createEpisodeMonitor(goal: Goal, budget: number, start: WorldState): EpisodeMonitor {
  let steps = 0;
  let touched = false;
  const end = (success: boolean, failureReason: string): Outcome => ({
    success,
    steps,
    correctObjectTouched: touched,
    failureReason,
  });
  return {
    stop: (reason) => end(false, reason),
    look: (sim, done) => {
      steps++;
      const s = stateOf(sim);
      touched ||= subjectTouched(goal, start, s);
      const wrong = wrongObject(goal, start, s);
      if (wrong) return end(false, `wrong object ${wrong}`);
      const over = done || steps >= budget;
      if (!over && !achieved(goal, s)) return undefined;
      const momentary = goal.all.some((p) => p.is === 'touched' || p.is === 'pressed');
      if (!momentary) sim.wait(goal.all.some((p) => p.is === 'held') ? HOLD : SETTLE);
      if (achieved(goal, momentary ? s : stateOf(sim))) return end(true, '');
      if (!over) return undefined;
      return end(false, done ? 'ended without reaching the goal' : 'out of steps');
    },
  };
}

/** A step of the oracle's plan as it went. */
export type SkillLog = { readonly call: SkillCall; readonly text: string; result: string };

const LONGEST_PLAN = 24;

/** The scripted expert: plans with the true state after every skill and acts until the goal holds or it gives up. */
export function* oracle(sim: Simulation, goal: Goal, log: SkillLog[] = [], o: PerformOptions = {}): Motion {
  let failures = 0;
  for (let k = 0; k < LONGEST_PLAN && failures < 4; k++) {
    const state = stateOf(sim);
    const call = nextSkill(goal, state);
    if (call.skill === 'done') return;
    const text = skillText(call, state.scene);
    const entry: SkillLog = { call, text, result: 'the episode ended meanwhile' };
    log.push(entry);
    const result = yield* perform(sim, call, o);
    entry.result = result.status === 'ok' ? 'ok' : `${result.status}: ${result.reason}`;
    if (result.status !== 'ok') failures++;
  }
}

/** A motion as a session that looks at nothing; where the motion ends, it says `done`. */
export function motionSession(sim: Simulation, motion: Motion): ActSession {
  return {
    views: [],
    act: async () => {
      const next = motion.next();
      return next.done ? { move: [0, 0, 0], turn: [0, 0, 0], grip: sim.hand().grip, done: true } : next.value;
    },
  };
}

/** A policy that moves at random, for the floor of every measurement. */
export function* randomPolicy(rng: Rng): Motion {
  for (;;) {
    const move = [0, 1, 2].map(() => rng.uniform(-MOVE_LIMIT, MOVE_LIMIT)) as [number, number, number];
    const yaw = rng.uniform(-0.52, 0.52);
    yield { move, turn: [0, 0, yaw], grip: rng.float() < 0.5 ? -1 : 1, done: rng.float() < 0.01 };
  }
}

export type EpisodeOptions = {
  /** Sees every action before it is done and may change it: recording, disturbance. */
  readonly onAction?: (action: Action, sim: Simulation) => Action;
  /** Seeds the order of boxes in observations. */
  readonly seed?: string;
  /** Milliseconds that a session may take for one answer before the episode counts as failed; default: any time. */
  readonly stepTimeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A person moves an object, unless the robot has it just then. */
function disturb(sim: Simulation, x: Disturbance): void {
  const o = objectById(sim.scene(), x.id);
  if (sim.hand().held === x.id) return;
  sim.place(x.id, { pos: [x.x, x.y, modelOfObject(o).rest], quat: o.pose.quat });
}

/**
 * Runs a session as the policy of a task until the monitor ends it, then closes the session. What a session does wrong (it throws, takes longer
 * than `stepTimeout`, gives an action that is none) ends the episode as failed with that reason, so that a bad policy is counted and not lost.
 * Errors: `aborted`, and what closing the session throws.
 */
export async function runEpisode(
  sim: Simulation,
  task: Task,
  session: ActSession,
  o: EpisodeOptions = {},
): Promise<Outcome> {
  const monitor = createEpisodeMonitor(task.goal, task.budget, stateOf(sim));
  const actions = actionsOf(sim, session, o);
  try {
    for (let step = 0; ; step++) {
      throwIfAborted(o.signal, 'episode');
      for (const x of task.disturbances ?? []) if (x.step === step) disturb(sim, x);
      const next = await actions.next();
      if (next.done) return monitor.stop(next.value);
      sim.act(o.onAction ? o.onAction(next.value, sim) : next.value);
      const outcome = monitor.look(sim, next.value.done);
      if (outcome) return outcome;
    }
  } finally {
    await session.close?.();
  }
}
