/** The whole of differentiation is these tables and the walker in grad.ts. */
import type { ops } from '../ops/index.ts';
import { convolutionGradients } from './convolution.ts';
import { elementwiseGradients } from './elementwise.ts';
import { indexingGradients } from './indexing.ts';
import { layoutGradients } from './layout.ts';
import { linearAlgebraGradients } from './linear-algebra.ts';
import { poolGradients } from './pool.ts';
import { reduceGradients } from './reduce.ts';
import type { Gradients } from './rule.ts';
import { scanGradients } from './scan.ts';

/** A rule for every operator; leaving one out does not compile. */
export const gradients: Gradients<typeof ops> = {
  ...elementwiseGradients,
  ...reduceGradients,
  ...linearAlgebraGradients,
  ...convolutionGradients,
  ...poolGradients,
  ...scanGradients,
  ...layoutGradients,
  ...indexingGradients,
};
