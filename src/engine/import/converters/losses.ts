/** ONNX's two losses; classes are on axis 1. */
import { logSoftmax, where } from '../../functions/basic.ts';
import { gatherElements, take } from '../../functions/indexing.ts';
import type { Tensor } from '../../tensor.ts';
import type { Context, Converter } from '../context.ts';

/** −w·ln p at the labels, those to ignore counting nothing; the mean divides by the weights that count. */
function negativeLogLikelihood(c: Context, logp: Tensor): Tensor {
  const labels = c.x(1);
  const weight = c.maybe(2);
  const ignored = c.has('ignore_index') ? labels.equal(c.int('ignore_index')) : undefined;
  const at = (ignored ? where(ignored, 0, labels) : labels).asInt();
  const nll = gatherElements(logp, at.unsqueeze(1), 1).squeeze(1).neg();
  const w = weight
    ? take(weight, at, 0)
    : logp.graph.constant({ dtype: 'float32', shape: [], data: Float32Array.of(1) }).to(logp.dtype);
  const counted = ignored ? where(ignored, 0, w.expand(labels.shape)) : w.expand(labels.shape);
  const loss = where(counted.equal(0), 0, nll.mul(counted));
  const reduction = c.choice('reduction', ['none', 'sum', 'mean'], 'mean');
  if (reduction === 'none') return loss;
  return reduction === 'sum' ? loss.sum() : loss.sum().div(counted.sum());
}

export const losses: Readonly<Record<string, Converter>> = {
  NegativeLogLikelihoodLoss: (c) => negativeLogLikelihood(c, c.x(0)),
  SoftmaxCrossEntropyLoss: (c) => {
    const logp = logSoftmax(c.x(0).asFloat(), 1);
    return [negativeLogLikelihood(c, logp), logp];
  },
};
