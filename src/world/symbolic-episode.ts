/** A planner's episode in the symbolic simulator: milliseconds instead of physics, the same skills and the same predicates. */
import { Rng, throwIfAborted } from '../base/index.ts';
import type { Pixels } from '../image/index.ts';
import { achieved, holds, type WorldState } from './goals.ts';
import { asked } from './physics/answers.ts';
import { chosenSkill, MOST_SKILLS, offeredSkills } from './physics/planned.ts';
import { cameraByName } from './render/camera.ts';
import { createRenderer, type Renderer } from './render/frame.ts';
import type { PlanEvent, PlanObservation, PlanSession } from './sessions.ts';
import { createSymbolicSimulator } from './symbolic-simulator.ts';
import type { Task } from './tasks/task.ts';

/** How a plan went. */
export type PlanOutcome = {
  /** All facts of the goal held when the planner said `done`. */
  readonly success: boolean;
  /** Share of the goal's facts that held in the end. */
  readonly goalRecall: number;
  /** Steps with their results. */
  readonly history: readonly PlanEvent[];
  /** Empty on success. */
  readonly failureReason: string;
};

export type SymbolicOptions = {
  /** Chance that a skill fails, and what is drawn. */
  readonly pFail?: number;
  readonly seed?: string;
  readonly stepTimeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Runs a planner on a task's scene and goal, then closes the session. Images show the scene without the robot. What the planner does wrong ends the
 * episode as failed, as in `runEpisode`. Error `aborted`.
 */
export async function runPlan(task: Task, session: PlanSession, o: SymbolicOptions = {}): Promise<PlanOutcome> {
  const rng = new Rng(`${o.seed ?? 0}/plan`);
  const simulator = createSymbolicSimulator(task.scene, o.pFail ? { pFail: o.pFail, rng } : {});
  const renderer = createRenderer();
  const history: PlanEvent[] = [];
  const ended = (reason: string): PlanOutcome => {
    const state = simulator.state();
    const success = reason === '' && achieved(task.goal, state);
    const goalRecall = task.goal.all.filter((p) => holds(p, state)).length / task.goal.all.length;
    const failureReason = success || reason !== '' ? reason : 'ended without reaching the goal';
    return { success, goalRecall, history, failureReason };
  };
  try {
    while (history.length < MOST_SKILLS) {
      throwIfAborted(o.signal, 'plan');
      const state = simulator.state();
      const offered = offeredSkills(state.scene);
      const seen = observed(state, session, renderer, [...offered.keys()], history);
      const answer = await asked(async (call) => chosenSkill(await session.next(seen, call), offered), o);
      if ('fault' in answer) return ended(answer.fault);
      if (!answer.value) return ended('');
      history.push({ skill: answer.value.text, ...simulator.perform(answer.value.call) });
    }
    return ended(`no end after ${MOST_SKILLS} skills`);
  } finally {
    await session.close?.();
  }
}

function observed(
  state: WorldState,
  { views = [{ camera: 'oblique', size: 64 }] }: PlanSession,
  renderer: Renderer,
  skills: readonly string[],
  history: readonly PlanEvent[],
): PlanObservation {
  const images = views.map(({ camera, size }): Pixels => {
    const { width, height, rgb } = renderer.render(state.scene, cameraByName(camera), { width: size, quality: 'fast' });
    return { width, height, data: rgb };
  });
  const hand = Float32Array.of(...state.tip, 1, 0, 0, state.held === undefined ? 0 : 1);
  return { skills, images, state: hand, history: [...history] };
}
