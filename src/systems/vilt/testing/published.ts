/** The fixtures of Hugging Face's classes as someone would publish them. */
import { readFileSync } from 'node:fs';
import { type ModelFiles, memoryFiles } from '../../../hub/index.ts';

const here = new URL('goldens/', import.meta.url).pathname;

/** As many tokens as the fixtures have. */
export const vocabulary: readonly string[] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'red blue green cube bowl ball a the left of right two is are there what which colour'.split(' ')]; // biome-ignore format: one line

/** A processor for the fixtures' patches of 2 pixels. */
const processor = { image_processor_type: 'ViltImageProcessor', size: { shortest_edge: 6 }, size_divisor: 2 };

type Change = {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string | Uint8Array | undefined>>;
};

/** A fixture's folder; `change`: keys of its config, files in place of its own (undefined: not there). */
export function published(name: string, change: Change = {}): ModelFiles {
  const read = (file: string): Uint8Array => new Uint8Array(readFileSync(`${here}vilt-${name}/${file}`));
  const config = JSON.parse(new TextDecoder().decode(read('config.json'))) as Record<string, unknown>;
  const files = {
    'config.json': JSON.stringify({ ...config, ...change.config }),
    'model.safetensors': read('model.safetensors'),
    'vocab.txt': vocabulary.join('\n'),
    'preprocessor_config.json': JSON.stringify(processor),
    ...change.files,
  };
  const there = Object.entries(files).filter((entry): entry is [string, string | Uint8Array] => entry[1] !== undefined);
  return memoryFiles(Object.fromEntries(there));
}
