/** The one door for JSON that people and other programs wrote: whole numbers keep their digits, mistakes have a line and a column. */
import { parse } from 'lossless-json';
import { BowError, type ErrorCode } from './errors.ts';

/** A whole number of 16 digits or more where a value may stand: the only ones that a double may not hold. */
const longWhole = /(?:^|[[:,\s])-?\d{16,}(?=[\s,}\]]|$)/;

/** Options of {@link parseJson}. */
export type JsonOptions = {
  /** Code of the error. Default `data`. */
  readonly code?: ErrorCode;
  /** Line of the file that the text begins on, for files with a document a line. Default 1. */
  readonly line?: number;
};

/**
 * Reads a JSON text; a byte order mark before it is passed over. Whole numbers whose digits a number would not give back (most ids above 2⁵³) are
 * bigints, so `String(value)` is what was written; all others are numbers. Error, with `place:line:column`, for what is not JSON.
 */
export function parseJson(text: string, place: string, o: JsonOptions = {}): unknown {
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  try {
    return longWhole.test(body) ? exactly(body) : (JSON.parse(body) as unknown);
  } catch (e) {
    throw jsonError(body, place, o, e);
  }
}

/** Slower than the engine's own reader by a factor of five, so only for texts that need it. */
function exactly(text: string): unknown {
  return parse(text, undefined, {
    parseNumber: (digits) => (/^-?\d{16,}$/.test(digits) ? whole(digits) : Number(digits)),
    onDuplicateKey: ({ newValue }) => newValue, // the last one counts, as in JSON.parse
  });
}

function whole(digits: string): number | bigint {
  const n = Number(digits);
  return String(n) === digits ? n : BigInt(digits);
}

/** Engines word their errors differently, and some give no place; the careful reader always does. */
function jsonError(text: string, place: string, o: JsonOptions, cause: unknown): BowError {
  const { what, at } = complaint(text) ?? { what: (cause as Error).message, at: 0 };
  const lines = text.slice(0, at).split(/\r\n?|\n/);
  const line = (o.line ?? 1) + lines.length - 1;
  const hint = /^(?:NaN|-?Infinity)/.test(text.slice(at, at + 9))
    ? 'JSON has no NaN and no Infinity: write null'
    : what.startsWith('Expected end of input')
      ? 'several values are one a line (jq -c .), or one list (jq -s .)'
      : undefined;
  return new BowError(o.code ?? 'data', `not JSON: ${what}`, {
    place: `${place}:${line}:${lines.at(-1)!.length + 1}`,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

function complaint(text: string): { what: string; at: number } | undefined {
  try {
    parse(text, undefined, { onDuplicateKey: ({ newValue }) => newValue });
    return undefined;
  } catch (e) {
    if (e instanceof RangeError) return { what: 'nested too deeply', at: 0 };
    const [, what, at] = /^([\s\S]*) at position (\d+)$/.exec((e as Error).message) ?? [];
    return what === undefined
      ? undefined
      : { what: JSON.stringify(what).slice(1, -1).replaceAll('\\"', '"'), at: Number(at) };
  }
}
