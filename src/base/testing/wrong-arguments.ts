/** Calls a function with every argument replaced by what nobody means: each must end in a typed error. */
import { isBowError } from '../index.ts';

/** What nobody means, by name. */
const nonsense: Readonly<Record<string, unknown>> = {
  null: null,
  undefined,
  NaN: Number.NaN,
  'a fraction': 0.5,
  'a negative number': -1,
  'a string': 'zz',
  true: true,
  'a bigint': 3n,
  'an array of null': [null],
  'an array of arrays': [[]],
  'an array of objects': [{}],
  'an object': { zz: 1 },
  'a date': new Date(0),
  'a function': () => null,
  'a symbol': Symbol('zz'),
  'a DataView': new DataView(new ArrayBuffer(8)),
  'bigints in a typed array': new BigInt64Array(2),
};

/** A call that is right, and by argument the nonsense that means something there ('all': the argument is not replaced). */
export type Call = {
  readonly call: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  readonly fine?: readonly (readonly string[] | 'all')[];
};

/** What came of the wrong calls instead of typed errors; a call as it should be that fails is reported too. */
export async function notRefused(name: string, { call, args, fine = [] }: Call): Promise<string[]> {
  const attempt = async (given: readonly unknown[]): Promise<unknown> => {
    try {
      await Reflect.apply(call, undefined, given);
      return undefined;
    } catch (e) {
      return e ?? 'an error that is nothing';
    }
  };
  const right = await attempt(args);
  const found = right === undefined ? [] : [`${name} as it should be called: ${right}`];
  for (const at of args.keys()) {
    const means = fine[at] ?? [];
    if (means === 'all') continue;
    for (const [what, value] of Object.entries(nonsense)) {
      if (means.includes(what)) continue;
      const e = await attempt(args.map((a, i) => (i === at ? value : a)));
      if (!isBowError(e)) found.push(`${name}, argument ${at} ${what}: ${e === undefined ? 'no error' : String(e)}`);
    }
  }
  return found;
}
