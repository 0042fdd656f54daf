import { beforeAll, expect, describe as suite, test } from 'vitest';
import {
  type ActAnswer,
  type ActObservation,
  type Acts,
  type Engine,
  evaluateEpisode,
  evaluationTask,
  handState,
  loadEngine,
  nextSkill,
  type PlanSession,
  type Plans,
  plannerSession,
  runEpisode,
  type Simulation,
  skillText,
  stateOf,
  type Task,
} from './index.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

const still = { move: [0, 0, 0], turn: [0, 0, 0], grip: -1, done: false } as const;
/** A policy of one answer, of whatever shape. */
const answering = (answer: () => unknown): Acts => ({
  act: async () => ({ views: [], act: async () => answer() as ActAnswer }),
});
const evaluated = (policy: Acts | Plans, o: { stepTimeout?: number } = {}) =>
  evaluateEpisode(engine, 0, { policy, family: 'T2', ...o });

suite('a policy of one’s own', () => {
  test('sees the same episodes as every other, gets what it asked for, and is closed', async () => {
    const seen: ActObservation[] = [];
    let closed = 0;
    const begun: string[] = [];
    const policy: Acts = {
      act: async ({ instruction, seed }) => {
        begun.push(instruction, seed);
        return {
          views: [
            { camera: 'top', size: 31 },
            { camera: 'front', size: 17, hideArm: true },
          ],
          act: async (o) => {
            seen.push(o);
            return seen.length < 3 ? { ...still, move: [0.01, 0, 0] } : { ...still, done: true };
          },
          close: () => void closed++,
        };
      },
    };
    const report = await evaluateEpisode(engine, 3, { policy, family: 'T1' });
    expect(report).toMatchObject({ success: false, steps: 3, failureReason: 'ended without reaching the goal' });
    const other = await evaluateEpisode(engine, 3, { policy: 'oracle', family: 'T1' });
    expect(begun).toEqual([other.instruction, '0/policy/3']);
    expect(closed).toBe(1);
    expect(seen.map((o) => o.step)).toEqual([0, 1, 2]);
    expect(seen[0]!.images.map((p) => [p.width, p.height, p.data.length])).toEqual([
      [31, 31, 2883],
      [17, 17, 867],
    ]);
    expect(seen[0]!.boxes[0]!.length).toBeGreaterThan(1);
    expect(seen[0]!.state).toHaveLength(7);
    expect(seen[2]!.state[0]!).toBeGreaterThan(seen[0]!.state[0]! + 0.01);
    await evaluateEpisode(engine, 3, { policy, family: 'T1' });
    expect(seen[3]).toEqual(seen[0]); // repeats, the order of boxes too
  });

  test('chunks are done open-loop, pose actions whole', async () => {
    const asked: number[] = [];
    const policy: Acts = {
      act: async () => ({
        views: [],
        act: async ({ step }) => {
          asked.push(step);
          if (asked.length === 1) return [still, still, still];
          const pose = { x: 0.05, y: 0, yaw: 0 };
          return asked.length === 2 ? { kind: 'sweep', from: pose, to: { ...pose, x: 0 } } : { ...still, done: true };
        },
      }),
    };
    const { sim, task } = evaluationTask(engine, 0, { family: 'T5' });
    const out = await runEpisode(sim, task, await policy.act({ instruction: '', tool: 'suction', seed: '' }));
    sim.dispose();
    expect(asked.slice(0, 2)).toEqual([0, 3]);
    expect(asked[2]!).toBeGreaterThan(6);
    expect(out.steps).toBe(asked[2]! + 1);
  });

  test.each([
    ['nothing', () => undefined, /undefined where \{ move, turn, grip, done \}/],
    ['no chunk', () => [], /no action/],
    ['two numbers', () => ({ ...still, move: [0, 0] }), /move has 2 numbers, not 3/],
    ['NaN', () => [still, { ...still, turn: [0, Number.NaN, 0] }], /number 1 of its list\): turn is 0, NaN, 0/],
    ['no grip', () => ({ ...still, grip: undefined }), /grip is undefined/],
    ['no done', () => ({ ...still, done: 1 }), /done is 1/],
    ['half a pose', () => ({ kind: 'sweep', from: { x: 0, y: 0, yaw: 0 } }), /to is not \{ x, y, yaw \}/],
    ['another pose', () => ({ kind: 'throw' }), /kind is throw/],
    ['far away', () => ({ kind: 'sweep', from: { x: 9, y: 0, yaw: 0 }, to: { x: 0, y: 0, yaw: 0 } }), /work area/],
    [
      'an exception',
      () => {
        throw new TypeError('oh');
      },
      /^the policy threw: oh$/,
    ],
  ])('%s is a failure with its reason', async (_, answer, reason) => {
    const report = await evaluated(answering(answer));
    expect(report.success).toBe(false);
    expect(report.failureReason).toMatch(reason);
  });

  test('who answers too late, does not begin or begins with nothing fails; a stop is a stop', async () => {
    const never = new Promise<never>(() => {});
    const late = await evaluated(
      answering(() => never),
      { stepTimeout: 20 },
    );
    expect(late).toMatchObject({ steps: 0, failureReason: 'the policy took longer than 20 ms' });
    expect(await evaluated({ act: () => never }, { stepTimeout: 20 })).toMatchObject({
      failureReason: expect.stringMatching(/longer than 20/),
    });
    const broken = await evaluated({ act: () => Promise.reject(new Error('no weights')) });
    expect(broken.failureReason).toBe('the policy threw: no weights');
    expect((await evaluated({ act: async () => ({}) as never })).failureReason).toMatch(/without the method act/);
    const stop = new AbortController();
    const policy = answering(() => stop.abort());
    await expect(evaluateEpisode(engine, 0, { policy, family: 'T2', signal: stop.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    const blind: Acts = { act: async () => ({ views: [{ camera: 'oblique', size: 3 }], act: async () => still }) };
    await expect(evaluated(blind)).rejects.toMatchObject({ code: 'usage' });
  });
});

suite('a planner', () => {
  /** Plans with the true state: the skill that the oracle would choose, in the words that are offered. */
  const knowing = (sim: Simulation, task: Task, seen: Parameters<PlanSession['next']>[0][]): PlanSession => ({
    views: [{ camera: 'oblique', size: 19 }],
    next: async (o) => {
      seen.push(o);
      const call = nextSkill(task.goal, stateOf(sim));
      return call.skill === 'done' ? 'done' : { skill: skillText(call, sim.scene()) };
    },
  });

  test.each(['T1', 'T3', 'T5'] as const)(
    'that knows all reaches the goal of %s by the offered skills',
    async (family) => {
      const { sim, task } = evaluationTask(engine, 1, { family });
      const seen: Parameters<PlanSession['next']>[0][] = [];
      const out = await runEpisode(sim, task, plannerSession(sim, knowing(sim, task, seen)));
      expect(out).toMatchObject({ success: true });
      expect(new Set(seen[0]!.skills).size).toBe(seen[0]!.skills.length);
      expect(seen[0]!.skills).not.toContain('done');
      expect(seen[0]!.images.map((p) => p.data.length)).toEqual([3 * 19 * 19]);
      expect(seen.at(-1)!.history.every((h) => h.status === 'ok')).toBe(true);
      expect(handState(sim)).toHaveLength(7);
      sim.dispose();
    },
  );

  test('hears why a skill failed; unknown skills and endless plans are failures', async () => {
    const planning = (next: PlanSession['next']): Plans => ({ plan: async () => ({ views: [], next }) });
    const heard: string[] = [];
    const report = await evaluated(
      planning(async ({ history }) => {
        heard.push(...history.map((h) => `${h.status}: ${h.reason}`));
        return history.length === 0 ? { skill: 'put down' } : 'done';
      }),
    );
    expect(heard).toEqual(['precondition_failed: the hand is empty']);
    expect(report.plan).toEqual(['put down: precondition_failed: the hand is empty']);
    expect(report.failureReason).toBe('ended without reaching the goal');
    const wrong = async (answer: unknown) => (await evaluated(planning(async () => answer as 'done'))).failureReason;
    expect(await wrong({ skill: 'put dwn' })).toBe('unknown skill "put dwn" (did you mean "put down"?)');
    expect(await wrong('put down')).toMatch(/neither \{ skill \} nor 'done'/);
    expect(await wrong({ skill: 'put down' })).toBe('no end after 32 skills');
  });
});
