/**
 * Character classes of Python's `re` as classes of JavaScript's `u` mode. Which characters are letters, digits or cased follows the Unicode version
 * of the JavaScript engine, as `\w` follows that of the Python at hand (3.11: 14.0, Node 20: 17.0); they differ on characters new in between.
 * DIFFERS: the `v` mode would have classes inside classes, but V8 11.3 (Node 20) overlooks matches of `(?:a[^b])+` in it.
 */
import { whiteSpace } from './unicode.ts';

/** Inclusive ranges of code points. */
type Ranges = readonly (readonly [number, number])[];

/** Flags that decide what one character matches. */
export type CharFlags = {
  readonly ignoreCase: boolean;
  /** `\w`, `\d`, `\s`, `\b` and case know ASCII only. */
  readonly ascii: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
};

/** A category: one of `d D s S w W`. */
export type Category = 'd' | 'D' | 's' | 'S' | 'w' | 'W';

/** What stands between brackets: inclusive ranges of code points, and categories. */
export type CharSet = {
  readonly negated: boolean;
  readonly ranges: Ranges;
  readonly categories: readonly Category[];
};

const unicode: Readonly<Record<string, string>> = { w: '\\p{L}\\p{N}_', d: '\\p{Nd}', s: whiteSpace };
const ascii: Readonly<Record<string, string>> = { w: 'a-zA-Z0-9_', d: '0-9', s: '\\t-\\r\\x20' };

/** A category as the source of a class, with its brackets. */
export function categorySource(c: Category, f: CharFlags): string {
  const inside = (f.ascii ? ascii : unicode)[c.toLowerCase()]!;
  return c === c.toLowerCase() ? `[${inside}]` : `[^${inside}]`;
}

function point(c: number): string {
  const plain = (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
  return plain ? String.fromCharCode(c) : `\\u{${c.toString(16)}}`;
}

const span = ([from, to]: readonly [number, number]): string =>
  from === to ? point(from) : `${point(from)}-${point(to)}`;

/** The source of a class. Under `ignoreCase` it holds every character that Python takes for one of the class. */
export function classSource(set: CharSet, f: CharFlags): string {
  const ranges = f.ignoreCase ? [...set.ranges, ...sameCase(set.ranges, f.ascii)] : set.ranges;
  const [only] = ranges;
  if (!set.negated && set.categories.length === 0 && ranges.length === 1 && only![0] === only![1]) return span(only!);
  const own = set.categories.filter((c) => c === c.toLowerCase());
  const others = set.categories.filter((c) => c !== c.toLowerCase()).flatMap((c) => complement(categoryRanges(c, f)));
  const inside = [...ranges, ...others].map(span).join('') + own.map((c) => (f.ascii ? ascii : unicode)[c]!).join('');
  return `[${set.negated ? '^' : ''}${inside}]`;
}

const known = new Map<string, Ranges>();

/** The characters of a category, or of the one that it negates, written out. */
function categoryRanges(c: Category, f: CharFlags): Ranges {
  const inside = (f.ascii ? ascii : unicode)[c.toLowerCase()]!;
  const found = known.get(inside) ?? rangesOf(new RegExp(`[${inside}]+`, 'gu'));
  known.set(inside, found);
  return found;
}

/** All code points, in pieces; letters, numbers and white space end in plane 3. */
function* blocks(end: number): Generator<string> {
  for (let from = 0; from < end; from += 0x800) {
    if (from !== 0xd800) yield String.fromCodePoint(...Array.from({ length: 0x800 }, (_, i) => from + i));
  }
}

/** All code points that an expression for runs of one class matches. */
function rangesOf(runs: RegExp): Ranges {
  const ranges: [number, number][] = [];
  for (const block of blocks(0x40000))
    for (const m of block.matchAll(runs)) {
      const first = m[0].codePointAt(0)!;
      const last = first + (first > 0xffff ? m[0].length / 2 : m[0].length) - 1;
      const before = ranges.at(-1);
      if (before && before[1] === first - 1) before[1] = last;
      else ranges.push([first, last]);
    }
  return ranges;
}

/** Every other code point. */
function complement(ranges: Ranges): Ranges {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [from, to] of ranges) {
    if (from > next) gaps.push([next, from - 1]);
    next = to + 1;
  }
  if (next < 0x110000) gaps.push([next, 0x10ffff]);
  return gaps;
}

/** Characters beside those of the ranges that equal one of them when case is ignored. */
function sameCase(ranges: Ranges, asciiOnly: boolean): [number, number][] {
  const { lower, alike, raised } = asciiOnly ? asciiCase : unicodeCase();
  const wanted = new Set<number>();
  for (const c of lower.keys()) {
    if (!ranges.some(([from, to]) => c >= from && c <= to)) continue;
    for (const l of alike.get(lower.get(c)!) ?? [lower.get(c)!]) wanted.add(l);
  }
  return [...wanted]
    .flatMap((l) => raised.get(l)!)
    .sort((a, b) => a - b)
    .map((c) => [c, c]);
}

/** Case as Python's `re` knows it: every cased character with its lower case, lower cases that are alike, and what has a given lower case. */
type Case = {
  readonly lower: ReadonlyMap<number, number>;
  readonly alike: ReadonlyMap<number, readonly number[]>;
  readonly raised: ReadonlyMap<number, readonly number[]>;
};

const asciiCase: Case = readCase(Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'));
let read: Case | undefined;

function unicodeCase(): Case {
  // Unicode has no cased letters above plane 1
  read ??= readCase([...blocks(0x20000)].flatMap((block) => block.match(cased) ?? []));
  return read;
}

const cased = /[\p{Changes_When_Lowercased}\p{Changes_When_Uppercased}]/gu;

/**
 * `re/_compiler.py`: a character stands for its simple lower case; lower cases with one upper case are alike (`_casefix.py`: i and ı, s and ſ,
 * σ and ς, …). İ has the simple lower case i, the first character of its full one.
 */
function readCase(characters: readonly string[]): Case {
  const lower = new Map<number, number>();
  const byUpper = new Map<string, Set<number>>();
  const raised = new Map<number, number[]>();
  for (const text of characters) {
    const [c, low, high] = [text.codePointAt(0)!, text.toLowerCase(), text.toUpperCase()];
    const l = low.codePointAt(0)!;
    lower.set(c, l);
    raised.set(l, [...(raised.get(l) ?? []), c]);
    if (low.length === text.length) byUpper.set(high, (byUpper.get(high) ?? new Set()).add(l));
  }
  const alike = new Map<number, number[]>();
  for (const group of byUpper.values()) if (group.size > 1) for (const l of group) alike.set(l, [...group]);
  return { lower, alike, raised };
}
