import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the example of the engine’s page learns what it says', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['docs/examples/spirals.mjs']);
  expect(stdout).toMatch(/^accuracy on unseen points (0\.9[789]\d|1\.000) after \d+\.\d s\n$/);
});
