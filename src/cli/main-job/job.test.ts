import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { acquireLock } from '../../base/node/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-start-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const cli = async (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, ['dist/cli/main.js', ...args], { env: { ...process.env, CI: '1' } });

test('start does everything once; the second run takes it from the folder', { timeout: 180_000 }, async () => {
  const out = join(folder, 'start');
  const first = JSON.parse((await cli('start', '--smoke', '--json', '-o', out)).stdout);
  expect(first.cached).toBe(false);
  const rows = Object.fromEntries(
    first.ladder.rows.map((r: { system: string; results: object }) => [r.system, r.results]),
  );
  expect(Object.keys(rows)).toEqual(['bag-of-words', 'tf-idf', 'word2vec', 'clip']);
  expect(rows['tf-idf']['descriptions']['text_to_description_R@1']).toBeGreaterThan(0.5);
  expect(rows['tf-idf']['pictures']).toBeUndefined();
  expect(rows['clip']['pictures']).toHaveProperty('text_to_image_R@1');
  expect(rows['clip']['colour-shape']).toHaveProperty('top1_unseen_pairs');
  expect(readFileSync(first.report, 'utf8')).toMatch(/<img src="data:image\/png;base64,/);
  for (const file of ['config.json', 'model.safetensors', 'tokenizer.json', 'preprocessor_config.json'])
    expect(existsSync(join(out, 'clip', file))).toBe(true);

  const second = await cli('start', '--smoke', '-o', out);
  expect(second.stdout).toMatch(/from an earlier run/);
  expect(second.stdout).toMatch(/^\(chance\)/m);
  expect(second.stderr).not.toMatch(/train clip/);
  const again = JSON.parse((await cli('start', '--smoke', '--json', '-o', out)).stdout);
  expect(again.ladder).toEqual(first.ladder);

  await using lock = await acquireLock(join(out, 'start.lock'));
  await expect(cli('start', '--smoke', '--fresh', '-o', out)).rejects.toThrow(/another process is using this folder/);
  await lock.release();
  await rm(join(out, 'clip', 'model.safetensors'));
  await expect(cli('start', '--smoke', '-o', out)).rejects.toThrow(/hint {2}--fresh makes it again/);
});

test('a folder that cannot be made is reported at once', async () => {
  await expect(cli('start', '--smoke', '-o', 'package.json')).rejects.toThrow(/BowError\[data\].*package\.json/s);
});

test('train clip leaves a checkpoint that is evaluated by retrieval', { timeout: 180_000 }, async () => {
  const out = join(folder, 'clip');
  const result = JSON.parse((await cli('train', 'clip', '--smoke', '--json', '-o', out)).stdout);
  expect(result.step).toBe(6);
  expect(result.metrics['eval/text_to_image_R@10']).toBeGreaterThan(0);
  expect(existsSync(join(out, 'best', 'tokenizer.json'))).toBe(true);
  await expect(cli('train', 'clip', '--smoke', '--variant', 'huge', '-o', join(folder, 'x'))).rejects.toThrow(
    /unknown variant "huge"/,
  );
});
