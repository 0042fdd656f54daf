/**
 * A strict JSON reader over a text, driven by the caller: it meets every key (so duplicates cannot hide, as they do behind `JSON.parse`),
 * tells integers from floats, and knows the offset of whatever is wrong. Made for headers from untrusted files.
 */
import { BowError } from '../base/index.ts';

/** Nesting that unknown values may have; the limit of serde_json, which the reference reader is built on. */
const maxDepth = 128;

/** Reads one JSON text from front to back. */
export type JsonReader = {
  /** Reads an object, calling `onMember` once per key with the reader before the value. A key that comes twice is an error. */
  readonly object: (onMember: (key: string) => void) => void;
  readonly string: () => string;
  /** Reads `[1, 2, 3]`: integers without sign, fraction or exponent, below 2⁵³. */
  readonly naturals: () => number[];
  /** Passes over any value, checking its syntax. */
  readonly skip: () => void;
  /** Nothing but white space may follow. */
  readonly end: () => void;
};

/** A reader at the start of `text`. `place` names the file in errors, which are of code `checkpoint`. */
export function jsonReader(text: string, place: string): JsonReader {
  let at = 0;
  const fail = (what: string): never => {
    throw new BowError('checkpoint', `header is not valid: ${what}`, { place, detail: { character: at } });
  };
  const peek = (): string => {
    while (at < text.length && ' \n\r\t'.includes(text[at]!)) at++;
    return text[at] ?? 'end of header';
  };
  const expect = (c: string): void => {
    if (peek() !== c) fail(`expected ${c}, found ${JSON.stringify(peek())}`);
    at++;
  };
  /** Takes what the sticky pattern matches here. */
  const token = (pattern: RegExp, what: string): string => {
    peek();
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? fail(`expected ${what}, found ${JSON.stringify(text.slice(at, at + 12))}`);
    at += found.length;
    return found;
  };
  const string = (): string => {
    expect('"');
    const start = at - 1;
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at++;
    try {
      return JSON.parse(text.slice(start, at)) as string; // escapes and control characters by the engine's own rules
    } catch {
      at = start;
      return fail('a string is broken');
    }
  };
  const list = (close: string, item: () => void): void => {
    at++;
    if (peek() !== close) {
      for (item(); peek() === ','; item()) at++;
    }
    expect(close);
  };
  const object = (onMember: (key: string) => void): void => {
    if (peek() !== '{') fail(`expected an object, found ${JSON.stringify(peek())}`);
    const seen = new Set<string>();
    list('}', () => {
      const key = string();
      if (seen.has(key)) fail(`the name ${JSON.stringify(key.slice(0, 100))} occurs twice`);
      seen.add(key);
      expect(':');
      onMember(key);
    });
  };
  const natural = (): number => {
    const n = Number(token(/(?:0|[1-9][0-9]*)(?![0-9.eE])/y, 'a natural number'));
    return Number.isSafeInteger(n) ? n : fail(`${n} is beyond 2^53`);
  };
  const naturals = (): number[] => {
    const out: number[] = [];
    if (peek() !== '[') fail(`expected a list of numbers, found ${JSON.stringify(peek())}`);
    list(']', () => out.push(natural()));
    return out;
  };
  const skip = (depth = 0): void => {
    if (depth > maxDepth) fail(`nested deeper than ${maxDepth}`);
    const c = peek();
    if (c === '"') string();
    else if (c === '{') object(() => skip(depth + 1));
    else if (c === '[') list(']', () => skip(depth + 1));
    else token(/true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y, 'a value');
  };
  const end = (): void => {
    if (peek() !== 'end of header') fail(`unexpected ${JSON.stringify(text.slice(at, at + 12))} after the end`);
  };
  return { object, string, naturals, skip, end };
}
