/**
 * What an operator is: one declaration with its ONNX name, its shape and type rule, how its attributes are written in ONNX, and its float64
 * reference. Gradient rules are in `gradients/`, in tables typed over these declarations, so that a missing rule does not compile.
 */
import type { DType } from './dtype.ts';
import type { Meta } from './shape.ts';

/** Values of the reference: every type is held as float64 (integers up to 2⁵³ are exact). */
export type Ref = { readonly shape: readonly number[]; readonly data: Float64Array };

/** Attributes of an op: fixed while the graph is built. */
export type Attrs = Readonly<Record<string, AttrValue>>;
export type AttrValue = number | string | boolean | readonly number[] | readonly string[] | undefined;

/** How an attribute is written in ONNX: as an attribute with a type, or as an extra constant input. */
export type Encoded = {
  /** How many of the tensors become inputs of the ONNX node; all when absent. */
  readonly tensors?: number;
  /** ONNX attributes. */
  readonly attributes?: Readonly<
    Record<string, { int: number } | { float: number } | { ints: readonly number[] } | { string: string }>
  >;
  /** Constant inputs that follow the tensors; undefined leaves the optional input empty. */
  readonly constants?: readonly (
    | { readonly dtype: DType; readonly shape: readonly number[]; readonly values: readonly number[] }
    | undefined
  )[];
};

/** An operator. */
export type OpSpec<X extends readonly Meta[] = readonly Meta[], A extends Attrs = Attrs> = {
  /** Name of the ONNX operator. */
  readonly onnx: string;
  /** Operator set; the official one when absent. */
  readonly domain?: 'com.microsoft';
  /** Outputs beyond this number are left out of the ONNX node where nothing reads them; none when absent. */
  readonly requiredOutputs?: number;
  /** Shapes and types of the outputs; throws a `shape` or `dtype` error. */
  readonly infer: (x: X, attrs: A) => readonly Meta[];
  /** Attributes in ONNX form. */
  readonly encode?: (attrs: A, x: X) => Encoded;
  /** The operator in float64. */
  readonly reference: (
    x: { readonly [K in keyof X]: Ref },
    attrs: A,
    shapes: readonly (readonly number[])[],
  ) => readonly Ref[];
};

/** One tensor in. */
export type Unary = readonly [Meta];
/** Two tensors in. */
export type Binary = readonly [Meta, Meta];
/** Three tensors in. */
export type Ternary = readonly [Meta, Meta, Meta];

/** Declares an operator; the name is the key of the table it stands in. */
export function op<X extends readonly Meta[], A extends Attrs = Record<never, never>>(
  spec: OpSpec<X, A>,
): OpSpec<X, A> {
  return spec;
}

/** int64 constant input, rank 1. */
export function ints(values: readonly number[]): { dtype: DType; shape: readonly number[]; values: readonly number[] } {
  return { dtype: 'int64', shape: [values.length], values };
}
