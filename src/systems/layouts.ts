/** Layouts of our own: of systems that no other library knows, and of word systems (config.json with `model_type`, vocab.json, model.safetensors). */
import type { z } from 'zod';
import { isRecord } from '../base/index.ts';
import { type ModelFiles, readConfig } from '../hub/index.ts';
import type { Layout } from './definition.ts';
import { soundConfig } from './loading.ts';
import type { System } from './system.ts';

/**
 * The layout of checkpoints that no other library knows: config.json holds `model_type`, which is the system's `id`, and the config; the weights have the
 * paths of the scope; there is no tokenizer (`parts` is null). With one, `parts` and `write` are the system's own: `{ ...plainLayout(id, schema), parts, write }`.
 * Reading a config throws `checkpoint` for what the schema refuses.
 */
export function plainLayout<C extends object>(id: string, schema: z.ZodType<C>): Layout<C, null> {
  return {
    id: 'plain',
    settings: ['config.json'],
    recognises: (files) => isOf(files, id),
    config: async (files) => {
      const { model_type: _, ...config } = await readConfig(files, [id]);
      return soundConfig({ config: schema }, config, { code: 'checkpoint', place: files.at('config.json') });
    },
    parts: async () => null,
    names: () => undefined,
    write: ({ config }) => ({ 'config.json': `${JSON.stringify({ model_type: id, ...config }, undefined, 2)}\n` }),
  };
}

/** The only layout of a word system: our own. */
export function wordLayout(id: string): System['layouts'][number] {
  return { id, settings: ['config.json', 'vocab.json'], recognises: (files) => isOf(files, id) };
}

/** True for a checkpoint whose config.json names the type; false for any other folder. */
export async function isOf(files: ModelFiles, type: string): Promise<boolean> {
  if (!files.names.has('config.json')) return false;
  const config = await files.json('config.json');
  return isRecord(config) && config['model_type'] === type;
}
