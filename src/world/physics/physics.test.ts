import { beforeAll, expect, describe as suite, test } from 'vitest';
import { hash32, Rng } from '../../base/index.ts';
import {
  achieved,
  createSimulation,
  disposeModels,
  type Engine,
  groundedSkills,
  inverseKinematics,
  loadEngine,
  motionSession,
  oracle,
  parseSkill,
  perform,
  randomPolicy,
  runEpisode,
  type Scene,
  type SceneObject,
  type Simulation,
  type SkillCall,
  type SkillLog,
  type SkillResult,
  sampleTask,
  skillText,
  standing,
  stateOf,
  tipPose,
  toolDown,
} from '../index.ts';
import { distance } from '../math.ts';
import { triangulate } from './mjcf.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

const scene = (...objects: SceneObject[]): Scene => ({
  objects,
  theme: 'oak',
  light: { azimuth: -0.91, elevation: 1.03 },
});
const cube = (id: string, x: number, y: number, z = 0): SceneObject =>
  standing(id, { kind: 'cube', colour: 'red' }, { x, y, z });

function doSkill(sim: Simulation, call: SkillCall): SkillResult {
  const motion = perform(sim, call);
  for (;;) {
    const next = motion.next();
    if (next.done) return next.value;
    sim.act(next.value);
  }
}

const bits = (sim: Simulation): number => hash32(new Uint8Array(sim.snapshot().physics.buffer));

suite('robot', () => {
  test('inverse kinematics reaches the work area from home with the tool down', () => {
    const start = [0, 0, 1.9, 0, 1.2, 0];
    for (const x of [-0.28, -0.11, 0, 0.17, 0.28]) {
      for (const y of [-0.23, -0.07, 0.05, 0.2]) {
        for (const z of [0.01, 0.09, 0.17]) {
          const goal = { pos: [x, y, z] as const, quat: toolDown(0.7) };
          const reach = inverseKinematics(goal, start, 'suction', 200);
          expect(reach.reached, `${x} ${y} ${z}`).toBe(true);
          expect(distance(tipPose(reach.joints, 'suction').pos, goal.pos)).toBeLessThan(2e-3);
        }
      }
    }
    expect(inverseKinematics({ pos: [0, -2, 0.1], quat: toolDown(0) }, start, 'suction').reached).toBe(false);
  });
});

suite('simulation', () => {
  test('is bit for bit identical on every run, also after other scenes used the model', () => {
    const run = () => {
      const sim = createSimulation(engine, scene(cube('a', 0.1, 0), cube('b', -0.1, -0.05)));
      doSkill(sim, { skill: 'pick up', a: 'b' });
      const end = bits(sim);
      sim.dispose();
      return end;
    };
    const first = run();
    const other = createSimulation(engine, scene(cube('x', 0, 0.1), cube('y', 0.05, -0.1)));
    other.wait(0.5);
    other.dispose();
    expect(run()).toBe(first);
  });

  test('continues from a snapshot to the bit, with something in the hand', () => {
    const sim = createSimulation(engine, scene(cube('a', 0.1, 0)));
    expect(doSkill(sim, { skill: 'pick up', a: 'a' }).status).toBe('ok');
    const saved = sim.snapshot();
    const rest = () => {
      doSkill(sim, { skill: 'put down' });
      return bits(sim);
    };
    const first = rest();
    sim.restore(saved);
    expect(sim.hand().held).toBe('a');
    expect(rest()).toBe(first);
    sim.dispose();
  });

  test('bad actions and scenes are typed errors', () => {
    const sim = createSimulation(engine, scene(cube('a', 0.1, 0)));
    expect(() => sim.act({ move: [Number.NaN, 0, 0], turn: [0, 0, 0], grip: 0, done: false })).toThrow(/not finite/);
    expect(() => sim.place('zzz', { pos: [0, 0, 0], quat: [1, 0, 0, 0] })).toThrow(/not an object/);
    sim.dispose();
    const ball = { ...standing('b', { kind: 'ball', colour: 'red' }, { x: 0.43, y: 0, z: 0.3 }) };
    expect(() => createSimulation(engine, scene({ ...ball, pose: { ...ball.pose, pos: [0.6, 0, 60] } }))).toThrow(
      /come to rest/,
    );
    expect(() => engine.compile('<mujoco><nonsense/></mujoco>')).toThrow(/MuJoCo refuses/);
  });

  test('the broken getter that welds are switched around is still broken', async () => {
    // when this fails, MuJoCo's boolean arrays work again and `mj_setState` in mujoco.ts can go
    const native = (await (await import('@mujoco/mujoco')).default()) as unknown as {
      MjModel: { from_xml_string(x: string): { delete(): void } };
      MjData: new (m: unknown) => { readonly eq_active: unknown; delete(): void };
    };
    const m = native.MjModel.from_xml_string(
      '<mujoco><worldbody><body name="b"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>',
    );
    const d = new native.MjData(m);
    expect(() => d.eq_active).toThrow();
    d.delete();
    m.delete();
  });

  test('a prism is cut into triangles of the same area', () => {
    const polygon = [-2, -2, 2, -2, 2, 0, 0, 0, 0, 2, -2, 2];
    const pieces = triangulate(polygon);
    const area = (t: number[]) => ((t[2]! - t[0]!) * (t[5]! - t[1]!) - (t[4]! - t[0]!) * (t[3]! - t[1]!)) / 2;
    expect(pieces.length).toBe(4);
    expect(pieces.reduce((s, t) => s + area(t), 0)).toBeCloseTo(12, 9);
    for (const t of pieces) expect(area(t)).toBeGreaterThan(0);
  });
});

suite('skills', () => {
  test('violated pre-conditions are reported, not repaired', () => {
    const drawer = standing('d', { kind: 'drawer', colour: 'blue' }, { x: 0.19, y: 0.14 });
    const sim = createSimulation(
      engine,
      scene(cube('a', 0, 0), cube('b', -0.12, 0), cube('c', -0.12, 0, 0.05), drawer),
    );
    const refused = (call: SkillCall) => expect(doSkill(sim, call)).toMatchObject({ status: 'precondition_failed' });
    refused({ skill: 'pick up', a: 'b' }); // something is on it
    refused({ skill: 'put in', a: 'a', b: 'd' }); // not held
    refused({ skill: 'put down' });
    refused({ skill: 'pick up', a: 'd' });
    refused({ skill: 'close', a: 'd' });
    refused({ skill: 'press', a: 'a' });
    expect(doSkill(sim, { skill: 'pick up', a: 'a' }).status).toBe('ok');
    refused({ skill: 'put in', a: 'a', b: 'd' }); // closed
    refused({ skill: 'pick up', a: 'c' }); // hand full
    refused({ skill: 'open', a: 'd' });
    expect(() => doSkill(sim, { skill: 'pick up', a: 'nobody' })).toThrow(/unknown object/);
    sim.dispose();
  });

  test('failure can be injected', () => {
    const sim = createSimulation(engine, scene(cube('a', 0, 0)));
    const motion = perform(sim, { skill: 'pick up', a: 'a' }, { pFail: 1, rng: new Rng(1) });
    let next = motion.next();
    while (!next.done) {
      sim.act(next.value);
      next = motion.next();
    }
    expect(next.value).toMatchObject({ status: 'execution_failed' });
    expect(sim.hand().held).toBeUndefined();
    sim.dispose();
  });

  test('every offered skill reads back from its text', () => {
    const { scene: s } = sampleTask('T5', { seed: 3 });
    const calls = groundedSkills(s);
    expect(calls.length).toBeGreaterThan(20);
    for (const call of calls) expect(parseSkill(skillText(call, s), s)).toEqual(call);
    expect(() => parseSkill('fly to the moon', s)).toThrow(/unknown skill/);
  });
});

suite('oracle', () => {
  test.each([
    ['T1', 0],
    ['T2', 0],
    ['T3', 0],
    ['T4', 0],
    ['T5', 0],
    ['T6', 0],
    ['T7', 0],
    ['T11', 0],
    ['T11', 1],
    ['T11', 2],
    ['T11', 3],
    ['T11', 4],
  ] as const)('%s variant %i: the oracle succeeds, a random policy does not', async (family, variant) => {
    for (const seed of [1, 2]) {
      const task = sampleTask(family, { seed, variant });
      expect(sampleTask(family, { seed, variant })).toEqual(task);
      const sim = createSimulation(engine, task.scene, { tool: task.tool });
      const log: SkillLog[] = [];
      expect(achieved(task.goal, stateOf(sim)), 'done before it starts').toBe(false);
      const out = await runEpisode(sim, task, motionSession(sim, oracle(sim, task.goal, log)));
      sim.dispose();
      expect(out, `${task.instruction} ${JSON.stringify(log)}`).toMatchObject({
        success: true,
        correctObjectTouched: true,
      });
    }
    const task = sampleTask(family, { seed: 1, variant });
    const sim = createSimulation(engine, task.scene, { tool: task.tool });
    const short = { ...task, budget: Math.min(task.budget, 60) };
    expect((await runEpisode(sim, short, motionSession(sim, randomPolicy(new Rng(7))))).success).toBe(false);
    sim.dispose();
    disposeModels();
  });
});
