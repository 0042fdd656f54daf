import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFakeNpm, writeIconPackages } from '../data/testing/icon-packages.ts';
import { clipSystem } from '../systems/index.ts';
import { loadModel } from '../systems/node/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-clip-icons-'));
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(async () => {
  await writeIconPackages(at('registry'));
  await mkdir(at('bin'));
  await writeFakeNpm(at('bin', 'npm'), at('registry'), at('calls'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The compiled command line; `path`: where it looks for npm. */
function bow2bot(path: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, PATH: path, BOW2BOT_CACHE: at('cache'), CI: '1', NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, ['dist/cli/main.js', ...args], { env }, (e, out, err) =>
      resolve({ code: e ? Number(e.code) : 0, out, err }),
    );
  });
}

test('without npm the command ends with 4 and says what is missing', { timeout: 60_000 }, async () => {
  const { code, err } = await bow2bot(at('nowhere'), 'data', 'icons', '-o', at('none'));
  expect(code).toBe(4);
  expect(err).toMatch(/BowError\[download\]: npm was not found/);
});

test.skipIf(process.platform === 'win32')(
  'icons are rendered, and the preset trains on them',
  { timeout: 120_000 },
  async () => {
    const path = `${at('bin')}${delimiter}${process.env['PATH']}`;
    const made = await bow2bot(path, 'data', 'icons', '-o', at('icons'), '--validation-styles', 'twemoji', '--json');
    expect([made.code, made.err]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(made.out)).toMatchObject({ styles: { noto: 2, twemoji: 3 }, concepts: 4, unseen: 1 });
    const settings = ['steps=2', 'batchSize=3', 'threads=1', 'schedule.warmup=1'].flatMap((s) => ['--set', s]);
    const data = ['--data', at('icons', 'train'), '--validation', at('icons', 'validation')];
    const run = await bow2bot(
      path,
      'train',
      'clip',
      ...data,
      '--preset',
      'icons',
      ...settings,
      '-o',
      at('run'),
      '--json',
    );
    expect(run.err).toBe('');
    const { metrics } = JSON.parse(run.out) as { metrics: Record<string, number> };
    const named = ['text_to_image_R@1', 'image_to_name_R@1', 'seen_text_to_image_R@1', 'unseen_text_to_image_R@1'];
    expect(Object.keys(metrics)).toEqual(expect.arrayContaining(named.map((name) => `eval/${name}`)));
    const recipe = JSON.parse(await readFile(at('run', 'last', 'recipe.json'), 'utf8'));
    expect(recipe.data).toMatchObject({ distinct: 'concept', smoothing: 0.1, augment: { rotate: 8, stroke: 0.2 } });
    const model = await loadModel(clipSystem, at('run', 'last'));
    expect(model.config.visual.stages).toEqual([48, 96, 192]);
    expect(model.config.text.bag).toBe(true);
    expect(model.store.has('visual/stages/2/blocks/0/norm2/running_var')).toBe(true);
  },
);

test('a batch holds every thing once: more samples than things is an error', { timeout: 60_000 }, async () => {
  const data = ['--data', at('icons', 'train'), '--validation', '0', '--preset', 'icons', '--set', 'batchSize=5'];
  const { code, err } = await bow2bot(at('bin'), 'train', 'clip', ...data, '-o', at('large'));
  expect(code).toBe(3);
  const tabletop = await bow2bot(at('bin'), 'train', 'clip', '--preset', 'icons');
  expect([tabletop.code, tabletop.err]).toEqual([2, expect.stringContaining('name them with --data')]);
  expect(err).toMatch(/a batch of 5 needs more than the 3 samples there are/);
});
