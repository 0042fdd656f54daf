import { expect, test } from 'vitest';
import type { CaptionSample } from '../index.ts';
import { captionSample } from '../index.ts';
import { pooled } from './pool.ts';

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

test('a thread that hangs is given up, one that says it is alive is not; a stop takes effect at once', async () => {
  const script = (body: string) =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`import { parentPort as p } from 'node:worker_threads'; ${body}`)}`,
    );
  const hanging = script(`p.on('message', () => { for (;;); })`);
  const silent = pooled(hanging, {}, { workers: 1, count: 1, silence: 300 });
  await expect(silent.next()).rejects.toMatchObject({
    code: 'data',
    message: expect.stringMatching(/no sign of life/),
  });
  const stop = new AbortController();
  const waiting = pooled(hanging, {}, { workers: 1, count: 1, signal: stop.signal }).next();
  setTimeout(() => stop.abort(), 50);
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  const slow = script(
    `p.on('message', (m) => { const t = setInterval(() => p.postMessage({ alive: true }), 100);
      setTimeout(() => { clearInterval(t); p.postMessage({ from: m.from, items: [m.from] }) }, 1500) })`,
  );
  const got: unknown[] = [];
  for await (const x of pooled(slow, {}, { workers: 1, count: 1, silence: 1200 })) got.push(x);
  expect(got).toEqual([0]);
});
