/** Checkpoints that tell their step in every file, so that a mixture of two cannot hide. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { WritableTensor } from '../../../hub/node/index.ts';
import type { Checkpoint, WritableContent } from '../index.ts';

/** A checkpoint in which every file tells the step. */
export function content(step: number): WritableContent {
  const filled = (n: number) => ({ dtype: 'float32' as const, shape: [n], data: new Float32Array(n).fill(step) });
  return {
    config: { model_type: 'test', step },
    model: new Map<string, WritableTensor>([
      ['a/weight', filled(1009)],
      ['b/weight', { dtype: 'float32', shape: [7], load: async () => filled(7).data }],
    ]),
    state: new Map([['a/weight/m', filled(503)]]),
    stateMetadata: { step: String(step) },
    recipe: { step },
    card: `# step ${step}\n`,
    files: { 'tokenizer.json': JSON.stringify({ step }) },
  };
}

/** The one step that all files of a checkpoint tell. */
export async function stepOf(c: Checkpoint): Promise<number> {
  const tokenizer = JSON.parse(await readFile(join(c.folder, 'tokenizer.json'), 'utf8')) as { step: number };
  const found = new Set<unknown>([
    c.config['step'],
    c.recipe?.['step'],
    tokenizer.step,
    Number(c.state?.metadata['step']),
  ]);
  found.add(Number(/^# step (\d+)\n$/.exec(c.card ?? '')?.[1]));
  for (const source of [c.model, c.state!]) {
    for (const name of source.names) for (const v of (await source.readFloat32(name)).data) found.add(v);
  }
  await c.close();
  expect(found.size).toBe(1);
  return [...found][0] as number;
}
