/** Train and validation by hash: an image keeps its side when others come or go. */
import { BowError, hash32 } from '../base/index.ts';

/** The side of an id. `validation`: the share held out, 0 to 1 (default 0.1); another `seed` is another division. */
export function splitOf(
  id: string,
  o: { readonly validation?: number | undefined; readonly seed?: number | undefined } = {},
): 'train' | 'validation' {
  const { validation = 0.1, seed = 0 } = o;
  if (!(validation >= 0 && validation <= 1))
    throw new BowError('config', `a share of ${validation} cannot be held out`, { hint: 'a number from 0 to 1' });
  return hash32(id, seed) < validation * 2 ** 32 ? 'validation' : 'train';
}
