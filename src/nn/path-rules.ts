/** Rules over parameter paths: what is frozen, which learning rate, which weight decay. */
import { BowError, nearest } from '../base/index.ts';
import { type Init, pathPattern, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';

/**
 * A number for every parameter: one for all; by pattern, where the first that matches counts (`{ 'visual/**': 0.1, '**' : 1 }`; 1 where none
 * does); or computed from path and shape.
 */
export type PathRule = number | Readonly<Record<string, number>> | ((path: string, shape: readonly number[]) => number);

/** What a rule must be. */
export const pathRule: must.Check = must.either(must.call, must.recordOf(must.number(0)), must.number(0));

/** 1 for matrices and larger, 0 for vectors and scalars: the usual choice of what decays (biases, gains and temperatures do not). */
export const matricesOnly: PathRule = (_path, shape) => {
  must.be('matricesOnly', { shape: [shape, must.wholes(0)] });
  return shape.length >= 2 ? 1 : 0;
};

/** The number that a rule gives to a parameter of a path and shape. */
export function ruleValue(rule: PathRule, path: string, shape: readonly number[]): number {
  must.be('ruleValue', { rule: [rule, pathRule], path: [path, must.text], shape: [shape, must.wholes(0)] });
  if (typeof rule === 'number') return rule;
  if (typeof rule === 'function') {
    const value = rule(path, shape);
    must.be('ruleValue', { [`what the rule returns for "${path}"`]: [value, must.number(0)] });
    return value;
  }
  for (const [pattern, value] of Object.entries(rule)) if (pathPattern(pattern).test(path)) return value;
  return 1;
}

/** A predicate that is true for paths which one of the patterns matches: `*` within a level, `**` across levels. */
export function matcher(patterns: readonly string[]): (path: string) => boolean {
  must.be('matcher', { patterns: [patterns, must.texts] });
  const all = patterns.map(pathPattern);
  return (path) => all.some((p) => p.test(path));
}

/** Throws `config` for a pattern that matches none of the paths: a misspelt rule must not pass silently. */
export function checkPatterns(patterns: readonly string[], paths: Iterable<string>, what: string): void {
  must.be('checkPatterns', {
    patterns: [patterns, must.texts],
    paths: [paths, must.iterable],
    what: [what, must.text],
  });
  const known = [...paths];
  for (const pattern of patterns) {
    const re = pathPattern(pattern);
    if (known.some((p) => re.test(p))) continue;
    const close = nearest(pattern, known);
    throw new BowError('config', `${what} "${pattern}" matches nothing`, {
      detail: { known: known.slice(0, 20) },
      ...(close ? { hint: `there is "${close}"` } : {}),
    });
  }
}

/**
 * The same model with the parameters that match kept as they are: saved with the model, but without gradients and optimiser state; running statistics
 * that match stay too, and are what their batch norm uses. Say so at
 * the scope that the whole model is built from. A pattern that matches nothing is a `config` error when the trace ends. `others`: paths of the model that
 * this trace need not ask for.
 */
export function freeze(s: Scope, patterns: readonly string[], others: Iterable<string> = []): Scope {
  must.be('freeze', { s: [s, must.scope], patterns: [patterns, must.texts] });
  const frozen = matcher(patterns);
  s.trace.checks.add(() => checkPatterns(patterns, [...s.trace.params.keys(), ...others], 'freeze pattern'));
  return s.with({ spec: (d) => (d.kind !== 'state' && frozen(d.path) ? { ...d, kind: 'buffer', fixed: true } : d) });
}

/**
 * The same model with other initial values where a pattern matches, the first one counting: `{ 'visual/**': normal(0.01) }`. A pattern that matches
 * nothing is a `config` error when the trace ends.
 */
export function initialise(s: Scope, rules: Readonly<Record<string, Init>>): Scope {
  must.be('initialise', { s: [s, must.scope], rules: [rules, must.recordOf(must.call)] });
  s.trace.checks.add(() => checkPatterns(Object.keys(rules), s.trace.params.keys(), 'initialiser rule'));
  const list = Object.entries(rules).map(([pattern, init]) => [pathPattern(pattern), init] as const);
  return s.with({ spec: (d) => ({ ...d, init: list.find(([p]) => p.test(d.path))?.[1] ?? d.init }) });
}

/**
 * Factors that fall towards the input: decay^k for what lies k layers below the head, as fine-tuning wants it (Clark et al. 2020, ELECTRA,
 * arXiv:2003.10555, appendix B; counted as in BEiT's code). Of a tower with blocks `<tower>/blocks/<i>/…` the last block has k = 1, what comes before
 * the first has one more than that, `<tower>/norm` and what belongs to no tower 0. `paths`: all parameters, which tell how deep the towers are.
 */
export function layerDecay(decay: number, paths: Iterable<string>): (path: string) => number {
  must.be('layerDecay', { decay: [decay, must.number(0)], paths: [paths, must.iterable] });
  const depth = new Map<string, number>();
  const blockOf = (path: string): { tower: string; block: number } | undefined => {
    const found = /^(.*?)\/?blocks\/(\d+)\//.exec(path);
    return found ? { tower: found[1]!, block: Number(found[2]) } : undefined;
  };
  for (const path of paths) {
    const found = blockOf(path);
    if (found) depth.set(found.tower, Math.max(depth.get(found.tower) ?? 0, found.block + 1));
  }
  return (path) => {
    const found = blockOf(path);
    if (found) return decay ** (depth.get(found.tower)! - found.block);
    const tower = [...depth.keys()].find((t) => path.startsWith(`${t}/`));
    return tower === undefined || path.startsWith(`${tower}/norm/`) ? 1 : decay ** (depth.get(tower)! + 1);
  };
}
