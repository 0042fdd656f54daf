/** Exports that take no tensors of a trace: wrong arguments are typed errors there too. */
import { expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import * as engine from './index.ts';
import { compile, newTrace, Store, trace } from './index.ts';

const nonsense = [undefined, null, 3, 'x', [1], {}, () => 1, new Map([['a', 1]]), Float32Array.of(1)];
const traced = trace((_s, { x }: { x: engine.F }) => ({ y: x.add(1) }), { x: { dtype: 'float32', shape: [2] } });
const outputs = traced.outputs;
const x = newTrace().graph.input('x', 'float32', [2]);
type Call = (...args: readonly unknown[]) => unknown;

test.each([
  ['createProgram', [traced.trace, outputs, new Store()]],
  ['encodeModel', [{ name: 'm', inputs: [x], outputs: new Map([['y', x]]) }]],
  ['toOrt', [engine.ndarray('float32', [1], [1])]],
  ['fromOrt', [engine.toOrt(engine.ndarray('float32', [1], [1]))]],
] as const)('%s', async (name, args) => {
  const call = Reflect.get(engine, name) as Call;
  const closed = (await call(...args)) as { close?: () => Promise<void> };
  await closed?.close?.();
  for (const [at] of args.entries())
    for (const value of nonsense) {
      const wrong = args.map((a, i) => (i === at ? value : a));
      const e = await (async () => call(...wrong))().then(
        () => 'nothing',
        (e: unknown) => e,
      );
      expect(isBowError(e), `${name}, argument ${at} ${String(value)}: ${e}`).toBe(true);
    }
});

test('helpers of errors take anything', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [...nonsense, cycle, Symbol('s')]) {
    expect(isBowError(engine.badArgument(value as never, 'what', value))).toBe(true);
    expect(isBowError(engine.notATensor(value as never, 'what', value))).toBe(true);
  }
});

test('compile names the option that it does not have', () => {
  const fn = (_s: engine.Scope, { x }: { x: engine.F }) => ({ y: x.add(1) });
  expect(() => compile(fn, { thread: 1 } as never)).toThrow(/unknown option "thread" \(did you mean "threads"\?\)/);
  expect(() => compile(fn, 3 as never)).toThrow(/options must be an object/);
});
