/** Does it know what to do next? */
import { Rng } from '../../base/index.ts';
import { type CallOptions, can, type PlanSession, type Plans } from '../../capabilities/index.ts';
import { type Family, type PlanOutcome, runPlan, sampleTask, type Task } from '../../world/index.ts';
import type { Benchmark } from '../ladder.ts';
import type { EpisodeTestOptions } from './act.ts';
import { greyImage, mean, prefixed, shareOf, sharesBy } from './shared.ts';

/** The same planner without eyes. */
const blind = (planner: Plans): Plans => ({
  plan: async (start, o) => {
    const session = await planner.plan(start, o);
    return {
      ...(session.views ? { views: session.views } : {}),
      close: async () => session.close?.(),
      next: (seen, call) => session.next({ ...seen, images: seen.images.map(greyImage) }, call),
    };
  },
});

/** A planner that names one of the offered skills or `done`, each as likely. */
export const randomPlanner: Plans = {
  plan: async ({ seed }): Promise<PlanSession> => {
    const rng = new Rng(`${seed}/random`);
    return {
      views: [],
      next: async ({ skills }) => {
        const choice = rng.int(skills.length + 1);
        return choice === skills.length ? 'done' : { skill: skills[choice]! };
      },
    };
  },
};

/** Runs a planner on tasks in the symbolic simulator; what it does wrong when it begins is a failure too. */
async function outcomes(
  planner: Plans,
  tasks: readonly Task[],
  o: EpisodeTestOptions,
  call: CallOptions,
): Promise<PlanOutcome[]> {
  const out: PlanOutcome[] = [];
  for (const [i, task] of tasks.entries()) {
    const seed = `${o.seed ?? 0}/plan/${i}`;
    const session = await planner.plan({ goal: task.instruction, seed }, call);
    const how = { seed, signal: call.signal, stepTimeout: o.stepTimeout ?? 60_000 };
    out.push(await runPlan(task, session, { ...how, ...(task.pFail ? { pFail: task.pFail } : {}) }));
  }
  return out;
}

/**
 * Plans in the symbolic simulator, each step one of the offered skills. `plan_success` (the goal holds when it says done), `plan_<family>`,
 * `plan_goal_recall` (share of the goal's facts), `plan_executable` (share of steps that could be done), `plan_steps`, `blind_plan_success`. Chance is what
 * {@link randomPlanner} reaches.
 */
export function planning(id: string, title: string, o: EpisodeTestOptions = {}): Benchmark {
  const { families = ['T2', 'T3', 'T5', 'T6', 'T7', 'T12'], episodes = 20, level = 'G0', seed = 0 } = o;
  const all = families.flatMap((family) => Array.from({ length: episodes }, (_, i) => ({ family, i })));
  const tasks = all.map(({ family, i }) => sampleTask(family, { seed: `${seed}/planning/${i}`, level }));
  const success = (list: readonly PlanOutcome[]): number[] => list.map((r) => Number(r.success));
  return {
    id,
    title,
    headline: 'plan_success',
    chance: mean(families.map((f) => randomSuccess[f] ?? 0)),
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'plan')) return undefined;
      const seen = await outcomes(system, tasks, o, call);
      const unseen = await outcomes(blind(system), tasks, o, call);
      const steps = seen.flatMap((r) => r.history);
      return {
        ...shareOf('plan_success', success(seen)),
        ...sharesBy('plan', all, success(seen), (x) => x.family),
        plan_goal_recall: mean(seen.map((r) => r.goalRecall)),
        plan_executable: mean(steps.map((h) => Number(h.status !== 'precondition_failed'))),
        plan_steps: steps.length / seen.length,
        ...prefixed('blind', shareOf('plan_success', success(unseen))),
      };
    },
  };
}

/** {@link randomPlanner} on 100 episodes a family, level G0, seed 0; the other families were not measured and count as 0. */
const randomSuccess: Readonly<Partial<Record<Family, number>>> = { T2: 0.04, T3: 0.03, T5: 0.07, T6: 0.07, T12: 0.03 };
