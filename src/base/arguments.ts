/** Checks of arguments where TypeScript does not see them: calls from JavaScript, parsed JSON, values that are undefined in fact. Errors `usage`. */
import { BowError } from './errors.ts';
import { isRecord } from './records.ts';

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return String(value);
  if (Array.isArray(value)) return 'an array';
  return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}

/** Throws `usage` unless `ok`: `what` must be `wanted`. */
export function need(ok: boolean, what: string, wanted: string, given: unknown): void {
  if (ok) return;
  const found = typeof given === 'number' ? String(given) : kindOf(given);
  throw new BowError('usage', `${what} must be ${wanted}, not ${found}`);
}

/** A text. */
export function needText(what: string, value: unknown): void {
  need(typeof value === 'string', what, 'a string', value);
}

/** An array of texts. */
export function needTexts(what: string, value: unknown): void {
  need(Array.isArray(value), what, 'an array of strings', value);
  for (const v of value as readonly unknown[]) if (typeof v !== 'string') need(false, what, 'an array of strings', v);
}

/** A whole number within bounds. */
export function needWhole(what: string, value: unknown, low = 0, high: number = Number.MAX_SAFE_INTEGER): void {
  const ok = Number.isInteger(value) && (value as number) >= low && (value as number) <= high;
  need(ok, what, high === Number.MAX_SAFE_INTEGER ? `a whole number from ${low}` : `a whole number, ${low} to ${high}`, value); // biome-ignore format: one line
}

/** A number that is finite. */
export function needNumber(what: string, value: unknown): void {
  need(Number.isFinite(value), what, 'a finite number', value);
}

/** An object with names and values. */
export function needRecord(what: string, value: unknown): void {
  need(isRecord(value) && !ArrayBuffer.isView(value), what, 'an object', value);
}

/** A function. */
export function needFunction(what: string, value: unknown): void {
  need(typeof value === 'function', what, 'a function', value);
}

/** What can be iterated, a single text excepted, which would be read letter by letter. */
export function needIterable(what: string, value: unknown): void {
  const iterable = typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === 'function';
  need(iterable && typeof value !== 'string', what, 'an array or another iterable', value);
}

/** A list of numbers: an array or a typed array. */
export function needNumbers(what: string, value: unknown): void {
  const wanted = 'an array of numbers';
  if (ArrayBuffer.isView(value)) {
    const numbers = !(value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array);
    need(numbers, what, wanted, value);
    return;
  }
  need(Array.isArray(value), what, wanted, value);
  for (const v of value as readonly unknown[]) if (typeof v !== 'number') need(false, what, wanted, v);
}

/** A Float32Array. */
export function needFloats(what: string, value: unknown): void {
  need(value instanceof Float32Array, what, 'a Float32Array', value);
}
