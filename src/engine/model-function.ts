/** Types of the functions that are compiled: names and types of inputs and outputs, as arrays outside and as tensors inside. */
import type { DType, NdArray } from './dtype.ts';
import type { Scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/**
 * A model, a loss or a whole training step: uses named parameters of the scope, returns named tensors. Names and types of inputs are those of the
 * annotation: `(s: Scope, { x, y }: { x: F<'b i'>; y: I<'b'> }) => …`. Where the names are only known when data comes, both are records; a function
 * with an annotation may stand there too (hence the method, whose parameters TypeScript compares both ways): that names and types fit is then
 * checked when the graph is built.
 */
export type ModelFunction<In extends Tensors = Record<string, Tensor>, Out extends Tensors = Record<string, Tensor>> = {
  call(s: Scope, inputs: In): Out;
}['call'];

/** Shape and type of an input. */
export type InputSpec<D extends DType = DType> = { readonly dtype: D; readonly shape: readonly number[] };

/** The array for a tensor; tensors of several types that may stand there give arrays of several types. */
type ArrayFor<T> = T extends Tensor<infer D> ? NdArray<D> : T;

/** Values of tensors by name: what goes into a run and what comes out of it. */
export type ArraysOf<T extends Tensors> = { -readonly [K in keyof T]: ArrayFor<T[K]> };

type SpecFor<T> = T extends Tensor<infer D> ? InputSpec<D> : T;

/** Shapes and types of inputs by name. */
export type SpecsOf<T extends Tensors> = { readonly [K in keyof T]: SpecFor<T[K]> };
