import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { captionSamples } from '../world/index.ts';
import { capabilityBenchmarks, ladderText, runLadder } from './index.ts';

/** The room's public face as one module for a browser; building fails when it reaches for Node. MuJoCo's own file asks for `module` in Node only. */
async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: ['src/evaluate/index.ts'],
    ...{
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      external: ['module'],
      target: 'es2022',
      logLevel: 'silent',
    },
  });
  return result.outputFiles[0]!.text;
}

test('the room builds for a browser, without Node; the bundle measures the same', async () => {
  const text = await bundle();
  expect(text).not.toMatch(/\b(?:from|import)\s*\(?["']node:/); // the engine asks for built-in modules only where it finds Node
  const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`;
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
