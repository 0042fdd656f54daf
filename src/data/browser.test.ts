import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { parseCsv, tabletopPairs } from './index.ts';

/** The room's public face as one module for a browser; building fails when it reaches for Node. MuJoCo's own file asks for `module` in Node only. */
async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: ['src/data/index.ts'],
    ...{ bundle: true, write: false, platform: 'browser', format: 'esm', external: ['module'], logLevel: 'silent' },
  });
  return result.outputFiles[0]!.text;
}

test('the room builds for a browser, without Node; the bundle makes the same images and reads the same tables', async () => {
  const text = await bundle();
  expect(text).not.toMatch(/["']node:/);
  const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`;
  const built = (await import(url)) as typeof import('./index.ts');
  const options = { count: 2, size: 16 };
  expect(await built.tabletopPairs(options)).toEqual(await tabletopPairs(options));
  expect(built.parseCsv('a;b\n1;2', 'table')).toEqual(parseCsv('a;b\n1;2', 'table'));
});
