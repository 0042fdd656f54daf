/**
 * Errors that a person can act on. Every error that leaves a public function is a `BowError`: a code from a closed union, the place where it
 * happened, what was expected and found, and one hint when it is certain.
 */

/** What kind of thing went wrong; decides the exit code of the command line. */
export type ErrorCode =
  | 'shape'
  | 'dtype'
  | 'config'
  | 'checkpoint'
  | 'download'
  | 'backend'
  | 'data'
  | 'usage'
  | 'not-finite'
  | 'aborted';

/** Values that make an error's text concrete; printed one per line and given as they are under `--json`. */
export type ErrorDetail = Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>;

const marker: unique symbol = Symbol.for('bow2bot.error') as never;

/** The only error class of the project. Recognise it with {@link isBowError}, which works across copies of the package. */
export class BowError extends Error {
  readonly code: ErrorCode;
  /** Where: a scope path, a file with an offset, a key of a configuration. */
  readonly place: string | undefined;
  readonly detail: ErrorDetail;
  /** What to do; absent when no single remedy is certain. */
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    what: string,
    o: { place?: string; detail?: ErrorDetail; hint?: string; cause?: unknown } = {},
  ) {
    super(o.place ? `${what} (at ${o.place})` : what, o.cause === undefined ? undefined : { cause: o.cause });
    this.name = 'BowError';
    this.code = code;
    this.place = o.place;
    this.detail = o.detail ?? {};
    this.hint = o.hint;
    Object.defineProperty(this, marker, { value: true });
  }

  /** The text a person sees: first line what and where, then the details, then the hint. */
  format(): string {
    const rows = Object.entries(this.detail).map(([k, v]) => [k, Array.isArray(v) ? `[${v.join(', ')}]` : String(v)]);
    if (this.hint) rows.push(['hint', this.hint]);
    const width = Math.max(0, ...rows.map(([k]) => k!.length));
    return [`BowError[${this.code}]: ${this.message}`, ...rows.map(([k, v]) => `  ${k!.padEnd(width)}  ${v}`)].join(
      '\n',
    );
  }

  /** The same as data, for `--json` and HTTP. */
  toJSON(): Record<string, unknown> {
    return { code: this.code, message: this.message, place: this.place, detail: this.detail, hint: this.hint };
  }
}

/** True for a `BowError` of any copy of this package. */
export function isBowError(e: unknown): e is BowError {
  return typeof e === 'object' && e !== null && (e as Record<symbol, unknown>)[marker] === true;
}

/** Exit code of the command line for an error: 1 failed · 2 usage · 3 data or configuration · 4 downloads: not found, or offline · 5 back end · 130 stopped. */
export function exitCode(e: unknown): number {
  if (!isBowError(e)) return 1;
  const codes: Record<ErrorCode, number> = {
    usage: 2,
    config: 3,
    data: 3,
    checkpoint: 3,
    shape: 3,
    dtype: 3,
    download: 4,
    backend: 5,
    'not-finite': 1,
    aborted: 130,
  };
  return codes[e.code];
}

/** The known name closest to `name` by edit distance, or undefined when none is near (more than a third of the letters differ, at least 2). */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const k of known) {
    const d = editDistance(name.toLowerCase(), k.toLowerCase());
    if (d < bestDistance) [best, bestDistance] = [k, d];
  }
  return best;
}

/** Levenshtein distance in characters. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

/** `unknown key "tempature" (did you mean "temperature"?)` */
export function unknownName(kind: string, name: string, known: Iterable<string>): string {
  const guess = nearest(name, known);
  return `unknown ${kind} "${name}"${guess ? ` (did you mean "${guess}"?)` : ''}`;
}

/** Stops with a typed error when the signal is aborted; call it between units of long work. */
export function throwIfAborted(signal: AbortSignal | undefined, place?: string): void {
  if (signal?.aborted) throw new BowError('aborted', 'stopped on request', place === undefined ? {} : { place });
}
