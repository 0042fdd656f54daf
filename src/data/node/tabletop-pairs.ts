/** Images of the tabletop made on several threads. */
import { parallelCaptionSamples } from '../../world/node/index.ts';
import { collectPairs, type TabletopOptions, type TabletopPairs, tabletopPairs } from '../tabletop-pairs.ts';

/** The images of `tabletopPairs`, the same however many threads make them. */
export function parallelTabletopPairs(o: TabletopOptions & { readonly workers: number }): Promise<TabletopPairs> {
  const { workers } = o;
  return workers > 1 ? collectPairs(o, (options) => parallelCaptionSamples({ ...options, workers })) : tabletopPairs(o);
}
