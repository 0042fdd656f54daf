/** What the checkpoints of word systems have in common: config.json with `model_type`, vocab.json, model.safetensors. */
import type { ModelFiles } from '../hub/index.ts';
import type { System } from './system.ts';

/** The only layout of a word system: our own. */
export function wordLayout(id: string): System['layouts'][number] {
  return { id, settings: ['config.json', 'vocab.json'], recognises: (files) => isOf(files, id) };
}

/** True for a checkpoint whose config.json names the type; false for any other folder. */
export async function isOf(files: ModelFiles, type: string): Promise<boolean> {
  if (!files.names.has('config.json')) return false;
  const config = await files.json('config.json');
  return typeof config === 'object' && config !== null && 'model_type' in config && config.model_type === type;
}
