/**
 * Symbolic tensors: what a model's function computes with. Every method adds nodes to the graph and checks shapes and types at once; values
 * exist only when the compiled graph runs.
 */
import { BowError } from '../base/index.ts';
import { type DType, type Float, fromNumbers, type Int, type NdArray, ndarray, sizeOf } from './dtype.ts';
import { Graph, type Node, type Value } from './graph.ts';
import type { Attrs } from './op.ts';
import type { OpName } from './ops/index.ts';
import { axesOf, axisOf, sameShape } from './shape.ts';

/** A number or a tensor: numbers become constants of the other operand's type. */
export type Operand = Tensor | number;

/** A floating tensor; the axes are documentation, checked by `x.axes('b n d')`. */
export type F<_Axes extends string = string> = Tensor<Float>;
/** An integer tensor (tokens, positions, classes). */
export type I<_Axes extends string = string> = Tensor<Int>;
/** A boolean tensor (masks: true = keep). */
export type B<_Axes extends string = string> = Tensor<'bool'>;

/** A symbolic tensor of a graph. */
export class Tensor<D extends DType = DType> implements Value {
  readonly id: number;
  readonly graph: Graph<Tensor>;
  readonly node: Node | undefined;
  readonly name: string | undefined;
  readonly constant: NdArray | undefined;
  readonly shape: readonly number[];
  readonly dtype: D;

  /** Use {@link newGraph} and the functions of this module; tensors are made by graphs. */
  constructor(v: Value) {
    this.id = v.id;
    this.graph = v.graph as Graph<Tensor>;
    this.node = v.node;
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
    return this.shape[axisOf(axis, this.rank)]!;
  }

  /**
   * Names the axes and returns their sizes: `const { b, n, d } = x.axes('b n d')`. A `shape` error when the rank differs, when a name stands for
   * two sizes, or when a number (`'b 3 y x'`) is not the size.
   */
  axes<S extends string>(pattern: S): Record<AxisNames<S>, number> {
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

  /** A constant of this tensor's type. */
  #lift(o: Operand): Tensor {
    if (o instanceof Tensor) return o;
    return this.graph.constant({ dtype: this.dtype, shape: [], data: fromNumbers(this.dtype, [o]) });
  }

  #binary(op: OpName, o: Operand): Tensor<D> {
    return apply(op, [this, this.#lift(o)]) as Tensor<D>;
  }

  #unary(op: OpName): Tensor<D> {
    return apply(op, [this]) as Tensor<D>;
  }

  add(o: Operand): Tensor<D> {
    return o === 0 ? this : this.#binary('Add', o);
  }
  sub(o: Operand): Tensor<D> {
    return o === 0 ? this : this.#binary('Sub', o);
  }
  mul(o: Operand): Tensor<D> {
    return o === 1 ? this : this.#binary('Mul', o);
  }
  div(o: Operand): Tensor<D> {
    return o === 1 ? this : this.#binary('Div', o);
  }
  pow(o: Operand): Tensor<D> {
    return this.#binary('Pow', o);
  }
  /** Element-wise larger of the two; use `reduceMax` to reduce. */
  max(o: Operand): Tensor<D> {
    return this.#binary('Max', o);
  }
  /** Element-wise smaller of the two. */
  min(o: Operand): Tensor<D> {
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
    return this.max(low).min(high);
  }

  equal(o: Operand): Tensor<'bool'> {
    return this.#binary('Equal', o) as Tensor as Tensor<'bool'>;
  }
  less(o: Operand): Tensor<'bool'> {
    return this.#binary('Less', o) as Tensor as Tensor<'bool'>;
  }
  lessEqual(o: Operand): Tensor<'bool'> {
    return this.#binary('LessOrEqual', o) as Tensor as Tensor<'bool'>;
  }
  greater(o: Operand): Tensor<'bool'> {
    return this.#binary('Greater', o) as Tensor as Tensor<'bool'>;
  }
  greaterEqual(o: Operand): Tensor<'bool'> {
    return this.#binary('GreaterOrEqual', o) as Tensor as Tensor<'bool'>;
  }
  and(o: Tensor<'bool'>): Tensor<'bool'> {
    return this.#binary('And', o) as Tensor as Tensor<'bool'>;
  }
  or(o: Tensor<'bool'>): Tensor<'bool'> {
    return this.#binary('Or', o) as Tensor as Tensor<'bool'>;
  }
  not(): Tensor<'bool'> {
    return this.#unary('Not') as Tensor as Tensor<'bool'>;
  }

  /** Matrix product over the last two axes, leading axes broadcast. */
  matmul(o: Tensor): Tensor<D> {
    return apply('MatMul', [this, o]) as Tensor<D>;
  }

  /** The last two axes exchanged. */
  get mT(): Tensor<D> {
    const order = this.shape.map((_, i) => i);
    return this.transpose([...order.slice(0, -2), this.rank - 1, this.rank - 2]);
  }

  /** Axes in another order: out axis i is in axis order[i]. */
  transpose(order: readonly number[]): Tensor<D> {
    const perm = order.map((a) => axisOf(a, this.rank));
    if (perm.every((p, i) => p === i)) return this;
    return apply('Transpose', [this], { perm }) as Tensor<D>;
  }

  /** The same values in another shape; one size may be −1. */
  reshape(shape: readonly number[]): Tensor<D> {
    const known = shape.reduce((a, b) => (b === -1 ? a : a * b), 1);
    const full = shape.map((d) => (d === -1 ? this.size / known : d));
    if (sameShape(full, this.shape)) return this;
    return apply('Reshape', [this], { shape: full }) as Tensor<D>;
  }

  /** Broadcasts to a larger shape. */
  expand(shape: readonly number[]): Tensor<D> {
    return sameShape(shape, this.shape) ? this : (apply('Expand', [this], { shape }) as Tensor<D>);
  }

  /** Adds an axis of size 1 before the given position. */
  unsqueeze(axis: number): Tensor<D> {
    const at = axis < 0 ? axis + this.rank + 1 : axis;
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }

  /** Removes an axis of size 1. */
  squeeze(axis: number): Tensor<D> {
    const at = axisOf(axis, this.rank);
    if (this.shape[at] !== 1)
      throw new BowError('shape', `axis ${axis} has size ${this.shape[at]}, not 1`, { place: this.graph.place });
    return this.reshape(this.shape.filter((_, i) => i !== at));
  }

  /** start:end:step along an axis, as NumPy slices (negative counts from the end). */
  slice(axis: number, start?: number, end?: number, step = 1): Tensor<D> {
    const at = axisOf(axis, this.rank);
    const n = this.shape[at]!;
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const fix = (i: number): number => Math.min(Math.max(i < 0 ? i + n : i, low), high);
    const from = start === undefined ? (step > 0 ? low : high) : fix(start);
    const stop = end === undefined ? (step > 0 ? high : low) : fix(end);
    const to = step > 0 ? Math.max(from, stop) : Math.min(from, stop); // an empty slice ends where it starts
    if (from === 0 && to === n && step === 1) return this;
    return apply('Slice', [this], { axis: at, start: from, end: to, step }) as Tensor<D>;
  }

  /** One element along an axis, the axis removed. */
  at(axis: number, index: number): Tensor<D> {
    const i = index < 0 ? index + this.dim(axis) : index;
    if (i < 0 || i >= this.dim(axis))
      throw new BowError('shape', `index ${index} is outside an axis of ${this.dim(axis)}`, {
        place: this.graph.place,
      });
    return this.slice(axis, i, i + 1).squeeze(axis);
  }

  #reduce(op: OpName, axes: number | readonly number[] | undefined, keep: boolean): Tensor<D> {
    const list = axesOf(axes ?? this.shape.map((_, i) => i), this.rank);
    if (list.length === 0) return this;
    return apply(op, [this], { axes: list, keep }) as Tensor<D>;
  }

  /** Sum over axes (all when none are named). */
  sum(axes?: number | readonly number[], o: { keep?: boolean } = {}): Tensor<D> {
    return this.#reduce('ReduceSum', axes, o.keep ?? false);
  }
  mean(axes?: number | readonly number[], o: { keep?: boolean } = {}): Tensor<D> {
    return this.#reduce('ReduceMean', axes, o.keep ?? false);
  }
  reduceMax(axes?: number | readonly number[], o: { keep?: boolean } = {}): Tensor<D> {
    return this.#reduce('ReduceMax', axes, o.keep ?? false);
  }
  reduceMin(axes?: number | readonly number[], o: { keep?: boolean } = {}): Tensor<D> {
    return this.#reduce('ReduceMin', axes, o.keep ?? false);
  }
  /** ln Σ eˣ, without overflow. */
  logSumExp(axes?: number | readonly number[], o: { keep?: boolean } = {}): Tensor<D> {
    return this.#reduce('ReduceLogSumExp', axes, o.keep ?? false);
  }

  /** Another element type. */
  to<E extends DType>(dtype: E): Tensor<E> {
    if ((this.dtype as DType) === dtype) return this as unknown as Tensor<E>;
    return apply('Cast', [this], { to: dtype }) as Tensor as Tensor<E>;
  }

  /** The same value through which no gradient flows. */
  stopGradient(): Tensor<D> {
    return this.#unary('StopGradient');
  }
}

type AxisNames<S extends string> = S extends `${infer A} ${infer R}` ? A | AxisNames<R> : S;

/** An empty graph. */
export function newGraph(): Graph<Tensor> {
  return new Graph<Tensor>((v) => new Tensor(v));
}

/** Applies an operator with one output. */
export function apply(op: OpName, inputs: readonly Tensor[], attrs: Attrs = {}): Tensor {
  return inputs[0]!.graph.emit(op, inputs, attrs)[0]!;
}

/** Applies an operator with several outputs. */
export function applyAll(op: OpName, inputs: readonly Tensor[], attrs: Attrs = {}): readonly Tensor[] {
  return inputs[0]!.graph.emit(op, inputs, attrs);
}

/** A constant in the graph of `like`. */
export function constantLike<D extends DType>(
  like: Tensor,
  dtype: D,
  shape: readonly number[],
  values: readonly number[],
): Tensor<D> {
  return like.graph.constant(ndarray(dtype, shape, values)) as Tensor<D>;
}

/** A tensor filled with one value, in the graph and (unless given) type of `like`; made by broadcasting, so it costs no memory in the file. */
export function fullLike(like: Tensor, value: number, shape: readonly number[] = like.shape): Tensor {
  const scalar = constantLike(
    like,
    like.dtype,
    shape.map(() => 1),
    [value],
  );
  return scalar.expand(shape);
}
