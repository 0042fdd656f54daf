/** What a gradient rule is. */
import type { OpSpec } from '../op.ts';
import type { Meta } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** What a rule may use: inputs `x`, outputs `y`, the gradient `g` of the first output (`gs`: of each, absent where nothing depends on it). */
export type RuleContext<X extends readonly Meta[], A> = {
  readonly x: { readonly [K in keyof X]: Tensor };
  readonly y: readonly Tensor[];
  readonly g: Tensor;
  readonly gs: readonly (Tensor | undefined)[];
  /** Which inputs' gradients are used; rules that would have to work for it look. */
  readonly needed: readonly boolean[];
  readonly attrs: A;
};

/**
 * From the outputs' gradients to the inputs' gradients, one for every input (null: none flows). Shapes may be those of the broadcast result:
 * the walker un-broadcasts. Only plain operators may be used, never training kernels.
 */
export type Rule<S> =
  S extends OpSpec<infer X, infer A> ? (c: RuleContext<X, A>) => { readonly [K in keyof X]: Tensor | null } : never;

/** A rule for every operator of a table; 'not differentiable' is a rule. */
export type Gradients<T> = { readonly [K in keyof T]: Rule<T[K]> | 'not differentiable' };
