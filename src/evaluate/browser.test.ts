import { expect, test } from 'vitest';
import { bundleForBrowser } from '../base/testing/node/chromium.ts';
import { captionSamples } from '../world/index.ts';
import { capabilityBenchmarks, ladderText, runLadder } from './index.ts';

test('the bundle for a browser measures the same as the modules do', async () => {
  const { code } = await bundleForBrowser('src/evaluate/index.ts');
  const url = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
  const built = (await import(url)) as typeof import('./index.ts');
  const scenes = [];
  for await (const s of captionSamples({ count: 7, size: 16, split: 'validation' })) scenes.push(s);
  const system = {
    id: 'lengths',
    close: async (): Promise<void> => {},
    scorePairs: async (pairs: readonly { readonly text: string }[]) => Float32Array.from(pairs, (p) => p.text.length),
  };
  const contenders = [{ title: 'lengths', open: async () => system }];
  const ladder = await built.runLadder(contenders, built.capabilityBenchmarks(scenes));
  expect(built.ladderText(ladder)).toMatch(/right text of 2/);
  expect(ladder).toEqual(await runLadder(contenders, capabilityBenchmarks(scenes)));
  expect(built.ladderText(ladder)).toBe(ladderText(ladder));
});
