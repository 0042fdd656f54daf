/** Opening word vectors for commands. */
import { stat } from 'node:fs/promises';
import type { KeyedVectors } from '../systems/index.ts';

/** A checkpoint folder, or a file in the word2vec formats (.bin: binary; a first line without sizes: GloVe). */
export async function openVectors(path: string): Promise<KeyedVectors> {
  const { loadWord2Vec } = await import('../systems/index.ts');
  const { readVectors } = await import('../systems/node/index.ts');
  const { openModelFiles } = await import('../hub/node/index.ts');
  const folder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (folder) return (await loadWord2Vec(await openModelFiles(path))).wv;
  return readVectors(path, { noHeader: path.includes('glove'), onWarning: (t) => process.stderr.write(`${t}\n`) });
}
