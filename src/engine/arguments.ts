/**
 * Checks of what methods and functions of tensors are called with, while the graph is built: TypeScript finds most mistakes, but not those of
 * JavaScript, of values that are undefined in fact, or of numbers that come out as NaN.
 */
import { BowError, isBowError, isRecord, unknownName } from '../base/index.ts';
import { type DType, dtypes, isFloat } from './dtype.ts';

/** What a check knows of the tensor that a method or function works on. */
export type Operand = { readonly rank: number; readonly graph: { readonly place: string } };

/** Has the value a type and a shape, as tensors and arrays have? */
export function isTyped(value: unknown): boolean {
  return isRecord(value) && typeof value['dtype'] === 'string' && Array.isArray(value['shape']);
}

/** Throws `usage` unless the value is a Map of tensors or arrays by name. */
export function needMap(what: string, value: unknown): void {
  if (!(value instanceof Map && [...value.values()].every(isTyped)))
    throw badArgument(undefined, `${what} must be a Map of tensors by name`, value);
}

/** What a value is, in words: `an array`, `NaN`, `values (float32 [2, 3])`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `the string "${value}"`;
  if (Array.isArray(value))
    return value.length > 8 || value.some(Array.isArray)
      ? `an array of ${value.length}`
      : `the array [${value.map(describe).join(', ')}]`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (isValues(value)) return `values (${value.dtype} [${value.shape.join(', ')}])`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function isValues(value: unknown): value is { readonly dtype: DType; readonly shape: readonly number[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dtype' in value &&
    'data' in value &&
    'shape' in value &&
    Array.isArray(value.shape)
  );
}

/** An error for a bad argument, with where and what was given. Its detail `given` says whether nothing was: an input may be missing. */
export function badArgument(x: Operand | undefined, what: string, given: unknown, hint?: string): BowError {
  return new BowError('usage', `${what}, got ${describe(given)}`, {
    ...(x?.graph?.place ? { place: x.graph.place } : {}),
    ...(given === undefined ? { detail: { given: 'undefined' } } : {}),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The error for an operand that should be a tensor. */
export function notATensor(x: Operand | undefined, what: string, given: unknown): BowError {
  const values = Array.isArray(given) || ArrayBuffer.isView(given) || isValues(given);
  const missing = given === undefined ? 'is an input or a variable misspelt?' : undefined;
  return badArgument(
    x,
    what,
    given,
    values ? 'make it an input of the function, or a constant: s.constant(values)' : missing,
  );
}

/** Throws `usage` unless the value is a whole number from `low` on. */
export function needWhole(x: Operand | undefined, what: string, value: unknown, low = Number.NEGATIVE_INFINITY): void {
  if (Number.isInteger(value) && (value as number) >= low) return;
  throw badArgument(x, `${what} must be a whole number${Number.isFinite(low) ? ` ≥ ${low}` : ''}`, value);
}

/** Throws `usage` unless the value is a number (infinities are numbers, NaN is not). */
export function needNumber(x: Operand | undefined, what: string, value: unknown): void {
  if (typeof value !== 'number' || Number.isNaN(value)) throw badArgument(x, `${what} must be a number`, value);
}

/** Throws `usage` unless the value is a list of whole numbers from `low` on, `length` of them where that is given. */
export function needWholes(
  x: Operand | undefined,
  what: string,
  value: unknown,
  o: { readonly low?: number; readonly length?: number } = {},
): void {
  const low = o.low ?? Number.NEGATIVE_INFINITY;
  const fits = Array.isArray(value) && value.every((n) => Number.isInteger(n) && n >= low);
  if (fits && (o.length === undefined || value.length === o.length)) return;
  const count = o.length === undefined ? 'a list of' : `a list of ${o.length}`;
  throw badArgument(x, `${what} must be ${count} whole numbers${Number.isFinite(low) ? ` ≥ ${low}` : ''}`, value);
}

/** Throws `usage` unless the value is a record of options, all of them `known` where that is given. */
export function needOptions(x: Operand | undefined, what: string, value: unknown, known?: readonly string[]): void {
  if (!isRecord(value)) throw badArgument(x, `${what}: options must be an object`, value);
  const other = known && Object.keys(value).find((name) => !known.includes(name));
  if (other === undefined) return;
  const place = x?.graph.place ? { place: x.graph.place } : {};
  throw new BowError('usage', `${what}: ${unknownName('option', other, known!)}`, {
    ...place,
    detail: { known: known! },
  });
}

/** Throws `usage` unless the value is a text that is not empty. */
export function needText(x: Operand | undefined, what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw badArgument(x, `${what} must be a text`, value);
}

/** Throws `usage` unless the value is one of a few names. */
export function needOneOf(x: Operand | undefined, what: string, value: unknown, names: readonly string[]): void {
  if (typeof value === 'string' && names.includes(value)) return;
  throw badArgument(x, `${what} must be one of ${names.join(', ')}`, value);
}

/** Throws `dtype` unless the value names an element type. */
export function needDType(x: Operand | undefined, what: string, value: unknown): void {
  if (typeof value === 'string' && dtypes.some((d) => d === value)) return;
  const place = x?.graph.place ? { place: x.graph.place } : {};
  const said =
    typeof value === 'string' ? unknownName('element type', value, dtypes) : `${describe(value)} is no element type`;
  throw new BowError('dtype', `${what}: ${said}`, { ...place, detail: { known: dtypes } });
}

/** Throws `dtype` unless a number can be a constant of the type: whole and in range for integers, 0 or 1 for booleans. */
export function needValueOf(x: Operand | undefined, what: string, dtype: DType, value: number): void {
  if (isFloat(dtype)) return;
  const fits = Number.isSafeInteger(value) && value >= lowest[dtype] && value <= highest[dtype];
  if (fits) return;
  throw new BowError('dtype', `${what}: ${value} is no ${dtype}`, {
    ...(x?.graph.place ? { place: x.graph.place } : {}),
    hint: "cast the tensor first: x.to('float32')",
  });
}

const lowest = { int64: Number.MIN_SAFE_INTEGER, int32: -(2 ** 31), uint8: 0, bool: 0 } as const;
const highest = { int64: Number.MAX_SAFE_INTEGER, int32: 2 ** 31 - 1, uint8: 255, bool: 1 } as const;

/** Calls `make`; a typed error of it gets the place where it was called, and the name of who called. */
export function placed<T>(what: string, place: string, make: () => T): T {
  try {
    return make();
  } catch (e) {
    if (!isBowError(e)) throw e;
    const hint = e.hint === undefined ? {} : { hint: e.hint };
    throw new BowError(e.code, `${what}: ${e.message}`, { ...(place ? { place } : {}), detail: e.detail, ...hint });
  }
}
