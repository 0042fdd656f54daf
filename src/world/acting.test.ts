import { beforeAll, expect, describe as suite, test } from 'vitest';
import { hash32, isBowError, Rng } from '../base/index.ts';
import {
  achieved,
  cameras,
  createEnvironment,
  createSymbolicSimulator,
  createVectorEnvironment,
  demonstration,
  type Engine,
  type Family,
  families,
  groundInstruction,
  holds,
  loadEngine,
  motionSession,
  nextSkill,
  oracle,
  type Predicate,
  parseInstruction,
  readRecording,
  recordEpisode,
  recordingFrames,
  replay,
  type Scene,
  type SceneObject,
  sampleTask,
  standing,
  taskFor,
  type WorldState,
} from './index.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

const scene = (...objects: SceneObject[]): Scene => ({
  objects,
  theme: 'oak',
  light: { azimuth: -0.91, elevation: 1.03 },
});
const state = (
  objects: SceneObject[],
  held?: string,
  tip: readonly [number, number, number] = [0, 0, 0.3],
): WorldState => ({
  scene: scene(...objects),
  held,
  tip,
});
const thing = (
  id: string,
  kind: 'cube' | 'bowl' | 'drawer' | 'nail' | 'button' | 'bead' | 'triangle',
  x: number,
  y: number,
  z = 0,
  yaw = 0,
) => standing(id, { kind, colour: 'red' }, { x, y, z, yaw });

suite('predicates, from both sides', () => {
  const both = (p: Predicate, yes: WorldState, no: WorldState) => {
    expect(holds(p, yes), JSON.stringify(p)).toBe(true);
    expect(holds(p, no), `not ${JSON.stringify(p)}`).toBe(false);
  };
  const cube = thing('a', 'cube', 0, 0);
  const bowl = thing('b', 'bowl', 0.15, 0);

  test('hand', () => {
    both(
      { is: 'touched', a: 'a' },
      state([cube], undefined, [0.01, 0, 0.055]),
      state([cube], undefined, [0.01, 0, 0.08]),
    );
    both(
      { is: 'held', a: 'a' },
      state([thing('a', 'cube', 0, 0, 0.06)], 'a'),
      state([thing('a', 'cube', 0, 0, 0.03)], 'a'),
    );
    expect(holds({ is: 'held', a: 'a' }, state([thing('a', 'cube', 0, 0, 0.06)]))).toBe(false);
  });

  test('places', () => {
    both(
      { is: 'in', a: 'a', b: 'b' },
      state([thing('a', 'cube', 0.16, 0, 0.008), bowl]),
      state([thing('a', 'cube', 0.22, 0, 0.008), bowl]),
    );
    expect(holds({ is: 'in', a: 'a', b: 'b' }, state([thing('a', 'cube', 0.16, 0, 0.008), bowl], 'a'))).toBe(false);
    both(
      { is: 'on', a: 'c', b: 'a' },
      state([cube, thing('c', 'cube', 0.01, 0, 0.05)]),
      state([cube, thing('c', 'cube', 0.01, 0, 0.06)]),
    );
    both({ is: 'near', a: 'a', b: 'b' }, state([cube, bowl]), state([thing('a', 'cube', -0.05, 0), bowl]));
    both({ is: 'apart', a: 'a', b: 'b' }, state([thing('a', 'cube', -0.1, 0), bowl]), state([cube, bowl]));
    both(
      { is: 'region', a: 'a', region: 'top left' },
      state([thing('a', 'cube', -0.15, 0.12)]),
      state([thing('a', 'cube', -0.09, 0.12)]),
    );
    both({ is: 'clear', a: 'a' }, state([cube]), state([cube, thing('c', 'cube', 0, 0, 0.05)]));
  });

  test('poses count the symmetry', () => {
    const goal: Predicate = { is: 'at', a: 'a', x: 0, y: 0, yaw: 0.1 };
    both(
      goal,
      state([thing('a', 'cube', 0.03, 0, 0, 0.1 + Math.PI / 2)]),
      state([thing('a', 'cube', 0.03, 0, 0, 0.1 + Math.PI / 4)]),
    );
    both(
      goal,
      state([thing('a', 'triangle', 0, 0.04, 0, 0.1 + (2 * Math.PI) / 3)]),
      state([thing('a', 'triangle', 0, 0.055, 0, 0.1)]),
    );
  });

  test('moving parts and many things', () => {
    const open = (joint: number) => ({ ...thing('d', 'drawer', 0.19, 0.14), joint });
    both({ is: 'open', a: 'd' }, state([open(0.09)]), state([open(0.08)]));
    both({ is: 'closed', a: 'd' }, state([open(0.01)]), state([open(0.02)]));
    const nail = (joint: number) => ({ ...thing('n', 'nail', 0, 0), joint });
    both({ is: 'nailed', a: 'n' }, state([nail(0.021)]), state([nail(0.019)]));
    const button = (joint: number) => ({ ...thing('n', 'button', 0, 0), joint });
    both({ is: 'pressed', a: 'n' }, state([button(0.007)]), state([button(0.005)]));
    const beads = (inside: number) =>
      Array.from({ length: 10 }, (_, i) => thing(`p${i}`, 'bead', i < inside ? 0.15 : -0.1, 0, 0.01));
    const poured: Predicate = { is: 'poured', balls: beads(0).map((b) => b.id), b: 'b' };
    both(poured, state([bowl, ...beads(7)]), state([bowl, ...beads(6)]));
    both({ is: 'swept', items: ['a'], region: 'left' }, state([thing('a', 'cube', -0.2, 0)]), state([cube]));
  });
});

suite('instructions', () => {
  const room = scene(
    standing('o1', { kind: 'cube', colour: 'red' }, { x: 0, y: 0 }),
    standing('o2', { kind: 'bowl', colour: 'blue' }, { x: 0.15, y: 0 }),
    standing('o3', { kind: 'cube', colour: 'green', size: 'small' }, { x: -0.15, y: 0 }),
    standing('o4', { kind: 'drawer', colour: 'grey' }, { x: 0.19, y: 0.14 }),
  );
  test.each([
    ['put the red block in the blue bowl', [{ is: 'in', a: 'o1', b: 'o2' }]],
    ['Place the small green cube on the red cube.', [{ is: 'on', a: 'o3', b: 'o1' }]],
    ['grab the red square block', [{ is: 'held', a: 'o1' }]],
    ['shove the green cube to the bottom left corner', [{ is: 'region', a: 'o3', region: 'bottom left' }]],
    [
      'put the red cube in the drawer and close it',
      [
        { is: 'in', a: 'o1', b: 'o4' },
        { is: 'closed', a: 'o4' },
      ],
    ],
    ['slide open the drawer', [{ is: 'open', a: 'o4' }]],
    ['move the red cube next to the blue basin', [{ is: 'near', a: 'o1', b: 'o2' }]],
    ['clear the top of the red cube', [{ is: 'clear', a: 'o1' }]],
    ['Robot, please put the red block in the blue bowl, please!', [{ is: 'in', a: 'o1', b: 'o2' }]],
    ['“Could you open the drawer?”', [{ is: 'open', a: 'o4' }]],
    ['Pick up the red cube now; thank you…', [{ is: 'held', a: 'o1' }]],
  ])('%s', (text, all) => {
    expect(groundInstruction(parseInstruction(text), room)).toEqual({ all });
  });

  test.each([
    ['fly to the moon', /cannot be understood/],
    ['', /empty/],
    ['please', /no skill for "please"|empty/],
    ['put the red cube', /where to put it/],
    ['put the red cube in the bowl and the green cube in the drawer', /one instruction at a time/],
    ['open the drawer, then close it again', /one instruction at a time/],
    ['pick up the pink cube', /"pink" is not a colour/],
    ['pick up the cube', /fits 2 objects/],
    ['pick up the yellow cube', /no yellow cube/],
    ['pick up the unicorn', /names no object/],
  ])('"%s" is a typed error', (text, message) => {
    let error: unknown;
    try {
      groundInstruction(parseInstruction(text), room);
    } catch (e) {
      error = e;
    }
    expect(isBowError(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });

  test('every instruction of the simple families is understood as its goal', () => {
    for (const family of ['T1', 'T2', 'T3', 'T4', 'T5'] as const) {
      for (let seed = 0; seed < 23; seed++) {
        const task = sampleTask(family, { seed, level: seed % 2 ? 'G0' : 'G5' });
        expect(groundInstruction(parseInstruction(task.instruction), task.scene), task.instruction).toEqual(task.goal);
      }
    }
  });

  test('a scene is made for an instruction', () => {
    const task = taskFor('put the purple star in the orange bowl', { seed: 3 });
    expect(task.scene.objects.map((o) => `${o.colour} ${o.kind}`)).toEqual(
      expect.arrayContaining(['purple star', 'orange bowl']),
    );
  });
});

suite('the symbolic simulator', () => {
  test('the oracle solves every family in the symbolic simulator as well, in milliseconds', () => {
    for (const family of Object.keys(families) as Family[]) {
      for (let seed = 0; seed < 7; seed++) {
        const task = sampleTask(family, { seed });
        const simulator = createSymbolicSimulator(task.scene);
        const plan: string[] = [];
        for (let k = 0; k < 24 && !achieved(task.goal, simulator.state()); k++) {
          const call = nextSkill(task.goal, simulator.state());
          plan.push(`${JSON.stringify(call)} ${simulator.perform(call).status}`);
        }
        expect(achieved(task.goal, simulator.state()), `${family} ${seed} ${task.instruction} ${plan.join('\n')}`).toBe(
          true,
        );
      }
    }
  });

  test('refuses what the arm refuses, fails on request', () => {
    const simulator = createSymbolicSimulator(
      scene(thing('a', 'cube', 0, 0), thing('b', 'cube', 0, 0, 0.05), thing('d', 'drawer', 0.19, 0.14)),
    );
    expect(simulator.perform({ skill: 'pick up', a: 'a' })).toMatchObject({ status: 'precondition_failed' });
    expect(simulator.perform({ skill: 'pick up', a: 'b' }).status).toBe('ok');
    expect(simulator.perform({ skill: 'put in', a: 'b', b: 'd' })).toMatchObject({ reason: 'the drawer is closed' });
    const unlucky = createSymbolicSimulator(scene(thing('a', 'cube', 0, 0)), { pFail: 1, rng: new Rng(1) });
    expect(unlucky.perform({ skill: 'pick up', a: 'a' }).status).toBe('execution_failed');
    expect(unlucky.state().held).toBeUndefined();
  });
});

suite('recordings', () => {
  test('replay bit for bit and render without physics', async () => {
    const task = taskFor('put the red block in the blue bowl', { seed: 1 });
    const recording = await recordEpisode(engine, task, (sim) => motionSession(sim, oracle(sim, task.goal)));
    expect(recording.outcome.success).toBe(true);
    const read = readRecording(JSON.parse(JSON.stringify(recording)));
    expect(read).toEqual(recording);
    expect(replay(engine, read)).toEqual({ deviation: 0 });
    const frames = [...recordingFrames(read, cameras.wide, { width: 41, stride: 5, quality: 'fast' })];
    expect(frames.length).toBe(Math.ceil((read.moments.length - 1) / 5) + 1);
    expect(new Set(frames.map((f) => hash32(f.rgb))).size).toBeGreaterThan(3);
    const pushed = { ...read, actions: read.actions.map((a, i) => (i === 3 ? [0.05, ...a.slice(1)] : a)) };
    expect(replay(engine, pushed).deviation).toBeGreaterThan(0.001);
  });

  test('corrupt ones are typed errors', async () => {
    const task = taskFor('touch the red cube');
    const good = JSON.parse(
      JSON.stringify(await recordEpisode(engine, task, (sim) => motionSession(sim, oracle(sim, task.goal)))),
    );
    for (const bad of [
      null,
      {},
      { ...good, version: 2 },
      { ...good, actions: good.actions.slice(1) },
      { ...good, moments: [[1, 2]] },
      { ...good, actions: [['x']] },
      { ...good, scene: { objects: [{ id: 'a' }] } },
      { ...good, tool: 'laser' },
    ]) {
      let error: unknown;
      try {
        readRecording(bad);
      } catch (e) {
        error = e;
      }
      expect(isBowError(error)).toBe(true);
    }
    expect(() => replay(engine, { ...good, engine: '0.0.0' })).toThrow(/recorded with MuJoCo 0.0.0/);
  });
});

suite('environment', () => {
  test('the same seed and actions give the same images; the arm can be hidden', () => {
    const run = (hideArm: boolean) => {
      const env = createEnvironment(engine, { families: ['T2'], size: 47, hideArm });
      const first = env.reset(5);
      expect(first.instruction.length).toBeGreaterThan(5);
      let last = first;
      for (let k = 0; k < 4; k++) {
        last = env.step({ move: [0.01, -0.03, -0.02], turn: [0, 0, 0.1], grip: -1, done: false }).observation;
      }
      env.dispose();
      return hash32(last.frame!.rgb);
    };
    expect(run(false)).toBe(run(false));
    expect(run(true)).not.toBe(run(false));
  });

  test('a pose action picks and places', () => {
    const env = createEnvironment(engine, { size: 0 });
    const a = standing('o1', { kind: 'cube', colour: 'red' }, { x: -0.1, y: 0 });
    env.reset({
      ...sampleTask('T3', { seed: 1 }),
      scene: scene(a),
      goal: { all: [{ is: 'at', a: 'o1', x: 0.12, y: -0.05 }] },
      budget: 99,
    });
    const pose = (x: number, y: number) => ({ x, y, yaw: 0 });
    const miss = env.stepPose({ kind: 'pick-place', from: pose(0.2, 0.1), to: pose(0, 0) });
    expect(miss).toMatchObject({ caught: false, done: false });
    const hit = env.stepPose({ kind: 'pick-place', from: pose(-0.1, 0), to: pose(0.12, -0.05) });
    expect(hit.outcome).toMatchObject({ success: true });
    expect(() => env.step({ move: [0, 0, 0], turn: [0, 0, 0], grip: 0, done: false })).toThrow(/episode is over/);
    expect(() => env.stepPose({ kind: 'sweep', from: pose(9, 0), to: pose(0, 0) })).toThrow(/outside the work area/);
    env.dispose();
    expect(() => env.state()).toThrow(/not reset/);
  });

  test('several environments equal single ones and reset by themselves', () => {
    const vector = createVectorEnvironment(engine, 2, { families: ['T1'], size: 0 });
    const single = createEnvironment(engine, { families: ['T1'], size: 0 });
    vector.reset(40);
    single.reset(41);
    const action = { move: [0.02, -0.02, -0.01], turn: [0, 0, 0], grip: -1, done: false } as const;
    const r = vector.step([action, action])[1]!;
    expect(r.observation.hand).toEqual(single.step(action).observation.hand);
    const ended = vector.step([action, { ...action, done: true }])[1]!;
    expect(ended.outcome).toBeDefined();
    expect(vector.environments[1]!.task()).not.toEqual(single.task());
    expect(() => vector.step([action])).toThrow(/1 actions for 2/);
    expect(() => createVectorEnvironment(engine, 0)).toThrow(/at least one/);
    vector.dispose();
    single.dispose();
  });
});

suite('demonstrations', () => {
  test('are successful, end with the terminate label, and are the same again', async () => {
    const o = { families: ['T2', 'T3'], size: 29, seed: 'd' } as const;
    for (const i of [0, 1]) {
      const d = await demonstration(engine, i, o);
      expect(d.outcome.success).toBe(true);
      expect(d.task.family).toBe(o.families[i]);
      expect(d.steps.at(-1)!.action[7]).toBe(1);
      expect(d.steps.slice(0, -1).every((s) => s.action[7] === 0)).toBe(true);
      expect(
        d.steps.every((s) => s.image.length === 29 * 29 * 3 && s.state.length === 7 && s.action.length === 8),
      ).toBe(true);
      expect(await demonstration(engine, i, o)).toEqual(d);
    }
  });
});
