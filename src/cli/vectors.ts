/** Opening word vectors for commands. */
import { BowError } from '../base/index.ts';
import { statIfThere } from '../base/node/index.ts';
import type { KeyedVectors } from '../systems/index.ts';
import { noticeLine, type OutputOptions, printable } from './output.ts';

const hint = 'make some: bow2bot train word2vec corpus.txt -o vectors/';

/** A checkpoint folder, or a file as word2vec.c, gensim, fastText (.vec) and GloVe write them. Error `data`, with what makes some, where there are none. */
export async function openVectors(path: string, o: OutputOptions): Promise<KeyedVectors> {
  const { loadWord2Vec } = await import('../systems/index.ts');
  const { readVectors } = await import('../systems/node/index.ts');
  const { openModelFiles } = await import('../hub/node/index.ts');
  const there = await statIfThere(path);
  if (!there) throw new BowError('data', 'no word vectors here', { place: path, hint });
  const onWarning = (text: string): void => {
    if (!o.quiet) noticeLine(printable(text));
  };
  if (!there.isDirectory()) return await readVectors(path, { onWarning });
  const files = await openModelFiles(path);
  if (!files.names.has('config.json'))
    throw new BowError('data', 'no word vectors in this folder', { place: path, hint });
  return (await loadWord2Vec(files)).wv;
}
