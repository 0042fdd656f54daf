/**
 * Optimisers compose: a chain of transforms, each of which sees the gradients of a step and says how parameters and training state change. State is
 * part of the trace (docs/decisions/0002): a transform asks for what it remembers and updates it, so that a step is one run and resuming needs no
 * more than the stored tensors.
 *
 *     const optimizer = chain(clipByGlobalNorm(1), adamW({ weightDecay: 0.2 }), ema(0.999));
 *     const step = compile((s, { x, y, lr }) => {
 *       const loss = crossEntropy(model(s, x), y);
 *       return { loss, ...minimize(s, loss, optimizer, { lr }) };
 *     });
 */
import { BowError } from '../base/index.ts';
import { type F, grad, Scope, type Tensor } from '../engine/index.ts';
import * as must from './arguments.ts';
import { zeros } from './init.ts';
import { checkPatterns, type PathRule, ruleValue } from './path-rules.ts';

/** One step, as the transforms of an optimiser pass it on. */
export type OptimizerStep = {
  /** The root scope: paths in it are full paths. Training state lives below `optimizer/`. */
  readonly scope: Scope;
  readonly learningRate: F<''>;
  /** This step's number, from 1. */
  readonly count: F<''>;
  readonly params: ReadonlyMap<string, F>;
  /** Paths of the whole model, for rules by pattern: a step may train a part of it. */
  readonly known: readonly string[];
  /** Gradients are these times `scale`: a factor that transforms multiply into one scalar instead of into every tensor. */
  readonly gradients: ReadonlyMap<string, F>;
  readonly scale: F<''> | undefined;
  /** New values of parameters; empty until a transform such as {@link adamW} has set them. */
  readonly values: ReadonlyMap<string, F>;
  readonly metrics: Readonly<Record<string, F<''>>>;
};

/** A transform, or a whole chain. */
export type Optimizer = (step: OptimizerStep) => OptimizerStep;

/** Transforms one after another. */
export function chain(...transforms: readonly Optimizer[]): Optimizer {
  must.be('chain', { transforms: [transforms, must.list(must.call)] });
  return (step) =>
    transforms.reduce((st, transform, i) => returned(transform(st), `transform ${i} of the chain`), step);
}

/** The step that a transform returns, or an error that it returns none. */
function returned(step: OptimizerStep, of: string): OptimizerStep {
  must.be('chain', { [`what ${of} returns`]: [step, isStep] });
  return step;
}

const maps = Object.fromEntries(['params', 'gradients', 'values'].map((name) => [name, must.iterable]));
const isStep = must.options({}, { scope: must.scope, ...maps });

/** Options of {@link minimize}. */
export type MinimizeOptions = {
  /** The learning rate of this step: a scalar input, fed from a schedule, or a number that never changes. */
  readonly lr: Tensor | number;
  /** Gradients of earlier micro-batches that {@link accumulate} has stored are added, and the sum divided by `microBatches`. */
  readonly microBatches?: number;
  /** Gradients that {@link accumulate} has stored are added as they are: parts of one batch's gradient, not of a mean. */
  readonly gathered?: boolean;
  /** Paths of the whole model where the loss uses a part of it: patterns are matched against these. Default: those asked for so far. */
  readonly known?: Iterable<string>;
};

const minimizeOptions = must.options(
  { microBatches: must.size, gathered: must.flag, known: must.iterable },
  { lr: must.rate },
);

/**
 * Makes the gradients of a loss for all trainable parameters asked for so far, and the updates of one optimiser step. Returns scalars to report,
 * which transforms add (`grad_norm`). Throws `usage` when nothing is trainable or the optimiser sets no values.
 */
export function minimize(
  s: Scope,
  loss: Tensor,
  optimizer: Optimizer,
  o: MinimizeOptions,
): Readonly<Record<string, F<''>>> {
  must.be('minimize', {
    s: [s, must.scope],
    loss: [loss, must.floats()],
    optimizer: [optimizer, must.call],
    o: [o, minimizeOptions],
  });
  const scope = new Scope(s.trace);
  const params = scope.trainable();
  if (params.size === 0) throw new BowError('usage', 'nothing to train: the loss uses no trainable parameter');
  const k = o.microBatches ?? 1;
  const own = grad(loss, params);
  const gradients =
    k === 1 && !o.gathered ? own : new Map([...own].map(([path, g]) => [path, stored(scope, path, g).add(g)]));
  const count = scope.state('optimizer/step', [], zeros).add(1);
  const learningRate = rateOf(scope, o.lr);
  const scale = k === 1 ? undefined : scope.constant(1 / k);
  const known = [...(o.known ?? modelPaths(scope))];
  const values = new Map<string, F>();
  const first = { scope, learningRate, count, params, known, gradients, scale, values, metrics: {} };
  const step = returned(optimizer(first), 'the optimiser');
  if (step.values.size === 0)
    throw new BowError('usage', 'the optimiser sets no parameter', { hint: 'end the chain with sgd, adam or adamW' });
  for (const [path, value] of step.values) scope.update(path, value);
  scope.update('optimizer/step', count);
  return step.metrics;
}

/** The learning rate as a scalar of the graph. */
export function rateOf(scope: Scope, lr: Tensor | number): F<''> {
  return typeof lr === 'number' ? scope.constant(lr) : lr.to(scope.trace.dtype);
}

/** Parameters and buffers asked for so far. */
function modelPaths(scope: Scope): string[] {
  return [...scope.trace.params.values()].flatMap(({ spec }) => (spec.kind === 'state' ? [] : [spec.path]));
}

/**
 * The other half of gradient accumulation: adds the gradients of one micro-batch to stored sums. `keep` is a scalar input, 0 for the first
 * micro-batch (what is stored is forgotten) and 1 for the others; the last micro-batch goes to {@link minimize}. So k micro-batches are k − 1
 * runs of this program and one of the other, and no tensor is cleared or copied. Without `keep` all is kept: the caller clears the sums.
 */
export function accumulate(s: Scope, loss: Tensor, o: { readonly keep?: Tensor } = {}): void {
  must.be('accumulate', {
    s: [s, must.scope],
    loss: [loss, must.floats()],
    o: [o, must.options({ keep: must.anyScalar })],
  });
  const scope = new Scope(s.trace);
  const keep = o.keep?.to(scope.trace.dtype);
  for (const [path, g] of grad(loss, scope.trainable())) {
    const before = stored(scope, path, g);
    scope.update(`${SUMS}${path}`, (keep ? before.mul(keep) : before).add(g));
  }
}

/** Where {@link accumulate} keeps its sums. */
export const SUMS = 'optimizer/sum/';

function stored(scope: Scope, path: string, g: F): F {
  return scope.state(`${SUMS}${path}`, g.shape, zeros);
}

/** The true gradient of a parameter: with the common factor multiplied in. */
export function scaled(step: OptimizerStep, g: F): F {
  return step.scale ? g.mul(step.scale) : g;
}

/** Numbers of a path rule for the trainable parameters; patterns that match nothing are errors. */
export function ruleValues(step: OptimizerStep, rule: PathRule, what: string): (path: string) => number {
  if (typeof rule === 'object') checkPatterns(Object.keys(rule), step.known, what);
  return (path) => ruleValue(rule, path, step.params.get(path)!.shape);
}
