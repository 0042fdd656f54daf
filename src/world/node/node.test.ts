import { expect, test } from 'vitest';
import type { CaptionSample } from '../index.ts';
import { captionSample } from '../index.ts';

test('worker threads make the same samples in the same order', async () => {
  const built = new URL('../../../dist/world/node/index.js', import.meta.url).href;
  const { parallelCaptionSamples } = (await import(built)) as typeof import('./index.ts');
  const got: CaptionSample[] = [];
  for await (const s of parallelCaptionSamples({ count: 41, start: 5, size: 29, quality: 'fast', workers: 2 }))
    got.push(s);
  expect(got.map((s) => s.index)).toEqual(Array.from({ length: 41 }, (_, i) => i + 5));
  expect(got[37]).toEqual(captionSample(42, { size: 29, quality: 'fast' }));
  const bad = parallelCaptionSamples({ count: 2, size: 2, workers: 1 });
  await expect(bad.next()).rejects.toThrow(/sizes from 8/);
});
