/** What tells one model from another, wherever it lies. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BowError } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';

/** Files that say how images and texts become vectors, beside the weights. */
const meaning = ['config.json', 'open_clip_config.json', 'preprocessor_config.json', 'tokenizer.json', 'merges.txt'];

/**
 * SHA-256 over the weights of a checkpoint and the files that say how they are used: equal for equal models, wherever they lie. Error `data` when the
 * folder holds none of them.
 */
export async function modelFingerprint(folder: string): Promise<string> {
  const there = await readdir(folder).catch((e: unknown) => {
    throw fileError(e, folder);
  });
  const isWeights = (f: string): boolean => f.endsWith('.safetensors') && f !== 'training_state.safetensors';
  const files = there.filter((f) => meaning.includes(f) || isWeights(f)).sort();
  if (files.length === 0) throw new BowError('data', 'no model in this folder', { place: folder });
  const hash = createHash('sha256');
  for (const f of files) {
    const file = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, f))) file.update(chunk as Uint8Array);
    hash.update(`${f} ${file.digest('hex')}\n`);
  }
  return hash.digest('hex');
}
