import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readRecipe } from './node/index.ts';
import { parseRecipe } from './recipe.ts';

const place = (f: () => unknown): string[] => {
  try {
    f();
  } catch (e) {
    const { code, place = '', message } = e as { code: string; place?: string; message: string };
    return [code, place, message.replace(/ \(at .*\)$/, '')];
  }
  throw new Error('nothing was thrown');
};

describe('defaults, presets, settings', () => {
  test('the documented defaults', () => {
    const r = parseRecipe({ system: 'clip' });
    expect(r).toMatchObject({
      system: 'clip',
      variant: 'tiny',
      batchSize: 32,
      accumulate: 1,
      steps: 1000,
      optimizer: { name: 'adamw', lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, clipNorm: 1 },
      schedule: { name: 'cosine', warmup: 0, final: 0 },
      select: { metric: null, mode: null, patience: null },
      seed: 0,
      data: {},
    });
    expect(r.epochs).toBeUndefined();
  });

  test('a validated recipe is valid and unchanged when it is read again', () => {
    const r = parseRecipe({ system: 'clip', epochs: 3, optimizer: { name: 'sgd' } }, { preset: 'smoke' });
    expect(parseRecipe(JSON.parse(JSON.stringify(r)))).toEqual(r);
    expect(r.steps).toBeUndefined();
  });

  test('later parts win: preset, the system’s preset of the same name, recipe, --set', () => {
    const o = { preset: 'smoke', presets: { smoke: { batchSize: 5, seed: 11 } } };
    expect(parseRecipe({ system: 'a' }, o)).toMatchObject({ steps: 20, batchSize: 5, seed: 11 });
    expect(parseRecipe({ system: 'a', seed: 13 }, o)).toMatchObject({ batchSize: 5, seed: 13 });
    const set = ['optimizer.lr=3e-4', 'variant=ViT-B/32', 'freeze=["visual/**"]', 'seed=17'];
    expect(parseRecipe({ system: 'a', seed: 13 }, { ...o, set })).toMatchObject({
      optimizer: { name: 'adamw', lr: 3e-4 },
      variant: 'ViT-B/32',
      freeze: ['visual/**'],
      seed: 17,
    });
  });

  test('what a command’s arguments say wins over the recipe; another source of data starts anew', () => {
    const file = { seed: 3, lora: null, data: { source: 'a', pictures: 5 } };
    const over = { lora: { layers: ['x'] }, data: { source: 'b', path: 'p' } };
    const r = parseRecipe({ system: 'a', ...file }, { over, set: ['data.path=q'] });
    expect(r).toMatchObject({ seed: 3, lora: { layers: ['x'] } });
    expect(r.data).toEqual({ source: 'b', path: 'q' });
    expect(parseRecipe({ system: 'a', ...file }, { over: { data: { size: 7 } } }).data).toEqual({
      ...file.data,
      size: 7,
    });
  });

  test('another optimiser or schedule starts from its own defaults', () => {
    const r = parseRecipe({ system: 'a', optimizer: { name: 'adamw', eps: 1e-6 } }, { set: ['optimizer.name=sgd'] });
    expect(r.optimizer).toMatchObject({ name: 'sgd', lr: 0.1, momentum: 0, nesterov: false, weightDecay: 0 });
    expect(r.optimizer).not.toHaveProperty('eps');
  });

  test('the system’s own description of its data is enforced', () => {
    const data = z.strictObject({ folder: z.string(), size: z.int().default(64) });
    expect(parseRecipe({ system: 'a', data: { folder: 'x' } }, { data }).data).toEqual({ folder: 'x', size: 64 });
    expect(place(() => parseRecipe({ system: 'a', data: { folder: 'x', sise: 3 } }, { data }))).toEqual([
      'config',
      'data.sise',
      'unknown key "sise" (did you mean "size"?)',
    ]);
  });
});

describe('errors name the key', () => {
  test.each([
    [{ optimizer: { lrr: 1 } }, 'optimizer.lrr', 'unknown key "lrr" (did you mean "lr"?)'],
    [
      { optimizer: { name: 'sgd', betas: [0, 1] } },
      'optimizer.betas',
      'unknown key "betas" here: it belongs to optimizer.name "adamw" or "adam"',
    ],
    [{ optimizer: { name: 'adam', betas: [0.9, 1] } }, 'optimizer.betas.1', 'Too big: expected number to be <1'],
    [{ optimizer: { name: 'adamv' } }, 'optimizer.name', 'unknown name "adamv" (did you mean "adamw"?)'],
    [{ batch_size: 3 }, 'batch_size', 'unknown key "batch_size" (did you mean "batchSize"?)'],
    [{ freeze: ['a', 3] }, 'freeze.1', 'Invalid input: expected string'],
    [{ optimizer: { lrScale: { '**': -1 } } }, 'optimizer.lrScale.**', 'Too small'],
    [{ log: { evry: 3 } }, 'log.evry', 'unknown key "evry" (did you mean "every"?)'],
    [{ schedule: { warmup: -1 } }, 'schedule.warmup', 'Too small: expected number to be >=0'],
    [{ steps: 5, epochs: 2 }, 'steps', 'give either steps or epochs'],
    [{ batchSize: '8' }, 'batchSize', 'Invalid input: expected number, received string'],
    [{ optimizer: 3 }, 'optimizer', 'Invalid input: expected object'],
  ])('%j', (recipe, at, message) => {
    const [code, where, what] = place(() => parseRecipe({ system: 'a', ...recipe } as never));
    expect([code, where]).toEqual(['config', at]);
    expect(what).toContain(message);
  });

  test('presets and settings', () => {
    expect(place(() => parseRecipe({ system: 'a' }, { preset: 'smoek' }))).toEqual([
      'config',
      'preset',
      'unknown preset "smoek" (did you mean "smoke"?)',
    ]);
    expect(place(() => parseRecipe({ system: 'a' }, { set: ['lr'] }))[0]).toBe('usage');
    expect(place(() => parseRecipe({ system: 'a' }, { set: ['__proto__.lr=1'] }))[0]).toBe('usage');
    expect(place(() => parseRecipe({ system: 'a' }, { set: ['optimizer.lr=fast'] }))[1]).toBe('optimizer.lr');
  });
});

test('a recipe file: read, broken, missing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bow2bot-recipe-'));
  const path = join(folder, 'recipe.json');
  try {
    await writeFile(path, '{"system": "clip", "steps": 7}');
    expect(await readRecipe(path, { set: ['seed=3'] })).toMatchObject({ system: 'clip', steps: 7, seed: 3 });
    await writeFile(path, '{"system": "clip", "stepz": 7}');
    await expect(readRecipe(path)).rejects.toMatchObject({ place: 'stepz', detail: { recipe: path } });
    for (const text of ['{"system"', '[]', 'null', '']) {
      await writeFile(path, text);
      await expect(readRecipe(path)).rejects.toMatchObject({ code: 'config', place: path });
    }
    await expect(readRecipe(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'data' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
