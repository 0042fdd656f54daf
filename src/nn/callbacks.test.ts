/** Initial values and rules, which a store or an optimiser calls: called by hand with nonsense they are typed errors; so are options that are unknown. */
import { expect, test } from 'vitest';
import { isBowError, Rng } from '../base/index.ts';
import { adam, adamW, matricesOnly, ones, sgd, sinusoid, unitRows } from './index.ts';

const out = (): Float32Array => new Float32Array(8);
const rng = new Rng(1);
type Call = (...args: readonly unknown[]) => unknown;

test.each([
  ['ones', ones, () => [out(), [2, 4], rng], [0]],
  ['unitRows', unitRows, () => [out(), [2, 4], rng], [0, 1, 2]],
  ['sinusoid', sinusoid, () => [out(), [2, 4], rng], [0, 1]],
  ['matricesOnly', matricesOnly, () => ['w', [2, 4]], [1]],
] as const)('%s', (name, fn, args, checked) => {
  const call = fn as Call;
  call(...args());
  for (const at of checked)
    for (const value of [undefined, null, 3, 'x', ['x'], {}, () => 1]) {
      let said: unknown = 'nothing';
      try {
        call(...args().map((a, i) => (i === at ? value : a)));
      } catch (e) {
        said = e;
      }
      expect(isBowError(said), `${name}, argument ${at} ${String(value)}: ${said}`).toBe(true);
    }
});

test('optimisers name the option that they do not have', () => {
  expect(() => sgd({ momentun: 0.9 } as never)).toThrow(/unknown option "momentun" \(did you mean "momentum"\?\)/);
  for (const make of [adam, adamW])
    expect(() => make({ weight_decay: 0.1 } as never)).toThrow(
      /unknown option "weight_decay" \(did you mean "weightDecay"\?\)/,
    );
});
