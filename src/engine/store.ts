/** Where named tensors live between runs: weights, buffers, training state. Programs read them and write the updated ones back. */
import { BowError, Rng, unknownName } from '../base/index.ts';
import { needNumber, needOneOf, needOptions, needText } from './arguments.ts';
import { isFloat, makeArray, type NdArray, needArray, sizeOf } from './dtype.ts';
import type { Half } from './half.ts';
import { pathPattern } from './path-pattern.ts';
import { RunOrder } from './run-order.ts';
import type { ParamKind, ParamSpec } from './scope.ts';
import { sameShape } from './shape.ts';
import { isHalf, narrowed, widened } from './storage.ts';

/** Kinds, the stronger later. */
const strength: readonly ParamKind[] = ['state', 'buffer', 'param'];

/** Options of a store. */
export type StoreOptions = {
  /**
   * Parameters and buffers that are kept in 16 bits, by path pattern, the first that matches counting; `float32` excepts:
   * `{ 'llm/head/*': 'float32', 'llm/**': 'bfloat16' }`. Half the memory, for weights that stay as they are: graphs widen them where they are
   * used, and refuse to train them. State of the training is never narrowed.
   */
  readonly storage?: Readonly<Record<string, Half | 'float32'>>;
};

/** Named tensors. */
export class Store {
  readonly #arrays = new Map<string, NdArray>();
  readonly #kinds = new Map<string, ParamKind>();
  /** Kinds that were only assumed: the first program that asks for the tensor says what it is. */
  readonly #assumed = new Set<string>();
  readonly #rng: Rng;
  /** The order of the runs of all programs over this store. */
  readonly order: RunOrder = new RunOrder();

  readonly #storage: readonly (readonly [RegExp, Half | 'float32'])[];

  /**
   * `seed` decides the initial values of parameters; each has a stream of its own, so their order does not matter. `storage` says by path pattern
   * which tensors are kept in 16 bits.
   */
  constructor(seed: number | string = 0, o: StoreOptions = {}) {
    if (typeof seed !== 'string') needNumber(undefined, 'the seed of a store', seed);
    needOptions(undefined, 'Store', o);
    this.#rng = new Rng(seed);
    this.#storage = Object.entries(o.storage ?? {}).map(([pattern, half]) => {
      needOneOf(undefined, `storage of "${pattern}"`, half, ['float16', 'bfloat16', 'float32']);
      return [pathPattern(pattern), half];
    });
  }

  /** The array of a name; `checkpoint` error when absent. */
  get(path: string): NdArray {
    needText(undefined, 'the path of a stored tensor', path);
    const a = this.#arrays.get(path);
    if (!a) throw new BowError('checkpoint', unknownName('parameter', path, this.#arrays.keys()));
    return a;
  }

  /** True when there is an array of this name. */
  has(path: string): boolean {
    return this.#arrays.has(path);
  }

  /**
   * Sets or replaces an array, which is the store's from then on: programs that train write into it. `kind` is kept when absent; a new name
   * counts as a `param` until a program asks for it as something else. Where a `storage` rule matches, the values are rounded to 16 bits.
   */
  set(path: string, array: NdArray, kind?: ParamKind): void {
    needText(undefined, 'the path of a stored tensor', path);
    needArray(`"${path}"`, array);
    const half = (kind ?? this.#kinds.get(path)) === 'state' ? undefined : this.#ruleFor(path);
    this.#arrays.set(path, half ? narrowed(array, half) : array);
    if (kind !== undefined) {
      this.#kinds.set(path, kind);
      this.#assumed.delete(path);
    } else if (!this.#kinds.has(path)) {
      this.#kinds.set(path, 'param');
      this.#assumed.add(path);
    }
  }

  /** The 16-bit type that a tensor is kept in, or will be when it is made; undefined for any other. */
  storageOf(path: string): Half | undefined {
    const have = this.#arrays.get(path)?.dtype;
    if (have === undefined) return this.#ruleFor(path);
    return isHalf(have) ? have : undefined;
  }

  #ruleFor(path: string): Half | undefined {
    const type = this.#storage.find(([pattern]) => pattern.test(path))?.[1];
    return type === 'float32' ? undefined : type;
  }

  /** Removes an array, if it is there: the next program that asks for it initialises it anew. */
  delete(path: string): void {
    this.#arrays.delete(path);
    this.#kinds.delete(path);
    this.#assumed.delete(path);
  }

  /** Names, arrays and kinds in the order they came. */
  *entries(...kinds: readonly ParamKind[]): Generator<[path: string, array: NdArray, kind: ParamKind]> {
    for (const [path, array] of this.#arrays) {
      const kind = this.#kinds.get(path)!;
      if (kinds.length === 0 || kinds.includes(kind)) yield [path, array, kind];
    }
  }

  /**
   * Makes sure that a specified tensor is there: initialises it when absent, else checks shape and type. What a tensor is, is set when it is made;
   * of programs that say different things the strongest counts: `param` before `buffer` before `state`. So a program that evaluates a model
   * or freezes part of it does not change what another trains, and weights that were frozen at first become parameters when they are trained.
   */
  ensure(spec: ParamSpec): void {
    needOptions(undefined, 'what a store ensures', spec);
    needText(undefined, 'the path of a stored tensor', spec.path);
    const have = this.#arrays.get(spec.path);
    if (!have) {
      const data = makeArray(spec.dtype, sizeOf(spec.shape)) as Float32Array;
      const original = spec.like === undefined ? undefined : this.#arrays.get(spec.like);
      if (original && sameShape(original.shape, spec.shape))
        data.set((isHalf(original.dtype) ? widened(original) : original).data as Float32Array);
      else spec.init(data, spec.shape, this.#rng.split(spec.path));
      this.set(spec.path, { dtype: spec.dtype, shape: spec.shape, data }, spec.kind);
      return;
    }
    this.#declare(spec.path, spec.kind);
    if (spec.appended && !sameShape(have.shape, spec.shape)) return; // the run decides
    if (!sameShape(have.shape, spec.shape)) {
      throw new BowError('checkpoint', 'a stored tensor has another shape than the model wants', {
        place: spec.path,
        detail: { stored: have.shape, wanted: spec.shape },
      });
    }
    if (have.dtype !== (spec.storage ?? spec.dtype)) this.#arrays.set(spec.path, converted(have, spec));
  }

  #declare(path: string, kind: ParamKind): void {
    const before = this.#kinds.get(path)!;
    if (this.#assumed.delete(path) || strength.indexOf(kind) > strength.indexOf(before)) this.#kinds.set(path, kind);
  }
}

function converted(a: NdArray, spec: ParamSpec): NdArray {
  if (!isFloat(a.dtype) || isHalf(a.dtype)) {
    throw new BowError('dtype', `stored as ${a.dtype}, the model computes in ${spec.dtype}`, {
      place: spec.path,
      hint: 'trace for this store: compile does, trace takes { storage: (path) => store.storageOf(path) }',
    });
  }
  const data = makeArray(spec.dtype, a.data.length) as Float32Array;
  data.set(a.data as Float32Array);
  return { dtype: spec.dtype, shape: a.shape, data };
}
