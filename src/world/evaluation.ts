/** Success rates of the policies that need no training: the oracle as ceiling, the random policy as floor. */
import { Rng } from '../base/index.ts';
import { type Outcome, oracle, randomPolicy, runEpisode, type SkillLog } from './physics/episode.ts';
import type { Engine } from './physics/mujoco.ts';
import { createSimulation } from './physics/simulation.ts';
import { sampleTask } from './tasks/families.ts';
import type { Family, Level } from './tasks/task.ts';

export type BuiltInPolicy = 'oracle' | 'random';

export type EvaluationOptions = {
  policy: BuiltInPolicy;
  family: Family;
  variant?: number;
  level?: Level;
  seed?: number | string;
};

/** One evaluated episode. */
export type EpisodeReport = Outcome & {
  readonly index: number;
  readonly name: string;
  readonly instruction: string;
  readonly plan: readonly string[];
};

/** Episode `index` of an evaluation: the same task for every policy. Scenes that do not come to rest are drawn again. */
export function evaluateEpisode(engine: Engine, index: number, o: EvaluationOptions): EpisodeReport {
  const { level = 'G0', seed = 0 } = o;
  for (let k = 0; ; k++) {
    const task = sampleTask(o.family, {
      seed: `${seed}/evaluation/${index}/${k}`,
      level,
      ...(o.variant === undefined ? {} : { variant: o.variant }),
    });
    try {
      const sim = createSimulation(engine, task.scene, { tool: task.tool });
      try {
        const log: SkillLog[] = [];
        const rng = new Rng(`${seed}/policy/${index}`);
        const outcome = runEpisode(
          sim,
          task,
          o.policy === 'oracle'
            ? oracle(sim, task.goal, log, task.pFail ? { pFail: task.pFail, rng } : {})
            : randomPolicy(rng),
        );
        return {
          index,
          name: task.name,
          instruction: task.instruction,
          plan: log.map((l) => `${l.text}: ${l.result}`),
          ...outcome,
        };
      } finally {
        sim.dispose();
      }
    } catch (e) {
      if (k >= 10) throw e;
    }
  }
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
