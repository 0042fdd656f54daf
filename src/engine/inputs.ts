/** The inputs of a function by name: what it asks for while it is traced, and whether what is given fits. */
import { BowError, isBowError, unknownName } from '../base/index.ts';
import { describe, needOptions } from './arguments.ts';
import { type NdArray, needArray } from './dtype.ts';
import { type Meta, sameShape } from './shape.ts';

/** The inputs that a traced function gets, with an account of which it asked for. */
export type AskedInputs<V> = {
  /** What the function gets: a name that was not given is undefined. */
  readonly inputs: Record<string, V>;
  /**
   * Throws `usage` for a name that was given and never asked for. When the function stumbled (`cause`) over what is not there, a name that it
   * asked for in vain explains it. A name that is asked for, not given and not needed is an optional input. Listing the names (`{ ...inputs }`,
   * `Object.entries`) asks for all of them.
   */
  check(cause?: unknown): void;
};

/** Watches which inputs a function asks for. */
export function askedInputs<V>(given: Readonly<Record<string, V>>): AskedInputs<V> {
  const asked = new Set<string>();
  const inputs = new Proxy<Record<string, V>>(given, {
    get: (target, name) => {
      if (typeof name !== 'string') return undefined;
      asked.add(name);
      return Object.hasOwn(target, name) ? target[name] : undefined;
    },
    has: (target, name) => {
      if (typeof name === 'string' && Object.hasOwn(target, name)) asked.add(name);
      return Object.hasOwn(target, name);
    },
    ownKeys: (target) => {
      for (const name of Object.keys(target)) asked.add(name);
      return Reflect.ownKeys(target);
    },
  });
  const check: AskedInputs<V>['check'] = (cause) => {
    const names = Object.keys(given);
    const missing = [...asked].filter((name) => !Object.hasOwn(given, name));
    const unknown = names.find((name) => !asked.has(name));
    const more = { detail: { given: names, wanted: [...asked] }, ...(cause === undefined ? {} : { cause }) };
    if (unknown !== undefined && (cause === undefined || missing.length > 0))
      throw new BowError('usage', unknownName('input', unknown, missing.length > 0 ? missing : asked), more);
    if (missing.length > 0 && stumbled(cause)) {
      const list = missing.map((name) => `input "${name}"`).join(' or ');
      const why = isBowError(cause) ? `: ${cause.message}` : '';
      throw new BowError('usage', `${list} is missing${why}`, more);
    }
  };
  return { inputs, check };
}

/** True for errors that a value which is not there may explain: raw ones, and those of arguments that were undefined. */
function stumbled(cause: unknown): boolean {
  return cause !== undefined && (!isBowError(cause) || cause.detail['given'] === 'undefined');
}

/**
 * Throws `usage` for inputs that are not arrays with shape and type by name: a list, a typed array, a number; `dtype` and `shape` for arrays that do
 * not hold together.
 */
export function checkArrays(given: Readonly<Record<string, unknown>>): void {
  needOptions(undefined, 'inputs by name', given);
  for (const [name, a] of Object.entries(given)) {
    if (a === undefined)
      throw new BowError('usage', `input "${name}" is missing`, { detail: { given: Object.keys(given) } });
    const values = typeof a === 'object' && a !== null && 'dtype' in a && 'shape' in a && Array.isArray(a.shape);
    if (!values)
      throw new BowError('usage', `input "${name}" must be values with shape and type, got ${describe(a)}`, {
        hint: "make them: ndarray('float32', shape, values)",
      });
    needArray(`input "${name}"`, a);
  }
}

/** Inputs as a compiled graph takes them: throws for those that are unknown, missing, of another type or shape. */
export function checkInputs(
  given: Readonly<Record<string, NdArray>>,
  wanted: ReadonlyMap<string, Meta>,
): [name: string, array: NdArray][] {
  checkArrays(given);
  for (const name of Object.keys(given))
    if (!wanted.has(name)) throw new BowError('usage', unknownName('input', name, wanted.keys()));
  return [...wanted].map(([name, t]) => {
    const a = given[name];
    if (!a) throw new BowError('usage', `input "${name}" is missing`, { detail: { given: Object.keys(given) } });
    checkFit(name, a, t);
    return [name, a];
  });
}

function checkFit(name: string, a: NdArray, t: Meta): void {
  if (a.dtype !== t.dtype) throw new BowError('dtype', `input "${name}" is ${a.dtype}, the graph takes ${t.dtype}`);
  if (sameShape(a.shape, t.shape)) return;
  throw new BowError('shape', `input "${name}" has another shape than the graph`, {
    detail: { given: a.shape, graph: t.shape },
  });
}
