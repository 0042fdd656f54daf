/** Checks of what the methods of a scope are called with, while the graph is built. */
import { BowError } from '../base/index.ts';
import { badArgument, needOneOf, needOptions, needWholes, notATensor, type Operand } from './arguments.ts';
import type { DType } from './dtype.ts';
import { Tensor, type TensorGraph } from './tensor.ts';

/** Where an argument is checked: a scope of this path. */
export function at(path: string): Operand {
  return { rank: 0, graph: { place: path } };
}

/** Throws `usage` unless the value is a path below a scope: a string of levels that are not empty, or the number of a layer. */
export function needLevel(where: Operand, what: string, value: unknown): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return;
  if (typeof value === 'string' && !value.split('/').includes('')) return;
  throw badArgument(where, `${what} must be a path such as "blocks/3" or a whole number ≥ 0`, value);
}

/** Throws `usage` unless the value can name a tensor. It may begin with a slash, as names in ONNX files do. */
export function needName(where: Operand, what: string, value: unknown): void {
  if (typeof value === 'string' && !value.replace(/^\//, '').split('/').includes('')) return;
  throw badArgument(where, `${what} must be a name or a path such as "proj/weight"`, value);
}

/** Throws `usage` unless the value is a list of whole numbers from 0 on. */
export function needShape(where: Operand, what: string, value: unknown): void {
  needWholes(where, what, value, { low: 0 });
}

/** Throws `usage` unless the value is a function, `wanted` in words. */
export function needFunction(where: Operand, what: string, value: unknown, wanted = 'a function'): void {
  if (typeof value !== 'function') throw badArgument(where, `${what} must be ${wanted}`, value);
}

/** Throws `usage` unless the value is true, false or absent. */
export function needFlag(where: Operand, what: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    throw badArgument(where, `${what} must be true or false`, value);
}

/** Throws `usage` unless the value is a tensor of the graph. */
export function needTensor(where: Operand, what: string, value: unknown, graph: TensorGraph): void {
  if (!(value instanceof Tensor)) throw notATensor(where, `${what} must be a tensor`, value);
  if (value.graph !== graph) throw new BowError('usage', `${what} belongs to another graph`, placeOf(where));
}

/** Throws `dtype` unless a tensor is of one of the types. */
export function needTypeOf(where: Operand, what: string, { dtype }: Tensor, known: readonly DType[]): void {
  if (known.includes(dtype)) return;
  throw new BowError('dtype', `${what} must be ${known.join(' or ')}, got ${dtype}`, placeOf(where));
}

/** What a parameter, buffer or state is asked for with. */
export function needNamed(where: Operand, kind: string, name: unknown, shape: unknown, init: unknown): void {
  needName(where, `${kind}: the name`, name);
  needShape(where, `${kind}: the shape of "${name}"`, shape);
  needFunction(where, `${kind}: the initial values of "${name}"`, init, 'a function, such as zeros or normal(0.02)');
}

/** What the hook `spec` must return. */
export function needSpec(where: Operand, spec: unknown): void {
  if (typeof spec !== 'object' || spec === null)
    throw badArgument(where, 'what the hook spec returns must be a spec', spec);
}

/** What a scope's hooks must be. */
export function needHooks(where: Operand, hooks: Readonly<Record<string, unknown>>): void {
  needOptions(where, 'with', hooks);
  for (const key of ['rename', 'spec', 'linear'])
    if (hooks[key] !== undefined) needFunction(where, `with: ${key}`, hooks[key]);
  needFlag(where, 'with: training', hooks['training']);
}

/** What `redirect` is called with. */
export function needRedirect(where: Operand, rename: unknown, o: { kind?: unknown; training?: unknown }): void {
  needFunction(where, 'redirect: rename', rename, 'a function of paths');
  needOptions(where, 'redirect', o);
  if (o.kind !== undefined) needOneOf(where, 'redirect: kind', o.kind, ['param', 'buffer', 'state']);
  needFlag(where, 'redirect: training', o.training);
}

function placeOf(where: Operand): { readonly place?: string } {
  return where.graph.place === '' ? {} : { place: where.graph.place };
}
