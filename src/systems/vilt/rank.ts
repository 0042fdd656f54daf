/** A head for retrieval. Kim et al. 2021, §4.4. */
import { BowError } from '../../base/index.ts';
import { type NdArray, ndarray, Store } from '../../engine/index.ts';
import type { ViltModel } from './pairs.ts';

/**
 * The model with a head for retrieval of its own, which starts as the true row of the head for matching (§4.4): written, it opens in Python as
 * `ViltForImageAndTextRetrieval`, and trainings from it learn to rank captions. Error `config` for a model without a head for matching.
 */
export function withRank({ config, parts, store }: ViltModel): ViltModel {
  const { width: d, tasks } = config;
  if (tasks.rank) return { config, parts, store };
  if (!tasks.itm) throw new BowError('config', 'no head for matching, whose true row ranks', { place: 'vilt' });
  const own = new Store();
  for (const [path, array, kind] of store.entries()) own.set(path, array, kind);
  const row = ({ data }: NdArray, size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Number(data[size + i])); // biome-ignore format: one line
  own.set('rank/weight', ndarray('float32', [1, d], row(store.get('itm/weight'), d)));
  own.set('rank/bias', ndarray('float32', [1], row(store.get('itm/bias'), 1)));
  return { config: { ...config, tasks: { ...tasks, rank: true } }, parts, store: own };
}
