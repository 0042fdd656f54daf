/** The table of operators. */
import type { OpSpec } from '../op.ts';
import { convolution } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { layout } from './layout.ts';
import { linearAlgebra } from './linear-algebra.ts';
import { pool } from './pool.ts';
import { reduce } from './reduce.ts';
import { scan } from './scan.ts';

export const ops = {
  ...elementwise,
  ...reduce,
  ...linearAlgebra,
  ...convolution,
  ...pool,
  ...scan,
  ...layout,
  ...indexing,
};

/** Name of an operator. */
export type OpName = keyof typeof ops;

/** An operator's declaration by name, its particular types erased. */
export function opSpec(name: OpName): OpSpec {
  return ops[name] as unknown as OpSpec;
}
