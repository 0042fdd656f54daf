/**
 * Losses of tensors. Classes are on the last axis (PyTorch has them on axis 1); everything else, reductions included, is PyTorch's to the digit.
 */
import {
  type DType,
  type F,
  type Float,
  gatherElements,
  type I,
  logSoftmax,
  type Operand,
  softplus,
  Tensor,
  take,
  where,
} from '../engine/index.ts';
import * as must from './arguments.ts';

/** What happens to the losses of single elements: their mean, their sum, or nothing. */
export type Reduction = 'mean' | 'sum' | 'none';

const reduction = must.oneOf('mean', 'sum', 'none');

/** Checks a prediction and its target: floating tensors of one shape, and the options. */
function pair(
  loss: string,
  given: Readonly<Record<string, F>>,
  o: unknown,
  checks: Readonly<Record<string, must.Check>> = {},
): void {
  const [x, target] = Object.entries(given) as [[string, F], [string, F]];
  const tensors = Object.fromEntries([x, target].map(([name, t]) => [name, [t, must.floats()] as const]));
  must.be(loss, { ...tensors, o: [o, must.options({ reduction, ...checks })] });
  must.beShape(loss, target, x[1].shape);
}

function reduced(loss: F, reduction: Reduction): F {
  if (reduction === 'none') return loss;
  return reduction === 'sum' ? loss.sum() : loss.mean();
}

/** Options of {@link crossEntropy}. */
export type CrossEntropyOptions = {
  /** ε: the target is 1 − ε at the class and ε/v everywhere. Szegedy et al. 2016, §7. */
  readonly labelSmoothing?: number;
  /** Targets with this value count nothing, neither in the sum nor in the mean's divisor. */
  readonly ignoreIndex?: number;
  /** A weight for every class [v]; the mean divides by the weights of the targets. */
  readonly weight?: F<'v'>;
  readonly reduction?: Reduction;
};

/**
 * −ln softmax(logits)[target]: logits [… v], target […] of classes in [0, v) → [] (or […] with reduction `none`). With reduction `mean` and nothing
 * left to count the result is NaN, as in PyTorch. Error `shape` for a target of another shape.
 */
export function crossEntropy(logits: F<'... v'>, target: I<'...'>, o: CrossEntropyOptions = {}): F {
  const checks = { labelSmoothing: must.share, ignoreIndex: must.whole(), weight: must.floats('v'), reduction };
  must.be('crossEntropy', {
    logits: [logits, must.floats('... v')],
    target: [target, must.ints()],
    o: [o, must.options(checks)],
  });
  must.beShape('crossEntropy', ['target', target], logits.shape.slice(0, -1));
  if (o.weight) must.beShape('crossEntropy', ['o.weight', o.weight], logits.shape.slice(-1));
  const { labelSmoothing = 0, ignoreIndex = -100, reduction: reduce = 'mean' } = o;
  const kept = target.equal(ignoreIndex).not();
  const at = where(kept, target, 0);
  const logp = logSoftmax(logits, -1);
  const chosen = gatherElements(logp, at.unsqueeze(-1), -1).squeeze(-1);
  const weight = o.weight ? take(o.weight, at, 0) : undefined;
  const nll = (weight ? chosen.mul(weight) : chosen).neg();
  const loss = labelSmoothing === 0 ? nll : smoothed(nll, logp, labelSmoothing, o.weight);
  const counted = where(kept, loss, 0);
  if (reduce !== 'mean') return reduced(counted, reduce);
  const ones = kept.to(logits.dtype);
  return counted.sum().div((weight ? ones.mul(weight) : ones).sum());
}

/** (1 − ε)·nll − ε/v·Σ w·ln p. */
function smoothed(nll: F, logp: F, epsilon: number, weight: F | undefined): F {
  const all = (weight ? logp.mul(weight) : logp).sum(-1).neg();
  return nll.mul(1 - epsilon).add(all.mul(epsilon / logp.dim(-1)));
}

/**
 * −Σ target·ln softmax(logits) for logits and targets [… v] that are distributions → [] (or […] with reduction `none`); the mean divides by the
 * number of rows. Error `shape` unless both have one shape.
 */
export function softCrossEntropy(
  logits: F<'... v'>,
  target: F<'... v'>,
  o: { labelSmoothing?: number; weight?: F<'v'>; reduction?: Reduction } = {},
): F {
  pair('softCrossEntropy', { logits, target }, o, { labelSmoothing: must.share, weight: must.floats('v') });
  if (o.weight) must.beShape('softCrossEntropy', ['o.weight', o.weight], logits.shape.slice(-1));
  const { labelSmoothing: e = 0, reduction: reduce = 'mean' } = o;
  const t = e === 0 ? target : target.mul(1 - e).add(e / logits.dim(-1));
  const logp = logSoftmax(logits, -1);
  return reduced((o.weight ? logp.mul(o.weight) : logp).mul(t).sum(-1).neg(), reduce);
}

/**
 * −w·[p·t·ln σ(x) + (1 − t)·ln(1 − σ(x))] for logits x and targets t in [0, 1] of one shape, or it is a `shape` error; without overflow.
 * `positiveWeight` p multiplies the positive part, `weight` w everything; both broadcast. The result is [] (or of their shape with reduction `none`).
 */
export function binaryCrossEntropy(
  logits: F,
  target: F,
  o: { positiveWeight?: Operand<Float>; weight?: Operand<Float>; reduction?: Reduction } = {},
): F {
  pair('binaryCrossEntropy', { logits, target }, o, { positiveWeight: must.operand, weight: must.operand });
  const negative = logits.mul(target.neg().add(1)); // ln(1 − σ(x)) = ln σ(x) − x
  const p = o.positiveWeight;
  const share = p === undefined ? undefined : target.mul(p instanceof Tensor ? p.sub(1) : p - 1).add(1);
  const rest = softplus(logits.neg());
  const loss = negative.add(share ? rest.mul(share) : rest);
  return reduced(o.weight === undefined ? loss : loss.mul(o.weight), o.reduction ?? 'mean');
}

/** (x − t)² for x and target of one shape, or it is a `shape` error: [] (or of that shape with reduction `none`). */
export function meanSquaredError(x: F, target: F, o: { reduction?: Reduction } = {}): F {
  pair('meanSquaredError', { x, target }, o);
  return reduced(x.sub(target).square(), o.reduction ?? 'mean');
}

/**
 * Smooth L1 of Girshick 2015, arXiv:1504.08083, eq. 3: d²/2β for d = x − t, |d| < β, else |d| − β/2. β = 0 is the absolute difference. Shapes and
 * errors as for {@link meanSquaredError}.
 */
export function smoothL1(x: F, target: F, o: { beta?: number; reduction?: Reduction } = {}): F {
  pair('smoothL1', { x, target }, o, { beta: must.number(0) });
  const { beta = 1, reduction: reduce = 'mean' } = o;
  const d = x.sub(target);
  if (beta === 0) return reduced(d.abs(), reduce);
  const near = d.square().mul(0.5 / beta);
  return reduced(where(d.abs().less(beta), near, d.abs().sub(0.5 * beta)), reduce);
}

/** Huber's loss (1964): d²/2 for d = x − t, |d| < δ, else δ(|d| − δ/2). Shapes and errors as for {@link meanSquaredError}. */
export function huber(x: F, target: F, o: { delta?: number; reduction?: Reduction } = {}): F {
  pair('huber', { x, target }, o, { delta: must.number(0) });
  const { delta = 1, reduction: reduce = 'mean' } = o;
  const d = x.sub(target);
  const far = d
    .abs()
    .sub(0.5 * delta)
    .mul(delta);
  return reduced(where(d.abs().less(delta), d.square().mul(0.5), far), reduce);
}

/**
 * Σ t·(ln t − ln p) with the log-probabilities `logp` of the model and the target distribution, both [… v], the target as probabilities or
 * (`logTarget`) as logarithms. `batchmean` divides the sum by the first axis, which is the divergence's mean over rows; `mean` divides by all
 * elements, as PyTorch does. Error `shape` unless both have one shape.
 */
export function klDivergence(
  logp: F<'... v'>,
  target: F<'... v'>,
  o: { logTarget?: boolean; reduction?: Reduction | 'batchmean' } = {},
): F {
  const batchmean = { logTarget: must.flag, reduction: must.oneOf('batchmean', 'mean', 'sum', 'none') };
  pair('klDivergence', { logp, target }, o, batchmean);
  const { logTarget = false, reduction: reduce = 'batchmean' } = o;
  const loss = logTarget ? target.exp().mul(target.sub(logp)) : entropyTerm(target).sub(target.mul(logp));
  if (reduce === 'batchmean') return loss.sum().mul(1 / logp.dim(0));
  return reduced(loss, reduce);
}

/** t·ln t, 0 at t = 0. */
function entropyTerm<D extends DType>(t: Tensor<D>): Tensor<D> {
  const positive = t.greater(0);
  return where(positive, t.mul(where(positive, t, 1).log()), 0);
}
