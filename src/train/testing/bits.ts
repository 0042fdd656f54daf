/** A store as text, for comparisons bit for bit. */
import type { Store } from '../../engine/index.ts';
import { SUMS } from '../../nn/index.ts';

/** Every tensor of a store, as bits, but for what lives within one step only. */
export function bits(store: Store): Record<string, string> {
  const kept = [...store.entries()].filter(([path]) => !path.startsWith(SUMS));
  const entries = kept.map(([path, { data }]) => {
    return [path, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
