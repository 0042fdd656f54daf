import { describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import {
  type Compiled,
  compile,
  type F,
  type I,
  type Init,
  type ModelFunction,
  type NdArray,
  ndarray,
  type Scope,
  Store,
} from './index.ts';

const zero: Init = () => {};
const scalar = (value: number): NdArray => ndarray('float32', [], [value]);
const value = (a: NdArray | undefined): number => Number(a!.data[0]);

/** total ← factor·total + x; returns the total from before. */
const add =
  (factor: number): ModelFunction =>
  (s, { x }: { x: F }) => {
    const total = s.state('total', [], zero);
    s.update(total, total.mul(factor).add(x.sum()));
    return { before: total };
  };
const read: ModelFunction = (s, { x }) => ({ y: x!.add(s.state('total', [], zero)) });

async function closeAll(...list: readonly Compiled[]): Promise<void> {
  for (const c of list) await c.close();
}

describe('calls that overlap', () => {
  test('run one after the other, in their order, each on the state that the one before left', async () => {
    const step = compile(add(2), { threads: 1 });
    const runs = [1, 2, 3, 4].map((x) => step.run({ x: scalar(x) }));
    expect((await Promise.all(runs)).map((r) => value(r['before']))).toEqual([0, 1, 4, 11]);
    expect(value(step.store.get('total'))).toBe(26);
    await step.close();
  });

  test('keep their order when the first of them has still to compile for its shape', async () => {
    const step = compile(add(2), { threads: 1 });
    const pair = ndarray('float32', [2], [1, 1]);
    await step.run({ x: scalar(1) });
    const runs = [step.run({ x: pair }), step.run({ x: scalar(5) })];
    expect((await Promise.all(runs)).map((r) => value(r['before']))).toEqual([1, 4]);
    await step.close();
  });

  test('keep their order over one store, whichever of several functions has still to compile', async () => {
    const o = { store: new Store(), threads: 1 };
    const [writer, reader] = [compile(add(1), o), compile(read, o)];
    const runs = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? writer : reader).run({ x: scalar(1) }));
    const seen = (await Promise.all(runs)).map((r) => value(r['y'] ?? r['before']));
    expect(seen).toEqual([0, 2, 2, 1, 3, 3, 2, 4, 4, 3, 5, 5]);
    await closeAll(writer, reader);
  });

  test('of two programs over one store do not lose an update, and readers see whole states', async () => {
    const store = new Store();
    const o = { store, threads: 1 };
    const [twice, thrice, reader] = [compile(add(2), o), compile(add(3), o), compile(read, o)];
    const x = scalar(1);
    for (const c of [twice, thrice, reader]) await c.program({ x });
    const seen: number[] = [];
    const runs: Promise<unknown>[] = [];
    let wanted = 0;
    const expected: number[] = [];
    for (let i = 0; i < 12; i++) {
      const [c, factor] = i % 2 === 0 ? [twice, 2] : [thrice, 3];
      runs.push(c.run({ x }));
      wanted = Math.fround(wanted * factor + 1);
      expected.push(wanted + 1);
      runs.push(reader.run({ x }).then((r) => seen.push(value(r['y']))));
    }
    await Promise.all(runs);
    expect(value(store.get('total'))).toBe(wanted);
    expect(seen).toEqual(expected);
    await closeAll(twice, thrice, reader);
  });

  test('an error of one does not stop the next', async () => {
    const step = compile(add(2), { threads: 1 });
    const runs = [step.run({ x: scalar(1) }), step.run({ y: scalar(1) }), step.run({ x: scalar(3) })];
    const [a, b, c] = await Promise.allSettled(runs);
    expect([a!.status, b!.status, c!.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(value(step.store.get('total'))).toBe(5);
    const noisy = compile((s, { x }) => ({ y: x!.add(s.noise('n', [])) }), { threads: 1 });
    const drawn = [noisy.run({ x: scalar(0) }), noisy.run({ x: scalar(0) }, { rng: new Rng(1) })];
    expect((await Promise.allSettled(drawn)).map((r) => r.status)).toEqual(['rejected', 'fulfilled']);
    await closeAll(step, noisy);
  });

  test('draw noise of their own', async () => {
    const noisy = compile((s, { x }) => ({ y: x!.add(s.noise('n', [])) }), { threads: 1 });
    const draw = (seed: number): Promise<number> =>
      noisy.run({ x: scalar(0) }, { rng: new Rng(seed) }).then((r) => value(r['y']));
    const together = await Promise.all([draw(1), draw(2), draw(1)]);
    expect(together).toEqual([await draw(1), await draw(2), await draw(1)]);
    expect(together[0]).not.toBe(together[1]);
    await noisy.close();
  });
});

test('what a run returns is the caller’s: later runs leave it alone', async () => {
  const store = new Store();
  const double = compile((s, { x }) => ({ y: x!.mul(2), w: s.param('w', [2], zero) }), { store, threads: 1 });
  const first = await double.run({ x: ndarray('float32', [2], [1, 2]) });
  const second = await double.run({ x: ndarray('float32', [2], [3, 4]) });
  expect([...(first['y']!.data as Float32Array)]).toEqual([2, 4]);
  (second['w']!.data as Float32Array).fill(9); // a parameter returned as it is, too
  (second['y']!.data as Float32Array).fill(9);
  expect([...(store.get('w').data as Float32Array)]).toEqual([0, 0]);
  expect([...(first['y']!.data as Float32Array)]).toEqual([2, 4]);
  await double.close();
});

test('a run is taken back once, and only when nobody has changed the state since', async () => {
  const store = new Store();
  const [a, b] = [compile(add(2), { store, threads: 1 }), compile(add(3), { store, threads: 1 })];
  const x = scalar(1);
  const program = await a.program({ x });
  expect(() => program.revert()).toThrow(/no run to take back/);
  await a.run({ x });
  await a.run({ x });
  program.revert();
  expect(value(store.get('total'))).toBe(1);
  expect(() => program.revert()).toThrow(/no run to take back/);
  await a.run({ x });
  await b.run({ x });
  expect(() => program.revert()).toThrow(/changed since/);
  expect(value(store.get('total'))).toBe(10);
  await closeAll(a, b);
});

test('closing waits for the runs asked for; then a program is closed', async () => {
  const step = compile(add(2), { threads: 1 });
  const program = await step.program({ x: scalar(1) });
  const runs = [program.run({ x: scalar(1) }), program.run({ x: scalar(2) })];
  const closing = step.close();
  expect((await Promise.all(runs)).map((r) => value(r['before']))).toEqual([0, 1]);
  await closing;
  await expect(program.run({ x: scalar(1) })).rejects.toThrow(/closed/);
});

describe('many shapes', () => {
  const scale: ModelFunction = (s, { x }) => ({ y: x!.mul(s.param('w', [], (out) => void out.fill(2))).sum() });
  const ones = (n: number): NdArray => ndarray('float32', [n], new Float32Array(n).fill(1));

  test('leave a bounded number of programs, those used last', async () => {
    const c = compile(scale, { threads: 1, maxPrograms: 3 });
    const kept = await c.program({ x: ones(1) });
    for (let n = 1; n <= 12; n++) {
      expect(value((await c.run({ x: ones(n) }))['y'])).toBe(2 * n);
      expect(value((await c.run({ x: ones(1) }))['y'])).toBe(2);
      expect(c.programs).toBeLessThanOrEqual(3);
    }
    expect(await c.program({ x: ones(1) })).toBe(kept);
    await c.close();
    expect(c.programs).toBe(0);
  });

  test('asked for all at once are all answered', async () => {
    const c = compile(scale, { threads: 1, maxPrograms: 2 });
    const answers = await Promise.all(Array.from({ length: 9 }, (_, i) => c.run({ x: ones(i + 1) })));
    expect(answers.map((a) => value(a['y']))).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(c.programs).toBe(2);
    await c.close();
  });

  test('a bound that is not a number of programs is refused', () => {
    expect(() => compile(scale, { maxPrograms: 0 })).toThrow(/maxPrograms/);
  });
});

describe('kinds of stored tensors', () => {
  const train: ModelFunction = (s) => ({ w: s.param('w', [2], zero) });
  const frozen: ModelFunction = (s) => train(s.with({ spec: (d) => ({ ...d, kind: 'buffer' }) }), {});
  const kinds = (store: Store): string[] => [...store.entries()].map(([path, , kind]) => `${path} ${kind}`);

  test('do not change with the program that was traced last', async () => {
    const store = new Store();
    const programs = [train, frozen].map((fn) => compile(fn, { store, threads: 1 }));
    for (const c of programs) await c.run({});
    expect(kinds(store)).toEqual(['w param']);
    await closeAll(...programs);
  });

  test('of weights given without one are what the first program says, and become parameters when trained', async () => {
    const store = new Store();
    store.set('w', ndarray('float32', [2], [1, 2]));
    expect(kinds(store)).toEqual(['w param']);
    const programs = [frozen, train].map((fn) => compile(fn, { store, threads: 1 }));
    await programs[0]!.run({});
    expect(kinds(store)).toEqual(['w buffer']);
    await programs[1]!.run({});
    expect(kinds(store)).toEqual(['w param']);
    await closeAll(...programs);
  });
});

describe('rows appended to state', () => {
  type In = { rows: F<'b n'>; at: I<''> };
  const keep =
    (axis: number): ModelFunction<In> =>
    (s, { rows, at }) => ({ held: s.append('held', rows, { length: 4, axis, at }).mul(1) });
  const at = (n: number) => ndarray('int64', [], [n]);

  test('are written in place after the run, along any axis', async () => {
    const c = compile(keep(1), { threads: 1 });
    await c.run({ rows: ndarray('float32', [2, 2], [1, 2, 3, 4]), at: at(0) });
    const array = c.store.get('held');
    const { held } = await c.run({ rows: ndarray('float32', [2, 1], [5, 6]), at: at(3) });
    expect([...(held!.data as Float32Array)]).toEqual([1, 2, 0, 0, 3, 4, 0, 0]); // what it held before the run
    expect(c.store.get('held')).toBe(array);
    expect([...(array.data as Float32Array)]).toEqual([1, 2, 0, 5, 3, 4, 0, 6]);
    const program = await c.program({ rows: ndarray('float32', [2, 1], [5, 6]), at: at(3) });
    expect(() => program.revert()).toThrow(/cannot be taken back/);
    await c.close();
  });

  test('queue like other changes of state', async () => {
    const c = compile(keep(0), { threads: 1 });
    const runs = [0, 1, 2, 3].map((n) => c.run({ rows: ndarray('float32', [1, 1], [n + 1]), at: at(n) }));
    expect((await Promise.all(runs)).map((r) => [...(r['held']!.data as Float32Array)])).toEqual([
      [0, 0, 0, 0],
      [1, 0, 0, 0],
      [1, 2, 0, 0],
      [1, 2, 3, 0],
    ]);
    await c.close();
  });

  test.each([
    ['twice', /appended twice/, (s: Scope, { rows, at }: In) => [0, 1].map(() => s.append('held', rows, { length: 4, axis: 0, at }))], // biome-ignore format: a table
    ['at a computed row', /must be an input/, (s: Scope, { rows, at }: In) => [s.append('held', rows, { length: 4, axis: 0, at: at.add(1) })]], // biome-ignore format: a table
    ['more than there is room for', /do not fit a state of 1/, (s: Scope, { rows, at }: In) => [s.append('held', rows, { length: 1, axis: 0, at })]], // biome-ignore format: a table
  ] as const)('are refused %s', async (_, message, append) => {
    const c = compile((s, inputs: In) => ({ y: append(s, inputs)[0]! }), { threads: 1 });
    await expect(c.run({ rows: ndarray('float32', [2, 1], [1, 2]), at: at(0) })).rejects.toThrow(message);
  });
});
