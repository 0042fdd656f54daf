/**
 * Symbolic tensors: what a model's function computes with. Every method adds nodes to the graph and checks shapes and types at once; values
 * exist only when the compiled graph runs. (One class with all its methods: longer than a file should be.)
 */
import { BowError } from '../base/index.ts';
import {
  badArgument,
  needDType,
  needNumber,
  needOptions,
  needValueOf,
  needWhole,
  needWholes,
  notATensor,
  placed,
} from './arguments.ts';
import { type DType, type Float, fromNumbers, type Int, type NdArray, ndarray, sizeOf } from './dtype.ts';
import { Graph, type Node, type Value } from './graph.ts';
import type { Attrs } from './op.ts';
import type { OpName } from './ops/index.ts';
import { axesOf, axisOf, sameShape } from './shape.ts';

/** Types that go with a type as the other operand: while types are known by kind only, any of the kind; equal ones when the graph is built. */
export type Alike<D extends DType> = D extends Float ? Float : D extends Int ? Int : D;

/** A number or a tensor: numbers become constants of the other operand's type. */
export type Operand<D extends DType = DType> = Same<D> | number;

/** A tensor that goes with one of type D as the other operand. */
export type Same<D extends DType> = Tensor<Alike<D>> | Tensor<D>;

/** Axes to reduce: one, several, or all when absent; negative ones count from the end. */
export type Axes = number | readonly number[];

/** `keep`: reduced axes stay, with size 1. */
export type ReduceOptions = { readonly keep?: boolean };

/** A floating tensor; the axes are documentation, checked by `x.axes('b n d')`. */
export type F<_Axes extends string = string> = Tensor<Float>;
/** An integer tensor (tokens, positions, classes). */
export type I<_Axes extends string = string> = Tensor<Int>;
/** A boolean tensor (masks: true = keep). */
export type B<_Axes extends string = string> = Tensor<'bool'>;

/**
 * A symbolic tensor of a graph. Methods without a word of their own work element by element; those of two operands broadcast as NumPy does, take a
 * number for the other operand and want one type. Errors, when called: `usage` for what is no operand, `dtype`, `shape`, with the scope path.
 */
export class Tensor<D extends DType = DType> implements Value {
  /** Counts in the graph. */
  readonly id: number;
  readonly graph: TensorGraph;
  /** What computes it; undefined for inputs and constants. */
  readonly node: Node<Tensor> | undefined;
  /** Name of an input or path of a parameter. */
  readonly name: string | undefined;
  /** Values of a constant. */
  readonly constant: NdArray | undefined;
  readonly shape: readonly number[];
  readonly dtype: D;

  /** Use {@link newGraph} and the functions of this module; tensors are made by graphs. */
  constructor(v: Value) {
    this.id = v.id;
    this.graph = v.graph as TensorGraph;
    this.node = v.node as Node<Tensor> | undefined;
    this.name = v.name;
    this.constant = v.constant;
    this.shape = v.shape;
    this.dtype = v.dtype as D;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Size of an axis; negative counts from the end. */
  dim(axis: number): number {
    return this.shape[this.#axis(axis)]!;
  }

  #axis(axis: number): number {
    return axisOf(axis, this.rank, this.graph.place);
  }

  /**
   * Names the axes and returns their sizes: `const { b, n, d } = x.axes('b n d')`. A `shape` error when the rank differs, when a name stands for
   * two sizes, or when a number (`'b 3 y x'`) is not the size.
   */
  axes<S extends string>(pattern: S): Record<AxisNames<S>, number> {
    if (typeof pattern !== 'string') throw badArgument(this, "axes must be named like 'b n d'", pattern);
    const names = pattern.trim() === '' ? [] : pattern.trim().split(/\s+/);
    const wrong = (why: string): BowError =>
      new BowError('shape', `expected axes '${pattern}', ${why}`, {
        place: this.graph.place,
        detail: { shape: this.shape },
      });
    if (names.length !== this.rank) throw wrong(`got ${this.rank} axes`);
    const sizes: Record<string, number> = {};
    names.forEach((name, i) => {
      const size = this.shape[i]!;
      if (/^\d+$/.test(name) && Number(name) !== size) throw wrong(`axis ${i} has ${size}, not ${name}`);
      if (name in sizes && sizes[name] !== size) throw wrong(`'${name}' is both ${sizes[name]} and ${size}`);
      sizes[name] = size;
    });
    return sizes as Record<AxisNames<S>, number>;
  }

  #binary<O extends BinaryOp>(op: O, o: Operand<D>): Tensor<Result<O, D>> {
    return apply(op, [this, operandFor(this, op, o)]);
  }

  #unary(op: UnaryOp): Tensor<D> {
    return apply(op, [this]);
  }

  add(o: Operand<D>): Tensor<D> {
    return o === 0 ? this : this.#binary('Add', o);
  }
  sub(o: Operand<D>): Tensor<D> {
    return o === 0 ? this : this.#binary('Sub', o);
  }
  mul(o: Operand<D>): Tensor<D> {
    return o === 1 ? this : this.#binary('Mul', o);
  }
  div(o: Operand<D>): Tensor<D> {
    return o === 1 ? this : this.#binary('Div', o);
  }
  pow(o: Operand<D>): Tensor<D> {
    return this.#binary('Pow', o);
  }
  /** Element-wise larger of the two; use `reduceMax` to reduce. */
  max(o: Operand<D>): Tensor<D> {
    return this.#binary('Max', o);
  }
  /** Element-wise smaller of the two. */
  min(o: Operand<D>): Tensor<D> {
    return this.#binary('Min', o);
  }
  neg(): Tensor<D> {
    return this.#unary('Neg');
  }
  abs(): Tensor<D> {
    return this.#unary('Abs');
  }
  sign(): Tensor<D> {
    return this.#unary('Sign');
  }
  exp(): Tensor<D> {
    return this.#unary('Exp');
  }
  log(): Tensor<D> {
    return this.#unary('Log');
  }
  sqrt(): Tensor<D> {
    return this.#unary('Sqrt');
  }
  /** 1/√x. */
  rsqrt(): Tensor<D> {
    return this.#unary('Sqrt').reciprocal();
  }
  reciprocal(): Tensor<D> {
    return this.#unary('Reciprocal');
  }
  square(): Tensor<D> {
    return this.mul(this);
  }
  erf(): Tensor<D> {
    return this.#unary('Erf');
  }
  tanh(): Tensor<D> {
    return this.#unary('Tanh');
  }
  sin(): Tensor<D> {
    return this.#unary('Sin');
  }
  cos(): Tensor<D> {
    return this.#unary('Cos');
  }
  sigmoid(): Tensor<D> {
    return this.#unary('Sigmoid');
  }
  floor(): Tensor<D> {
    return this.#unary('Floor');
  }
  ceil(): Tensor<D> {
    return this.#unary('Ceil');
  }
  /** Limits to [low, high]. */
  clip(low: number, high: number): Tensor<D> {
    needNumber(this, 'clip: the lower bound', low);
    needNumber(this, 'clip: the upper bound', high);
    if (low > high) throw new BowError('usage', `clip: ${low} > ${high}`, { place: this.graph.place });
    return this.max(low).min(high);
  }

  equal(o: Operand<D>): Tensor<'bool'> {
    return this.#binary('Equal', o);
  }
  less(o: Operand<D>): Tensor<'bool'> {
    return this.#binary('Less', o);
  }
  lessEqual(o: Operand<D>): Tensor<'bool'> {
    return this.#binary('LessOrEqual', o);
  }
  greater(o: Operand<D>): Tensor<'bool'> {
    return this.#binary('Greater', o);
  }
  greaterEqual(o: Operand<D>): Tensor<'bool'> {
    return this.#binary('GreaterOrEqual', o);
  }
  and(o: Tensor<'bool'>): Tensor<'bool'> {
    return apply('And', [this, o]);
  }
  or(o: Tensor<'bool'>): Tensor<'bool'> {
    return apply('Or', [this, o]);
  }
  not(): Tensor<'bool'> {
    return apply('Not', [this]);
  }

  /** Matrix product over the last two axes, leading axes broadcast. */
  matmul(o: Same<D>): Tensor<D> {
    return apply('MatMul', [this, o]);
  }

  /** The last two axes exchanged. */
  get mT(): Tensor<D> {
    if (this.rank < 2) {
      const detail = { shape: this.shape };
      throw new BowError('shape', 'mT: there are no two axes to exchange', { place: this.graph.place, detail });
    }
    const order = this.shape.map((_, i) => i);
    return this.transpose([...order.slice(0, -2), this.rank - 1, this.rank - 2]);
  }

  /** Axes in another order: out axis i is in axis order[i]. */
  transpose(order: readonly number[]): Tensor<D> {
    needWholes(this, 'transpose: the order', order);
    const perm = order.map((a) => this.#axis(a));
    if (perm.length === this.rank && perm.every((p, i) => p === i)) return this;
    return apply('Transpose', [this], { perm });
  }

  /** The same values in another shape; one size may be −1. */
  reshape(shape: readonly number[]): Tensor<D> {
    needWholes(this, 'reshape: the shape', shape, { low: -1 });
    const known = shape.reduce((a, b) => (b === -1 ? a : a * b), 1);
    const free = shape.filter((d) => d === -1).length;
    if (free > 1 || (free === 1 && (known === 0 || this.size % known !== 0))) {
      const why = free > 1 ? 'one size may be −1, not several' : `${this.size} values do not fill rows of ${known}`;
      throw new BowError('shape', `reshape to [${shape.join(', ')}]: ${why}`, {
        place: this.graph.place,
        detail: { shape: this.shape },
      });
    }
    const full = shape.map((d) => (d === -1 ? this.size / known : d));
    if (sameShape(full, this.shape)) return this;
    return apply('Reshape', [this], { shape: full });
  }

  /** Broadcasts to a larger shape. */
  expand(shape: readonly number[]): Tensor<D> {
    needWholes(this, 'expand: the shape', shape, { low: 0 });
    return sameShape(shape, this.shape) ? this : apply('Expand', [this], { shape });
  }

  /** Adds an axis of size 1 before the given position. */
  unsqueeze(axis: number): Tensor<D> {
    const at = axisOf(axis, this.rank + 1, this.graph.place);
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }

  /** Removes an axis of size 1. */
  squeeze(axis: number): Tensor<D> {
    const at = this.#axis(axis);
    if (this.shape[at] !== 1)
      throw new BowError('shape', `axis ${axis} has size ${this.shape[at]}, not 1`, { place: this.graph.place });
    return this.reshape(this.shape.filter((_, i) => i !== at));
  }

  /** start:end:step along an axis, as NumPy slices (negative counts from the end). */
  slice(axis: number, start?: number, end?: number, step = 1): Tensor<D> {
    const at = this.#axis(axis);
    for (const [name, i] of [
      ['start', start],
      ['end', end],
      ['step', step],
    ] as const)
      if (i !== undefined) needWhole(this, `slice: the ${name}`, i);
    const n = this.shape[at]!;
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const fix = (i: number): number => Math.min(Math.max(i < 0 ? i + n : i, low), high);
    const from = start === undefined ? (step > 0 ? low : high) : fix(start);
    const stop = end === undefined ? (step > 0 ? high : low) : fix(end);
    const to = step > 0 ? Math.max(from, stop) : Math.min(from, stop); // an empty slice ends where it starts
    if (from === 0 && to === n && step === 1) return this;
    return apply('Slice', [this], { axis: at, start: from, end: to, step });
  }

  /** One element along an axis, the axis removed. */
  at(axis: number, index: number): Tensor<D> {
    needWhole(this, 'at: the index', index);
    const i = index < 0 ? index + this.dim(axis) : index;
    if (i < 0 || i >= this.dim(axis))
      throw new BowError('shape', `index ${index} is outside an axis of ${this.dim(axis)}`, {
        place: this.graph.place,
      });
    return this.slice(axis, i, i + 1).squeeze(axis);
  }

  #reduce(op: ReduceOp, axes: Axes | undefined, o: ReduceOptions): Tensor<D> {
    needOptions(this, op, o);
    if (axes !== undefined && typeof axes !== 'number') needWholes(this, `${op}: axes`, axes);
    const list = axesOf(axes ?? this.shape.map((_, i) => i), this.rank, this.graph.place);
    if (list.length === 0) return this;
    return apply(op, [this], { axes: list, keep: o.keep ?? false });
  }

  /** Sum over axes (all when none are named). */
  sum(axes?: Axes, o: ReduceOptions = {}): Tensor<D> {
    return this.#reduce('ReduceSum', axes, o);
  }
  /** Mean over axes; for floating types. */
  mean(axes?: Axes, o: ReduceOptions = {}): Tensor<D> {
    return this.#reduce('ReduceMean', axes, o);
  }
  /** Largest value over axes. */
  reduceMax(axes?: Axes, o: ReduceOptions = {}): Tensor<D> {
    return this.#reduce('ReduceMax', axes, o);
  }
  /** Smallest value over axes. */
  reduceMin(axes?: Axes, o: ReduceOptions = {}): Tensor<D> {
    return this.#reduce('ReduceMin', axes, o);
  }
  /** ln Σ eˣ over axes, without overflow. */
  logSumExp(axes?: Axes, o: ReduceOptions = {}): Tensor<D> {
    return this.#reduce('ReduceLogSumExp', axes, o);
  }

  /** Another element type. */
  to<E extends DType>(dtype: E): Tensor<E> {
    needDType(this, 'to', dtype);
    if (this.#is(dtype)) return this;
    return cast(this, dtype);
  }

  #is<E extends DType>(...types: readonly E[]): this is Tensor<E> {
    return types.some((d) => this.dtype === (d as DType));
  }

  /** This tensor, known to be floating from here on; a `dtype` error when it is not. For inputs whose types are only known when they come. */
  asFloat(): Tensor<Float> {
    if (this.#is('float32', 'float64', 'float16', 'bfloat16')) return this;
    throw this.#wrongType('a floating type', "x.to('float32')");
  }

  /** This tensor, known to hold integers; a `dtype` error when it does not. */
  asInt(): Tensor<Int> {
    if (this.#is('int64', 'int32', 'uint8')) return this;
    throw this.#wrongType('integers', "x.to('int64')");
  }

  /** This tensor, known to hold booleans; a `dtype` error when it does not. */
  asBool(): Tensor<'bool'> {
    if (this.#is('bool')) return this;
    throw this.#wrongType('booleans', "x.to('bool')");
  }

  #wrongType(wanted: string, cast: string): BowError {
    const { place } = this.graph;
    const what = this.name === undefined ? 'the tensor' : `"${this.name}"`;
    return new BowError('dtype', `${what} must hold ${wanted}, it is ${this.dtype}`, {
      ...(place ? { place } : {}),
      hint: `cast it: ${cast}`,
    });
  }

  /** The same value through which no gradient flows. */
  stopGradient(): Tensor<D> {
    return this.#unary('StopGradient');
  }
}

type AxisNames<S extends string> = S extends `${infer A} ${infer R}` ? A | AxisNames<R> : S;

/** A graph whose inputs and constants keep their types. */
export class TensorGraph extends Graph<Tensor> {
  constructor() {
    super((v) => new Tensor(v));
  }

  override input<D extends DType>(name: string, dtype: D, shape: readonly number[]): Tensor<D> {
    return super.input(name, dtype, shape) as Tensor<D>;
  }

  override constant<D extends DType>(value: NdArray<D>): Tensor<D> {
    return super.constant(value) as Tensor<D>;
  }
}

/** An empty graph. */
export function newGraph(): TensorGraph {
  return new TensorGraph();
}

type Comparison = 'Equal' | 'Less' | 'LessOrEqual' | 'Greater' | 'GreaterOrEqual';
type BinaryOp = Comparison | 'Add' | 'Sub' | 'Mul' | 'Div' | 'Pow' | 'Max' | 'Min';
type ReduceOp = 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceLogSumExp';
type UnaryOp =
  | 'Neg'
  | 'Abs'
  | 'Sign'
  | 'Exp'
  | 'Log'
  | 'Sqrt'
  | 'Reciprocal'
  | 'Erf'
  | 'Tanh'
  | 'Sin'
  | 'Cos'
  | 'Sigmoid'
  | 'Floor'
  | 'Ceil'
  | 'StopGradient';

/** Type of an operator's (first) result, where its first operand is of type D. */
export type Result<O extends OpName, D extends DType> = O extends Comparison | 'And' | 'Or' | 'Not' | 'IsNaN' | 'IsInf'
  ? 'bool'
  : O extends 'ArgMax' | 'ArgMin'
    ? 'int64'
    : O extends 'Where' | 'Cast'
      ? DType
      : D;

/** Results of operators that have several, where the first operand is of type D. */
type Results<D extends DType> = {
  readonly TopK: readonly [values: Tensor<D>, indices: Tensor<'int64'>];
  readonly MaxPool: readonly [values: Tensor<D>, indices: Tensor<'int64'>];
  readonly Standardize: readonly [y: Tensor<D>, mean: Tensor<D>, rstd: Tensor<D>];
};

/** Operands of an operator; the type of the first decides that of the result. */
type Operands<D extends DType> = readonly [first: Tensor<D>, ...rest: Tensor[]];

/** The graph of the operands; a `usage` error for an operand that is no tensor. */
function graphOf(op: OpName, inputs: readonly Tensor[]): TensorGraph {
  const known = inputs.find((t) => t instanceof Tensor);
  inputs.forEach((t, i) => {
    if (!(t instanceof Tensor)) throw notATensor(known, `${op}: operand ${i} must be a tensor`, t);
  });
  if (!known) throw new BowError('usage', `${op}: there are no operands`);
  return known.graph;
}

/** Applies an operator and returns its first result. What a declaration's `infer` says of types is what {@link Result} says of them. */
export function apply<O extends OpName, D extends DType>(
  op: O,
  inputs: Operands<D>,
  attrs?: Attrs,
): Tensor<Result<O, D>>;
export function apply<O extends OpName, D extends DType>(
  op: O,
  inputs: readonly Tensor<D>[],
  attrs?: Attrs,
): Tensor<Result<O, D>>;
export function apply<O extends OpName, D extends DType>(
  op: O,
  inputs: readonly Tensor[],
  attrs: Attrs = {},
): Tensor<Result<O, D>> {
  return graphOf(op, inputs).emit(op, inputs, attrs)[0] as Tensor<Result<O, D>>;
}

/** Applies an operator with several results. */
export function applyAll<O extends keyof Results<D>, D extends DType>(
  op: O,
  inputs: Operands<D>,
  attrs: Attrs = {},
): Results<D>[O] {
  return graphOf(op, inputs).emit(op, inputs, attrs) as Tensor[] as unknown as Results<D>[O];
}

/** An operand of `like`: the tensor itself, or a number as a constant of its type. Errors: `usage`, `dtype`. */
export function operandFor<D extends DType>(like: Tensor<D>, op: OpName, o: Operand<D>): Same<D> {
  if (o instanceof Tensor) return o;
  if (typeof o !== 'number') throw notATensor(like, `${op}: the operand must be a tensor or a number`, o);
  if (Number.isNaN(o)) throw badArgument(like, `${op}: the operand must be a number`, o);
  needValueOf(like, op, like.dtype, o);
  return like.graph.constant({ dtype: like.dtype, shape: [], data: fromNumbers(like.dtype, [o]) });
}

/** Throws `usage` unless all values named are tensors, and `o`, where it is given, a record of options. */
export function needTensors(what: string, given: Readonly<Record<string, unknown>>, o?: unknown): void {
  const known = Object.values(given).find((t) => t instanceof Tensor);
  for (const [name, t] of Object.entries(given))
    if (!(t instanceof Tensor)) throw notATensor(known, `${what}: ${name} must be a tensor`, t);
  if (o !== undefined) needOptions(known, what, o);
}

/** Another element type. */
function cast<E extends DType>(x: Tensor, to: E): Tensor<E> {
  return apply('Cast', [x], { to }) as Tensor<E>;
}

/** condition ? a : b, with broadcasting of all three. */
export function select<D extends DType>(condition: Tensor<'bool'>, a: Tensor<D>, b: Same<D>): Tensor<D> {
  return apply('Where', [condition, a, b]) as Tensor<D>;
}

/**
 * A constant in the graph of `like`: values of a type, row-major. Errors: `shape` when they do not fill the shape, `dtype` when the type cannot hold
 * them.
 */
export function constantLike<D extends DType>(
  like: Tensor,
  dtype: D,
  shape: readonly number[],
  values: readonly number[],
): Tensor<D> {
  needTensors('constantLike', { like });
  return placed('constantLike', like.graph.place, () => like.graph.constant(ndarray(dtype, shape, values)));
}

/** A tensor filled with one value, in the graph and (unless given) shape of `like` and of its type; made by broadcasting, so it costs no memory in the file. */
export function fullLike<D extends DType>(
  like: Tensor<D>,
  value: number,
  shape: readonly number[] = like.shape,
): Tensor<D> {
  const ones = shape.map(() => 1);
  return constantLike(like, like.dtype, ones, [value]).expand(shape);
}
