/** What tells one model from another, wherever it lies. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { openModelFiles } from '../../hub/node/index.ts';
import { systemOf } from '../registry.ts';
import type { LayoutFiles } from '../system.ts';

/**
 * SHA-256 over the weights of a checkpoint and every settings file that its layout reads: equal for equal models, wherever they lie. Errors: `data` for
 * a folder that is not there; those of `systemOf` for one without a model.
 */
export async function modelFingerprint(folder: string): Promise<string> {
  const files = await openModelFiles(folder);
  const layouts: readonly LayoutFiles[] = (await systemOf(files)).layouts;
  const isSetting = new Set<string>();
  for (const layout of layouts) if (await layout.recognises(files)) layout.settings.forEach((f) => isSetting.add(f));
  const isWeights = (f: string): boolean =>
    /\.safetensors(\.index\.json)?$/.test(f) && !f.startsWith('training_state.');
  const hash = createHash('sha256');
  for (const f of [...files.names].filter((name) => isSetting.has(name) || isWeights(name)).sort()) {
    const file = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, f))) file.update(chunk as Uint8Array);
    hash.update(`${f} ${file.digest('hex')}\n`);
  }
  return hash.digest('hex');
}
