/**
 * Checks at the door of every layer, while the graph is built: what each argument and option must be, said once, in one line of the function. A
 * wrong one is a typed error with the layer, the argument, the scope and what was given: `usage` for what is of no use, `dtype` for a tensor of
 * another type, `shape` for one with other axes.
 */
import { BowError, Rng, unknownName } from '../base/index.ts';
import { badArgument, type DType, type NdArray, notATensor, Scope, Store, Tensor } from '../engine/index.ts';

/** Where an argument is checked. */
type At = Parameters<typeof badArgument>[0];

/** Throws when the value, which is called `what`, is not as it must be. */
export type Check = (at: At, what: string, value: unknown) => void;

/** Checks the arguments of `layer`, in order: `must.be('dropout', { s: [s, must.scope], x: [x, must.floats()], rate: [rate, must.share] })`. */
export function be(layer: string, given: Readonly<Record<string, readonly [value: unknown, check: Check]>>): void {
  const known = Object.values(given)
    .map(([value]) => value)
    .find((v) => v instanceof Scope || v instanceof Tensor);
  const place = known instanceof Scope ? known.path : known instanceof Tensor ? known.graph.place : '';
  const at = { rank: 0, graph: { place } };
  for (const [name, [value, check]] of Object.entries(given)) check(at, `${layer}: ${name}`, value);
}

/** A check by a predicate: `what must be <wanted>`. */
function fitting(wanted: string, fits: (value: unknown) => boolean): Check {
  return (at, what, value) => {
    if (!fits(value)) throw badArgument(at, `${what} must be ${wanted}`, value);
  };
}

/** A whole number from `low` on. */
export const whole = (low = Number.NEGATIVE_INFINITY): Check =>
  fitting(
    `a whole number${Number.isFinite(low) ? ` ≥ ${low}` : ''}`,
    (v) => Number.isInteger(v) && (v as number) >= low,
  );
/** 1, 2, 3, … */
export const size: Check = whole(1);
/** 0, 1, 2, … */
export const count: Check = whole(0);
/** A finite number from `low` to `high`. */
export const number = (low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY): Check => {
  const range = [...(Number.isFinite(low) ? [`≥ ${low}`] : []), ...(Number.isFinite(high) ? [`≤ ${high}`] : [])];
  return fitting(
    `a number ${range.join(' and ')}`.trim(),
    (v) => Number.isFinite(v) && (v as number) >= low && (v as number) <= high,
  );
};
/** A finite number above 0. */
export const positive: Check = fitting('a number > 0', (v) => Number.isFinite(v) && (v as number) > 0);
/** A number in [0, 1]. */
export const share: Check = fitting('a number in [0, 1]', (v) => typeof v === 'number' && v >= 0 && v <= 1);
const pair = (value: unknown, fits: (a: number, b: number) => boolean): boolean => {
  const [a, b]: readonly unknown[] = Array.isArray(value) && value.length === 2 ? value : [];
  return typeof a === 'number' && typeof b === 'number' && fits(a, b);
};
/** Two numbers in [0, 1): how much of two averages is kept. */
export const betas: Check = fitting('two numbers in [0, 1)', (v) =>
  pair(v, (a, b) => a >= 0 && a < 1 && b >= 0 && b < 1),
);
/** Two numbers, the second not below the first; either may be infinite. */
export const bounds: Check = fitting('two numbers [low, high], low ≤ high', (v) => pair(v, (a, b) => a <= b));
/** true or false. */
export const flag: Check = fitting('true or false', (v) => typeof v === 'boolean');
/** Memory of a parameter, as a store hands it to initialisers. */
export const memory: Check = fitting(
  'an array of floats',
  (v) => v instanceof Float32Array || v instanceof Float64Array,
);
export const rng: Check = fitting('a random stream', (v) => v instanceof Rng);
/** A function: an initialiser, a choice of positions. */
export const call: Check = fitting('a function', (v) => typeof v === 'function');
export const text: Check = fitting('a string', (v) => typeof v === 'string');
/** A scope, as `compile` and `trace` hand it to the function. */
export const scope: Check = fitting('a scope', (v) => v instanceof Scope);
export const store: Check = fitting('a store', (v) => v instanceof Store);
/** A list of strings, such as path patterns. */
export const texts: Check = fitting(
  'a list of strings',
  (v) => Array.isArray(v) && v.every((t) => typeof t === 'string'),
);
/** What `for … of` goes over, but not a string. */
export const iterable: Check = fitting(
  'a collection',
  (v) => typeof v === 'object' && v !== null && Symbol.iterator in v,
);
/** A list or typed array of numbers. */
export const numbers: Check = fitting(
  'a list of numbers',
  (v) =>
    (Array.isArray(v) || (ArrayBuffer.isView(v) && 'length' in v)) &&
    Array.from(v as ArrayLike<unknown>).every((n) => typeof n === 'number' && !Number.isNaN(n)),
);

/** One of a few names. */
export const oneOf = (...names: readonly string[]): Check =>
  fitting(`one of ${names.join(', ')}`, (v) => typeof v === 'string' && names.includes(v));

/** A list of whole numbers from `low` on, `length` of them where that is given. */
export function wholes(low: number, length?: number): Check {
  const wanted = `a list of ${length === undefined ? '' : `${length} `}whole numbers ≥ ${low}`;
  return fitting(
    wanted,
    (v) =>
      Array.isArray(v) &&
      v.every((n) => Number.isInteger(n) && n >= low) &&
      (length === undefined || v.length === length),
  );
}

/** What passes one of the checks; the error is the last one's. */
export const either =
  (...checks: readonly Check[]): Check =>
  (at, what, value) => {
    for (const check of checks.slice(0, -1)) {
      try {
        return check(at, what, value);
      } catch {} // the last check says what is wrong
    }
    return checks.at(-1)?.(at, what, value);
  };

/** Undefined, or what passes the check. */
export const optional =
  (check: Check): Check =>
  (at, what, value) => {
    if (value !== undefined) check(at, what, value);
  };

/** A list of which each member passes the check. */
export const list =
  (check: Check): Check =>
  (at, what, value) => {
    if (!Array.isArray(value)) throw badArgument(at, `${what} must be a list`, value);
    for (const [i, v] of value.entries()) check(at, `${what}[${i}]`, v);
  };

/** Options: what must be there and what may be. Others are left alone: layers hand theirs on. */
export const options =
  (may: Readonly<Record<string, Check>>, must: Readonly<Record<string, Check>> = {}): Check =>
  (at, what, value) => {
    if (!isRecord(value)) throw badArgument(at, `${what}: options must be an object`, value);
    for (const [key, check] of Object.entries(must)) check(at, `${what}.${key}`, value[key]);
    for (const [key, check] of Object.entries(may)) optional(check)(at, `${what}.${key}`, value[key]);
  };

/** Options of which all names are known: others are refused, with the nearest that there is. */
export const only =
  (may: Readonly<Record<string, Check>>, must: Readonly<Record<string, Check>> = {}): Check =>
  (at, what, value) => {
    options(may, must)(at, what, value);
    const known = [...Object.keys(must), ...Object.keys(may)];
    const other = Object.keys(value as object).find((key) => !known.includes(key));
    if (other === undefined) return;
    const place = at?.graph.place ? { place: at.graph.place } : {};
    throw new BowError('usage', `${what}: ${unknownName('option', other, known)}`, { ...place, detail: { known } });
  };

/** A record of which each value passes the check. */
export const recordOf =
  (check: Check): Check =>
  (at, what, value) => {
    if (!isRecord(value)) throw badArgument(at, `${what} must be an object`, value);
    for (const [key, v] of Object.entries(value)) check(at, `${what}["${key}"]`, v);
  };

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Tensor)
  );
}

/**
 * A floating tensor. `axes` names its axes, as in the type: `b n d` for three, `... d` for one or more, `...` or nothing for any number, an empty
 * string for a scalar.
 */
export const floats = (axes = '...'): Check =>
  tensor(axes, 'floating values', "to('float32')", (d) => d === 'float32' || d === 'float64' || d === 'float16');
/** A tensor of integers. */
export const ints = (axes = '...'): Check =>
  tensor(axes, 'integers', "to('int64')", (d) => d === 'int64' || d === 'int32' || d === 'uint8');
/** A tensor of booleans. */
export const bools = (axes = '...'): Check => tensor(axes, 'booleans', "to('bool')", (d) => d === 'bool');
/** A tensor of any type. */
export const anyTensor: Check = tensor('...', 'values', '', () => true);
/** A scalar of any type. */
export const anyScalar: Check = tensor('', 'values', '', () => true);
/** A floating scalar, or what passes the check. */
export const scalarOr =
  (check: Check): Check =>
  (at, what, value) =>
    (value instanceof Tensor ? floats('') : check)(at, what, value);
/** A learning rate: a scalar input or a number. */
export const rate: Check = scalarOr(number(0));
/** A number or a floating tensor. */
export const operand: Check = either(number(), floats());
/** A mask: booleans or scores to add, of at most four axes. */
export const mask: Check = (at, what, value) => {
  tensor(
    '...',
    'booleans or floating values',
    "to('bool')",
    (d) => d === 'bool' || d === 'float32' || d === 'float64' || d === 'float16',
  )(at, what, value);
  if ((value as Tensor).rank > 4)
    throw new BowError('shape', `${what} has at most four axes, b h n m, not ${(value as Tensor).rank}`, placeOf(at));
};

function tensor(axes: string, wanted: string, cast: string, fits: (dtype: DType) => boolean): Check {
  const names = axes.split(' ').filter((name) => name !== '');
  const least = names.filter((name) => name !== '...').length;
  return (at, what, value) => {
    if (!(value instanceof Tensor)) throw notATensor(at, `${what} must be a tensor`, value);
    const name = value.name === undefined ? '' : `; "${value.name}" is ${value.dtype}`;
    if (!fits(value.dtype))
      throw new BowError('dtype', `${what} must hold ${wanted}, got ${value.dtype}${name}`, {
        ...placeOf(at),
        hint: `cast it first: .${cast}`,
      });
    if (names.includes('...') ? value.rank >= least : value.rank === least) return;
    const detail = { shape: value.shape };
    throw new BowError('shape', `${what} must be [${axes}], got ${value.rank} axes`, { ...placeOf(at), detail });
  };
}

/** Values in memory with a floating type and the given axes. */
export const floatArray =
  (axes: string): Check =>
  (at, what, value) => {
    if (!isRecord(value) || !('dtype' in value && 'data' in value && Array.isArray(value['shape'])))
      throw badArgument(at, `${what} must be values with shape and type, as ndarray makes them`, value);
    const { dtype, shape } = value as NdArray;
    if (!dtype.includes('float')) throw new BowError('dtype', `${what} must hold floating values, got ${dtype}`);
    const rank = axes.split(' ').length;
    if (shape.length !== rank)
      throw new BowError('shape', `${what} must be [${axes}], got ${shape.length} axes`, { detail: { shape } });
  };

/** Throws `shape` unless a tensor has exactly this shape: broadcasting would pair what nobody meant. */
export function beShape(layer: string, [name, t]: readonly [string, Tensor], shape: readonly number[]): void {
  if (t.shape.join() === shape.join() && t.rank === shape.length) return;
  throw new BowError(
    'shape',
    `${layer}: ${name} must be [${shape.join(', ')}], got [${t.shape.join(', ')}]`,
    placeOf(t),
  );
}

function placeOf(at: At): { place?: string } {
  return at?.graph.place ? { place: at.graph.place } : {};
}
