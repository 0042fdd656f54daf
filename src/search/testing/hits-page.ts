/** A search that Node and a page make in ../browser.test.ts. */
import { Rng } from '../../base/index.ts';
import { exactIndex, parseFilter } from '../index.ts';

/** The hits of random queries among random vectors. */
export async function hits() {
  const rng = new Rng('browser');
  const [width, n] = [13, 211];
  const index = exactIndex(width);
  await index.add({
    ids: Array.from({ length: n }, (_, i) => `p${i}`),
    vectors: Float32Array.from({ length: n * width }, () => rng.normal()),
    fields: Array.from({ length: n }, (_, i) => ({ n: i })),
  });
  const queries = Float32Array.from({ length: 5 * width }, () => rng.normal());
  return await index.search(queries, { k: 7, filter: parseFilter('n > 20') });
}
