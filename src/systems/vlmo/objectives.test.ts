import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { compile, ndarray } from '../../engine/index.ts';
import type { StepContext } from '../../train/index.ts';
import { hardNegatives } from './objectives.ts';

test('a negative never belongs to its pair, and the likelier ones are drawn more often', async () => {
  const n = 6;
  const logits = ndarray('float32', [n, n], Array.from({ length: n * n }, (_, at) => (at % n === (Math.floor(at / n) + 2) % n ? 2 : 0))); // biome-ignore format: one line
  const drawn = compile(
    (s, x) => {
      const draw: StepContext['draw'] = (name, make) => make(s.at('draw').at(name));
      return { ...hardNegatives(x['logits']!.asFloat(), { draw }, x['group']?.asInt()) };
    },
    { threads: 1 },
  );
  const group = [0, 1, 0, 2, 1, 3];
  const counts = { own: 0, same: 0, likely: 0 };
  for (let seed = 0; seed < 200; seed++) {
    const plain = await drawn.run({ logits }, { rng: new Rng(seed) });
    const grouped = await drawn.run({ logits, group: ndarray('int32', [n], group) }, { rng: new Rng(seed) });
    Array.from(plain['text']!.data, Number).forEach((j, i) => {
      counts.own += Number(j === i);
      counts.likely += Number(j === (i + 2) % n);
    });
    for (const found of [grouped['image']!, grouped['text']!])
      Array.from(found.data, Number).forEach((j, i) => {
        counts.same += Number(group[i] === group[j]);
      });
  }
  expect([counts.own, counts.same]).toEqual([0, 0]);
  expect(counts.likely / (200 * n)).toBeGreaterThan(0.58); // e² / (e² + 4) = 0.65
  expect(counts.likely / (200 * n)).toBeLessThan(0.72);
  await drawn.close();
});
