import { describe, expect, test } from 'vitest';
import { isBowError, Rng } from '../base/index.ts';
import { compile, type F, type Init, ndarray, type Scope, Store, trace } from './index.ts';

const fill =
  (value: number): Init =>
  (out) =>
    void out.fill(value);

const x = ndarray('float32', [3], [1, 2, 3]);
const spec = { x: { dtype: 'float32', shape: [3] } } as const;
const numbers = (
  record: Readonly<Record<string, { readonly data: ArrayLike<number | bigint> }>>,
  name: string,
): number[] => Array.from(record[name]!.data, Number);

describe('one model traced twice', () => {
  const noisy = (s: Scope): F => s.at('tower').at('drop').noise('keep', [3]);

  test('noise of a path drawn before is another stream; the first keeps its name and its values', async () => {
    const once = compile((s) => ({ a: noisy(s) }), { threads: 1 });
    const both = compile((s) => ({ a: noisy(s), b: noisy(s), c: noisy(s.redirect((p) => `teacher/${p}`)) }), {
      threads: 1,
    });
    const alone = await once.run({}, { rng: new Rng(7) });
    const first = await both.run({}, { rng: new Rng(7) });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => numbers(first, name));
    expect(a).toEqual(numbers(alone, 'a'));
    expect(new Set([...a!, ...b!, ...c!]).size).toBe(9);
    const again = await both.run({}, { rng: new Rng(7) });
    expect(['a', 'b', 'c'].map((name) => numbers(again, name))).toEqual([a, b, c]);
  });

  test('noise paths are the renamed ones, numbered from the second draw', () => {
    const { trace: t } = trace((s) => {
      const teacher = s.redirect((p) => `teacher/${p}`);
      return { y: noisy(s).add(noisy(s)).add(noisy(teacher)).add(noisy(s)).add(noisy(teacher)) };
    }, {});
    const student = 'noise/tower/drop/keep';
    const teacher = 'noise/teacher/tower/drop/keep';
    expect([...t.noise.keys()]).toEqual([student, `${student}#2`, teacher, `${student}#3`, `${teacher}#2`]);
  });

  test('the mode belongs to the scope: an evaluated teacher beside a training student', () => {
    const modes: boolean[] = [];
    trace(
      (s, inputs) => {
        const teacher = s.redirect((p) => `teacher/${p}`, { training: false });
        for (const at of [
          s,
          teacher,
          teacher.at('deep'),
          s.with({ training: false }),
          teacher.with({ training: true }),
        ])
          modes.push(at.training);
        return { y: inputs['x']!.mul(2) };
      },
      spec,
      { training: true },
    );
    expect(modes).toEqual([true, false, false, false, true]);
  });

  test('redirected parameters are of the given kind', () => {
    const { trace: t } = trace((s) => {
      const copy = s.redirect((p) => `copy/${p}`, { kind: 'buffer' });
      const state = s.redirect((p) => `teacher/${p}`);
      return { y: [s, copy, state].map((at) => at.param('w', [2], fill(1))).reduce((a, b) => a.add(b)) };
    }, {});
    expect([...t.params].map(([path, p]) => [path, p.spec.kind])).toEqual([
      ['w', 'param'],
      ['copy/w', 'buffer'],
      ['teacher/w', 'state'],
    ]);
  });
});

describe('updates', () => {
  const counter = (s: Scope): F => s.state('seen', [], fill(0));

  test('functions of the current value compose, and the current value can be read', async () => {
    const store = new Store();
    const step = compile(
      (s) => {
        const seen = counter(s);
        s.update(seen, (now) => now.add(1));
        const between = s.current(seen);
        s.update('seen', (now) => now.mul(10));
        return { before: seen.mul(1), between, after: s.current('seen') };
      },
      { store, threads: 1 },
    );
    const values = async (): Promise<number[]> => {
      const run = await step.run({});
      return ['before', 'between', 'after'].flatMap((name) => numbers(run, name));
    };
    expect(await values()).toEqual([0, 1, 10]);
    expect(await values()).toEqual([10, 11, 110]);
    expect(numbers({ seen: store.get('seen') }, 'seen')).toEqual([110]);
  });

  test('a second plain update would drop the first: an error with the path', () => {
    const twice = (s: Scope): { y: F } => {
      s.at('deep').state('seen', [], fill(0));
      for (const by of [1, 2]) s.update('deep/seen', s.current('deep/seen').add(by));
      return { y: s.current('deep/seen') };
    };
    expect(() => trace(twice, {})).toThrow(/"deep\/seen" is updated twice/);
  });

  test('unknown paths, foreign tensors and other shapes are errors', () => {
    const message = (f: (s: Scope, x: F) => void): string => {
      try {
        trace((s, inputs) => {
          counter(s);
          const given = inputs['x']!.to('float32');
          f(s, given);
          return { y: given.mul(2) };
        }, spec);
      } catch (e) {
        if (isBowError(e)) return `${e.code}: ${e.message}`;
      }
      return 'no error';
    };
    expect(message((s, t) => s.update('sen', t))).toMatch(/^usage: .*"sen".*"seen"/);
    expect(message((s, t) => s.update(t, t))).toMatch(/^usage: .*no parameter, buffer or state/);
    expect(message((s) => s.current('nowhere'))).toMatch(/^usage: /);
    expect(message((s, t) => s.update('seen', t))).toMatch(/^shape: /);
    expect(message((s) => s.update('seen', (now) => now.unsqueeze(0)))).toMatch(/^shape: /);
  });
});

test('the second tap of a path is numbered, and a pattern finds all', async () => {
  const run = async (taps: readonly string[]): Promise<Record<string, number[]>> => {
    const traced = compile(
      (s, inputs) => {
        for (const by of [2, 3]) s.at('block').tap('output', inputs['x']!.mul(by));
        s.redirect((p) => `teacher/${p}`).tap('output', inputs['x']!.mul(5));
        return {};
      },
      { taps, threads: 1 },
    );
    const found = await traced.run({ x });
    return Object.fromEntries(Object.keys(found).map((name) => [name, numbers(found, name)]));
  };
  expect(await run(['block/output*'])).toEqual({ 'block/output': [2, 4, 6], 'block/output#2': [3, 6, 9] });
  expect(await run(['block/output'])).toEqual({ 'block/output': [2, 4, 6] });
  expect(await run(['**/output'])).toEqual({ 'block/output': [2, 4, 6], 'teacher/output': [5, 10, 15] });
});

test('checks run once, when the trace ends, unless someone runs or takes them before', () => {
  const ran: string[] = [];
  const look = (f: (s: Scope) => void): string[] => {
    ran.length = 0;
    trace((s) => {
      s.trace.checks.add(() => ran.push('first'));
      f(s);
      s.trace.checks.add(() => ran.push('last'));
      ran.push('traced');
      return {};
    }, {});
    return [...ran];
  };
  expect(look(() => {})).toEqual(['traced', 'first', 'last']);
  expect(look((s) => s.trace.checks.run())).toEqual(['first', 'traced', 'last']);
  expect(look((s) => void s.trace.checks.take())).toEqual(['traced', 'last']);
});
