/** The transforms of optimisers: clipping, SGD, Adam, AdamW, averages. Formulas and results are PyTorch's (torch.optim, torch 2.13). */
import { BowError } from '../base/index.ts';
import { type F, pathPattern, Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { zeros } from './init.ts';
import { type Optimizer, type OptimizerStep, ruleValues, scaled } from './optimizer.ts';
import { checkPatterns, layerDecay, matricesOnly, type PathRule, pathRule } from './path-rules.ts';

/** ‖all gradients‖₂ as the metric `grad_norm`; changes nothing. */
export function measureGlobalNorm(): Optimizer {
  return (step) => ({ ...step, metrics: { ...step.metrics, grad_norm: globalNorm(step) } });
}

/**
 * Scales all gradients so that their common norm is at most `max`, as `clip_grad_norm_`. Metric: `grad_norm`, before clipping.
 * Costs one pass over the squares that Adam needs anyhow: the factor itself is multiplied into scalars.
 */
export function clipByGlobalNorm(max: number): Optimizer {
  must.be('clipByGlobalNorm', { max: [max, must.positive] });
  return (step) => {
    const norm = globalNorm(step);
    const factor = norm.add(1e-6).reciprocal().mul(max).min(1);
    const scale = step.scale ? step.scale.mul(factor) : factor;
    return { ...step, scale, metrics: { ...step.metrics, grad_norm: norm } };
  };
}

function globalNorm(step: OptimizerStep): F<''> {
  const squares = [...step.gradients.values()].map((g) => g.square().sum());
  const norm = squares.reduce((a, b) => a.add(b)).sqrt();
  return step.scale ? norm.mul(step.scale) : norm;
}

/** Options that all optimisers share. */
type Common = {
  /** Factor of the learning rate by path. */
  readonly lrScale?: PathRule;
  /** Factor of the learning rate for every layer further from the head, see {@link layerDecay}. */
  readonly layerDecay?: number;
  readonly weightDecay?: number;
  /** Factor of the weight decay by path; default: matrices only. */
  readonly decay?: PathRule;
};

const commonChecks = {
  lrScale: pathRule,
  layerDecay: must.number(0),
  weightDecay: must.number(0),
  decay: pathRule,
} as const;

/** lr and weight decay of a parameter. Equal scalars are one node of the graph, however many parameters use them. */
function rates(step: OptimizerStep, o: Common): (path: string) => { lr: F<''>; decay: number } {
  const lrScale = ruleValues(step, o.lrScale ?? 1, 'learning-rate rule');
  const decay = ruleValues(step, o.decay ?? matricesOnly, 'weight-decay rule');
  const layer = layerDecay(o.layerDecay ?? 1, step.known);
  return (path) => ({
    lr: step.learningRate.mul(lrScale(path) * layer(path)),
    decay: (o.weightDecay ?? 0) * decay(path),
  });
}

function withValues(step: OptimizerStep, value: (path: string, p: F, g: F) => F): OptimizerStep {
  const values = new Map([...step.params].map(([path, p]) => [path, value(path, p, step.gradients.get(path)!)]));
  return { ...step, values };
}

/** Stochastic gradient descent, with momentum and Nesterov's look-ahead; weight decay is L2, added to the gradient. Sutskever et al. 2013. */
export function sgd(o: Common & { readonly momentum?: number; readonly nesterov?: boolean } = {}): Optimizer {
  must.be('sgd', { o: [o, must.only({ ...commonChecks, momentum: must.share, nesterov: must.flag })] });
  const { momentum = 0, nesterov = false } = o;
  return (step) => {
    const rate = rates(step, o);
    return withValues(step, (path, p, raw) => {
      const { lr, decay } = rate(path);
      let g = scaled(step, raw);
      if (decay !== 0) g = g.add(p.mul(decay));
      if (momentum === 0) return p.sub(g.mul(lr));
      const velocity = remembered(step, 'momentum', path, p).mul(momentum).add(g);
      remember(step, 'momentum', path, velocity);
      return p.sub((nesterov ? g.add(velocity.mul(momentum)) : velocity).mul(lr));
    });
  };
}

/** Options of {@link adam} and {@link adamW}. */
export type AdamOptions = Common & { readonly betas?: readonly [number, number]; readonly eps?: number };

const adamChecks = must.only({ ...commonChecks, betas: must.betas, eps: must.number(0) });

/** Adam; weight decay is L2, added to the gradient. Kingma & Ba 2015, arXiv:1412.6980, algorithm 1. */
export function adam(o: AdamOptions = {}): Optimizer {
  must.be('adam', { o: [o, adamChecks] });
  return (step) => {
    const rate = rates(step, o);
    const move = adamMove(step, o);
    return withValues(step, (path, p, g) => {
      const { lr, decay } = rate(path);
      if (decay === 0) return p.sub(move(path, p, g, lr, step.scale));
      return p.sub(move(path, p, scaled(step, g).add(p.mul(decay)), lr, undefined));
    });
  };
}

/** Adam with decoupled weight decay: p ← p(1 − lr·λ) − lr·m̂/(√v̂ + ε). Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, as in PyTorch. */
export function adamW(o: AdamOptions = {}): Optimizer {
  must.be('adamW', { o: [o, adamChecks] });
  return (step) => {
    const rate = rates(step, { weightDecay: 0.01, ...o });
    const move = adamMove(step, o);
    return withValues(step, (path, p, g) => {
      const { lr, decay } = rate(path);
      const kept = decay === 0 ? p : p.mul(lr.mul(-decay).add(1));
      return kept.sub(move(path, p, g, lr, step.scale));
    });
  };
}

/**
 * lr·m̂/(√v̂ + ε). What is remembered are the sums M ← β₁M + g and V ← β₂V + g², without the factors 1 − β of the averages m and v: with them
 * and the corrections c = 1 − βᵗ in scalars, computed once for all parameters, it is lr(1 − β₁)/c₁·r · M/(√V + εr) with r = √(c₂/(1 − β₂)),
 * two passes over memory fewer. A common factor of the gradients is multiplied in on the way.
 */
function adamMove(step: OptimizerStep, o: AdamOptions): (path: string, p: F, g: F, lr: F, factor: F | undefined) => F {
  const { betas = [0.9, 0.999], eps = 1e-8 } = o;
  const [b1, b2] = betas;
  const root = correction(step.count, b2)
    .mul(1 / (1 - b2))
    .sqrt();
  const [epsilon, stretch] = [root.mul(eps), root.mul(1 - b1).div(correction(step.count, b1))];
  return (path, p, g, lr, factor) => {
    const m = remembered(step, 'm', path, p)
      .mul(b1)
      .add(g.mul(factor ?? 1));
    const v = remembered(step, 'v', path, p)
      .mul(b2)
      .add(g.square().mul(factor?.square() ?? 1));
    remember(step, 'm', path, m);
    remember(step, 'v', path, v);
    return m.mul(lr.mul(stretch)).div(v.sqrt().add(epsilon));
  };
}

/** 1 − βᵗ = −expm1(t ln β), as 2T/(1 + T) with T = tanh(−t ln β/2): the plain difference loses most digits in float32 when t is small. */
function correction(count: F<''>, beta: number): F<''> {
  const t = count.mul(-Math.log(beta) / 2).tanh();
  return t.mul(2).div(t.add(1));
}

function remembered(step: OptimizerStep, name: string, path: string, p: F): F {
  return step.scope.state(`optimizer/${name}/${path}`, p.shape, zeros);
}

function remember(step: OptimizerStep, name: string, path: string, value: F): void {
  step.scope.update(`optimizer/${name}/${path}`, value);
}

/** Bounds of parameters by path pattern. */
export type Limits = Readonly<Record<string, readonly [low: number, high: number]>>;

/**
 * Holds parameters within bounds after their update, outside of the gradient: CLIP's logit scale. Follows the transform that sets the values. A
 * pattern that matches nothing is a `config` error.
 */
export function holdWithin(limits: Limits): Optimizer {
  must.be('holdWithin', { limits: [limits, must.recordOf(must.bounds)] });
  const rules = Object.entries(limits).map(([pattern, bounds]) => ({ matches: pathPattern(pattern), bounds }));
  return (step) => {
    checkPatterns(Object.keys(limits), step.known, 'bound');
    const held = [...step.values].map(([path, value]): [string, F] => {
      const rule = rules.find((r) => r.matches.test(path));
      return [path, rule ? value.max(rule.bounds[0]).min(rule.bounds[1]) : value];
    });
    return { ...step, values: new Map(held) };
  };
}

/** Options of {@link ema}. */
export type EmaOptions = {
  /** Where the averages live: the same rename as `s.redirect` has for a momentum teacher; default below `ema/`. */
  readonly rename?: (path: string) => string;
  /** Averages start fast: decay = min(decay, (1 + t)/(10 + t)), as in TensorFlow's ExponentialMovingAverage. */
  readonly warmUp?: boolean;
};

/**
 * An exponential moving average of every trainable parameter, taken after its update: a ← a + (1 − decay)(p − a). It starts as a copy of the
 * parameter. `decay` may be a scalar input, for a schedule. Follows the transform that sets the values.
 */
export function ema(decay: number | F<''>, o: EmaOptions = {}): Optimizer {
  const checks = must.only({ rename: must.call, warmUp: must.flag });
  must.be('ema', { decay: [decay, must.scalarOr(must.share)], o: [o, checks] });
  const rename = o.rename ?? ((path: string) => `ema/${path}`);
  return (step) => {
    if (step.values.size === 0)
      throw new BowError('usage', 'ema must follow the transform that sets the parameters', {
        hint: 'chain(adamW(), ema(0.999))',
      });
    const averages = new Scope(step.scope.trace).redirect(rename);
    const limit = o.warmUp ? step.count.add(1).div(step.count.add(10)) : undefined;
    const kept = limit ? limit.min(decay) : decay;
    for (const [path, value] of step.values) {
      const a = averages.param(path, value.shape, zeros);
      const share = typeof kept === 'number' ? 1 - kept : kept.mul(-1).add(1);
      averages.update(a, a.add(value.sub(a).mul(share)));
    }
    return step;
  };
}
