/** Search: ranking from inverted indexes. What touches files is in `search/node`. */
export { type Hit, topK } from './top-k.ts';
