import { expect, test } from 'vitest';
import { z } from 'zod';
import { memoryFiles } from '../hub/index.ts';
import { type CaptionedImages, captionedImages, dataInMemory, type ImageNeeds } from '../kinds/index.ts';
import { parseRecipe } from '../train/index.ts';
import { defineSystem } from './define.ts';
import type { Layout, SystemDefinition } from './definition.ts';
import { registerSystem, systemOf } from './registry.ts';
import { defaultVariant, type System } from './system.ts';

type Config = { readonly width: number; readonly size: number };
type Definition = SystemDefinition<Config, null, CaptionedImages, ImageNeeds>;

const layout: Layout<Config, null> = {
  id: 'own',
  settings: ['config.json'],
  recognises: async (files) => files.names.has('mine.txt'),
  config: async (files) => (await files.json('config.json')) as Config,
  parts: async () => null,
  names: () => undefined,
  write: ({ config }) => ({ 'config.json': JSON.stringify(config) }),
};
const definition: Definition = {
  id: 'checked',
  title: 'Checked',
  paper: 'a test',
  variants: { base: { width: 3, size: 4 }, vast: { width: 1e9, size: 4 }, none: { width: Number.NaN, size: 4 } },
  config: z.strictObject({ width: z.int().min(1).max(64), size: z.int().min(1).max(64) }),
  layouts: [layout],
  model: {
    inputs: ({ width }) => ({ x: { dtype: 'float32', shape: [1, width] } }),
    trace: (s, { x }, { width }) => ({ y: x!.asFloat().mul(s.param('w', [width], (out) => out.fill(1))) }),
  },
  resized: (config, size) => ({ ...config, size }),
  open: () => ({ id: 'checked', close: async () => {} }),
  training: {
    data: captionedImages,
    presets: {},
    needs: ({ size }) => ({ size }),
    parts: (config) => ({ config, parts: null }),
    stages: [{ id: 'only', objectives: () => ({}) }],
    card: {},
  },
};
const training = definition.training!;

test.each<[string, object]>([
  ['no id', { id: undefined }],
  ['an id that is a flag', { id: '--help' }],
  ['an id that is a path', { id: '../clip' }],
  ['no title', { title: undefined }],
  ['no layouts', { layouts: [] }],
  ['layouts that are none', { layouts: undefined }],
  ['a layout without a function', { layouts: [{ ...layout, write: undefined }] }],
  ['no config', { config: undefined }],
  ['no model', { model: undefined }],
  ['no open', { open: undefined }],
  ['no variants', { variants: {} }],
  ['a training without data', { training: { ...training, data: undefined } }],
  ['a training without presets', { training: { ...training, presets: undefined } }],
  ['a training without stages', { training: { ...training, stages: [] } }],
  ['a stage without objectives', { training: { ...training, stages: [{ id: 'only' }] } }],
])('a definition with %s is refused when it becomes a system', (_, part) => {
  expect(() => defineSystem({ ...definition, ...part })).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('what is registered must be a system', () => {
  const liar = { id: 'liar', open: () => {}, recognises: () => false };
  expect(() => registerSystem(liar as unknown as System)).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('no work is done on a config that the schema refuses: of a variant, of a size, of a file', async () => {
  const system = defineSystem(definition);
  const load = dataInMemory(captionedImages, {} as CaptionedImages);
  const files = async () => memoryFiles({});
  const prepare = (recipe: object) =>
    system.training!.prepare(parseRecipe({ system: 'checked', ...recipe }), { load, files });
  await expect(prepare({ variant: 'vast' })).rejects.toThrow(/no sound model: width/);
  await expect(prepare({ variant: 'none' })).rejects.toMatchObject({ code: 'config' });
  await expect(prepare({ variant: 'bas' })).rejects.toThrow(/did you mean "base"/);
  const stored = memoryFiles({
    'mine.txt': '',
    'config.json': '{"width":3,"size":4}',
    'model.safetensors': new Uint8Array(),
  });
  const huge = memoryFiles({ 'mine.txt': '', 'config.json': '{"width":1000000000,"size":4}' });
  await expect(system.load(huge)).rejects.toMatchObject({ code: 'checkpoint' });
  for (const size of [1e9, 0, -1, 0.5, Number.NaN])
    await expect(system.load(stored, { size })).rejects.toMatchObject({ code: 'config', place: 'size' });
});

test('without a variant named tiny the first is the default', () => {
  expect(defaultVariant(defineSystem(definition))).toBe('base');
  expect(defaultVariant({ variants: ['large', 'tiny'] })).toBe('tiny');
  expect(parseRecipe({ system: 'checked' }, { preset: 'smoke', defaults: { variant: 'base' } }).variant).toBe('base');
});

test('a checkpoint that several systems recognise, or that one stumbles over', async () => {
  const named = (id: string, recognises: () => Promise<boolean>): System => ({
    ...defineSystem({ ...definition, id }),
    recognises,
  });
  registerSystem(named('one', async () => true));
  const files = memoryFiles({ 'config.json': '{"model_type":"two"}' });
  expect((await systemOf(files)).id).toBe('one');
  registerSystem(named('stumbler', () => Promise.reject(new TypeError('of null'))));
  expect((await systemOf(files)).id).toBe('one');
  registerSystem(named('two', async () => true));
  expect((await systemOf(files)).id).toBe('two');
  const other = memoryFiles({ 'config.json': '{"model_type":"three"}' });
  await expect(systemOf(other)).rejects.toMatchObject({ code: 'checkpoint', detail: { systems: ['one', 'two'] } });
});

test('a folder without config.json is no model, whether it holds files or not', async () => {
  const { systemOf: fresh } = await import('./registry.ts?empty' as './registry.ts');
  for (const files of [memoryFiles({}), memoryFiles({ 'photo.txt': '' })])
    await expect(fresh(files)).rejects.toMatchObject({ code: 'data' });
});

test('the error of the one that stumbles is the answer when no system recognises a checkpoint', async () => {
  const { systemOf: fresh, registerSystem: add } = await import('./registry.ts?alone' as './registry.ts');
  add({
    ...defineSystem({ ...definition, id: 'stumbler' }),
    recognises: () => Promise.reject(new TypeError('of null')),
  });
  await expect(fresh(memoryFiles({ 'config.json': 'null' }))).rejects.toThrow(/"stumbler" stumbled over it: of null/);
});
