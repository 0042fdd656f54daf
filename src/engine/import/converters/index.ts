/** The table of ONNX operators that the import knows; names of other domains have theirs in front. */
import type { Converter } from '../context.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { layout } from './layout.ts';
import { losses } from './losses.ts';
import { pooling } from './pool.ts';
import { products } from './products.ts';
import { reductions } from './reduce.ts';
import { resizing } from './resize.ts';

export const converters: Readonly<Record<string, Converter>> = {
  ...elementwise,
  ...reductions,
  ...layout,
  ...products,
  ...pooling,
  ...resizing,
  ...losses,
  ...indexing,
};
