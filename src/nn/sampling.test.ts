import { expect, test } from 'vitest';
import { isBowError, Rng } from '../base/index.ts';
import { arange, compile, ndarray, trace } from '../engine/index.ts';
import { categorical, categoricalWithoutReplacement } from './index.ts';

const weights = [
  [1, 2, 3, 4],
  [0, 5, 0, 5],
  [1, 1, 1, 1],
];
const rows = 3;
const x = ndarray('float32', [rows, 4], weights.flat().map(Math.log));

/** How often each entry of each row is drawn in n runs. */
async function counts(n: number, diagonal: boolean): Promise<number[][]> {
  const draw = compile(
    (s, inputs) => {
      const logs = inputs['x']!.to('float32');
      const exclude = arange(logs, rows).unsqueeze(1).equal(arange(logs, 4).unsqueeze(0));
      return { index: categorical(s.at('negatives'), logs, diagonal ? { exclude } : {}) };
    },
    { threads: 1 },
  );
  const rng = new Rng('draws');
  const found = weights.map(() => [0, 0, 0, 0]);
  for (let i = 0; i < n; i++) {
    const { index } = await draw.run({ x }, { rng: rng.split(i) });
    expect(index!.shape).toEqual([rows]);
    index!.data.forEach((at, row) => found[row]![Number(at)]!++);
  }
  await draw.close();
  return found;
}

test('entries are drawn in proportion to their weights', async () => {
  const n = 4000;
  const found = await counts(n, false);
  weights.forEach((list, row) => {
    const total = list.reduce((a, b) => a + b);
    list.forEach((w, i) => {
      const p = w / total;
      expect(Math.abs(found[row]![i]! - n * p)).toBeLessThanOrEqual(4.5 * Math.sqrt(n * p * (1 - p)));
    });
  });
});

test('excluded entries are never drawn, the others keep their proportions', async () => {
  const n = 2000;
  const found = await counts(n, true);
  expect([found[0]![0], found[1]![1], found[2]![2]]).toEqual([0, 0, 0]);
  expect(found[1]![3]).toBe(n); // the only one that is left with a weight
  expect(Math.abs(found[0]![3]! / n - 4 / 9)).toBeLessThan(0.05);
});

test('without replacement: different entries, equal seeds draw the same', async () => {
  const draw = compile((s, inputs) => ({ at: categoricalWithoutReplacement(s, inputs['x']!.to('float32'), 2) }), {
    threads: 1,
  });
  const seen = new Set<string>();
  for (let i = 0; i < 40; i++) {
    const { at } = await draw.run({ x }, { rng: new Rng(i) });
    const list = Array.from(at!.data, Number);
    for (let row = 0; row < rows; row++) expect(list[2 * row]).not.toBe(list[2 * row + 1]);
    expect(new Set(list.slice(2, 4))).toEqual(new Set([1, 3]));
    seen.add(list.join());
    const again = await draw.run({ x }, { rng: new Rng(i) });
    expect(Array.from(again.at!.data, Number)).toEqual(list);
  }
  expect(seen.size).toBeGreaterThan(10);
  await draw.close();
});

test('more different ones than there are is an error', () => {
  const said = (): string => {
    try {
      trace((s, i) => ({ at: categoricalWithoutReplacement(s, i['x']!.to('float32'), 5) }), { x });
    } catch (e) {
      if (isBowError(e)) return e.code;
    }
    return 'no error';
  };
  expect(said()).toBe('shape');
});
