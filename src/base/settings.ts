/** Settings in files that other programs wrote: every key is obeyed, known to change nothing here, or refused by its name. */
import { BowError, nearest } from './errors.ts';

/** The value as a message shows it. */
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

/**
 * Throws `checkpoint` for a setting that cannot be obeyed: `key` is its path in the file, `place` the file. `known`: what could be obeyed; `hint`: the
 * cure, where it is another than to change the value.
 */
export function refuseSetting(
  key: string,
  value: unknown,
  o: { readonly place: string; readonly known?: string; readonly hint?: string },
): never {
  const hint = o.hint ?? (o.known === undefined ? undefined : `known: ${o.known}`);
  throw new BowError('checkpoint', `${key} ${shown(value)} cannot be obeyed`, {
    place: o.place,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Throws `checkpoint` for the first key that is not `known`; null says nothing and may stand anywhere. `path`: that of the object in its file. */
export function checkSettings(
  j: Readonly<Record<string, unknown>>,
  known: Iterable<string>,
  o: { readonly place: string; readonly path?: string },
): void {
  const names = new Set(known);
  const unknown = Object.keys(j).find((key) => !names.has(key) && j[key] !== null);
  if (unknown === undefined) return;
  const near = nearest(unknown, names);
  const path = o.path === undefined || o.path === '' ? unknown : `${o.path}.${unknown}`;
  const guess = near === undefined ? '' : ` (did you mean "${near}"?)`;
  throw new BowError('checkpoint', `unknown setting ${path} ${shown(j[unknown])}${guess}`, {
    place: o.place,
    hint: 'a setting that nobody obeys may change the result: remove the key if it does not',
  });
}

/** Errors of `make` that have no place yet get this one: that of the file that they are about. */
export function placed<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (e) {
    if (!(e instanceof BowError) || e.place !== undefined) throw e;
    throw new BowError(e.code, e.message, { place, cause: e });
  }
}
