/**
 * The syntax of Python's regular expressions (3.11 to 3.13; `re/_parser.py` is what it follows) as a tree whose leaves are JavaScript already.
 * What Python refuses is refused here; what has no JavaScript of the same meaning is refused by name.
 * Longer than the house limit: one grammar.
 */
import { BowError } from '../base/index.ts';
import { type Category, type CharFlags, type CharSet, categorySource, classSource } from './python-classes.ts';

/** A piece of a pattern. Widths are in code points. */
export type Piece =
  | { readonly kind: 'leaf'; readonly source: string; readonly width: 0 | 1 }
  | { readonly kind: 'sequence' | 'either'; readonly parts: readonly Piece[] }
  | {
      readonly kind: 'repeat';
      readonly part: Piece;
      readonly min: number;
      readonly max: number;
      readonly mode: 'greedy' | 'lazy' | 'possessive';
    }
  | { readonly kind: 'group'; readonly part: Piece; readonly index: number; readonly at: number }
  | { readonly kind: 'plain' | 'atomic'; readonly part: Piece }
  | {
      readonly kind: 'look';
      readonly part: Piece;
      readonly behind: boolean;
      readonly negative: boolean;
      readonly at: number;
    }
  | { readonly kind: 'reference'; readonly index: number; readonly at: number };

/** A refusal with the position, so that a long pattern need not be searched. */
export function refuse(pattern: string, at: number, what: string, hint?: string): never {
  throw new BowError('config', `token pattern: ${what}`, {
    place: `tokenPattern, character ${at + 1}`,
    detail: { pattern },
    ...(hint ? { hint } : {}),
  });
}

const deepest = 200; // groups inside each other: a limit keeps hostile patterns from the stack
const most = 2 ** 32 - 1; // Python's MAXREPEAT
const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 };
const isCategory = (c: string | undefined): c is Category => c !== undefined && 'dDsSwW'.includes(c) && c.length === 1;
const point = (c: number): CharSet => ({ negated: false, ranges: [[c, c]], categories: [] });

/** Reads a pattern. Error `config` with the place of what cannot be read. */
export function parsePython(pattern: string): { readonly tree: Piece; readonly groups: number } {
  const reader = new Reader(pattern);
  return { tree: reader.all(), groups: reader.groups };
}

type Flags = CharFlags & { readonly verbose: boolean };
type Named = Partial<Record<'ignoreCase' | 'ascii' | 'multiline' | 'dotAll' | 'verbose', boolean>>;
const flagNames = { i: 'ignoreCase', a: 'ascii', u: 'ascii', m: 'multiline', s: 'dotAll', x: 'verbose' } as const;

class Reader {
  readonly #pattern: string;
  readonly #points: readonly string[];
  #at = 0;
  #flags: Flags = { ignoreCase: false, ascii: false, multiline: false, dotAll: false, verbose: false };
  #depth = 0;
  #behind = 0;
  #firstBehind = 0;
  groups = 0;
  readonly #names = new Map<string, number>();
  readonly #closed = new Set<number>();

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#points = Array.from(pattern);
  }

  #refuse(what: string, at = this.#at, hint?: string): never {
    return refuse(this.#pattern, at, what, hint);
  }

  get #next(): string | undefined {
    return this.#points[this.#at];
  }

  #take(c: string): boolean {
    if (this.#next !== c) return false;
    this.#at++;
    return true;
  }

  #while(test: RegExp, limit: number): string {
    let s = '';
    while (s.length < limit && this.#next !== undefined && test.test(this.#next)) s += this.#points[this.#at++];
    return s;
  }

  all(): Piece {
    this.#globalFlags();
    const tree = this.#either();
    if (this.#next !== undefined) this.#refuse('a ) without its (');
    return tree;
  }

  /** `(?i)` and its like, which stand only here; comments may stand between them. */
  #globalFlags(): void {
    let ascii: boolean | undefined;
    for (;;) {
      this.#skip();
      const m = /^\(\?(?!P)([a-zA-Z]+)\)/.exec(this.#points.slice(this.#at, this.#at + 60).join(''));
      if (m) {
        const named = this.#named(m[1]!, this.#at + 2);
        if (named.ascii !== undefined && ascii !== undefined && named.ascii !== ascii)
          this.#refuse('the flags a and u exclude each other');
        ascii ??= named.ascii;
        this.#flags = { ...this.#flags, ...named };
        this.#at += m[0].length;
      } else if (this.#points.slice(this.#at, this.#at + 3).join('') === '(?#') this.#comment();
      else return;
    }
  }

  #named(letters: string, at: number): Named {
    const named: Named = {};
    Array.from(letters).forEach((c, i) => {
      if (c === 'L') this.#refuse('the flag L belongs to patterns of bytes', at + i);
      if (c === 't') this.#refuse('the flag t is not read', at + i);
      if (!Object.hasOwn(flagNames, c)) this.#refuse(`unknown flag ${c}`, at + i);
      if ('au'.includes(c) && named.ascii !== undefined && named.ascii !== (c === 'a'))
        this.#refuse('the flags a and u exclude each other', at + i);
      named[flagNames[c as keyof typeof flagNames]] = c !== 'u';
    });
    return named;
  }

  #comment(): void {
    const start = this.#at;
    const end = this.#points.indexOf(')', start);
    if (end < 0) this.#refuse('a comment (?#… without its )', start);
    this.#at = end + 1;
  }

  /** What `(?x)` passes over. */
  #skip(): void {
    if (!this.#flags.verbose) return;
    for (;;) {
      const c = this.#next;
      if (c !== undefined && ' \t\n\r\v\f'.includes(c)) this.#at++;
      else if (c === '#') while (this.#next !== undefined && this.#points[this.#at++] !== '\n');
      else return;
    }
  }

  #either(): Piece {
    if (++this.#depth > deepest) this.#refuse(`more than ${deepest} groups inside each other`);
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    this.#depth--;
    return parts.length === 1 ? parts[0]! : { kind: 'either', parts };
  }

  #sequence(): Piece {
    const parts: Piece[] = [];
    let repeatable: 'yes' | 'no' | 'repeated' = 'no';
    for (;;) {
      this.#skip();
      const c = this.#next;
      if (c === undefined || c === '|' || c === ')') return { kind: 'sequence', parts };
      const start = this.#at;
      const times = '*+?{'.includes(c) ? this.#times() : undefined;
      if (times) {
        if (repeatable === 'no') this.#refuse('nothing to repeat', start);
        if (repeatable === 'repeated') this.#refuse('a repetition of a repetition', start);
        parts.push({ kind: 'repeat', part: parts.pop()!, ...times, mode: this.#mode() });
        repeatable = 'repeated';
        continue;
      }
      const piece = this.#piece();
      if (!piece) continue; // a comment
      parts.push(piece.piece);
      repeatable = piece.assertion ? 'no' : 'yes';
    }
  }

  /** `* + ? {m,n}`; undefined for a { that means itself. */
  #times(): { min: number; max: number } | undefined {
    const start = this.#at;
    const c = this.#points[this.#at++]!;
    if (c !== '{') return { min: c === '+' ? 1 : 0, max: c === '?' ? 1 : Infinity };
    const [low, comma] = [this.#while(/[0-9]/, Infinity), this.#take(',')];
    const high = comma ? this.#while(/[0-9]/, Infinity) : low;
    if (!this.#take('}') || (low === '' && !comma)) {
      this.#at = start;
      return undefined;
    }
    const [min, max] = [low === '' ? 0 : Number(low), high === '' ? Infinity : Number(high)];
    if (min >= most || (high !== '' && max >= most)) this.#refuse('the repetition number is too large', start);
    if (max < min) this.#refuse('a repetition whose least is above its most', start);
    return { min, max };
  }

  #mode(): 'greedy' | 'lazy' | 'possessive' {
    return this.#take('?') ? 'lazy' : this.#take('+') ? 'possessive' : 'greedy';
  }

  /** One piece; undefined for a comment. `assertion`: one that Python does not repeat. */
  #piece(): { piece: Piece; assertion?: boolean } | undefined {
    const c = this.#points[this.#at]!;
    if (c === '(') return this.#group();
    this.#at++;
    const f = this.#flags;
    if (c === '[') return { piece: this.#set() };
    if (c === '.') return { piece: leaf(f.dotAll ? '[^]' : '[^\\n]') };
    if (c === '^') return { piece: edge(f.multiline ? '(?<![^\\n])' : '^'), assertion: true };
    if (c === '$') return { piece: edge(f.multiline ? '(?![^\\n])' : '(?=\\n?$)'), assertion: true };
    if (c !== '\\') return { piece: leaf(classSource(point(c.codePointAt(0)!), f)) };
    return this.#escape();
  }

  #escape(): { piece: Piece; assertion?: boolean } {
    const start = this.#at - 1;
    const c = this.#points[this.#at] ?? this.#refuse('ends in a backslash', start);
    const f = this.#flags;
    if (c === 'A' || c === 'Z') {
      this.#at++;
      return { piece: edge(c === 'A' ? '^' : '$'), assertion: true };
    }
    if (c === 'b' || c === 'B') {
      this.#at++;
      const w = categorySource('w', f);
      const border = `(?<=${w})(?!${w})|(?<!${w})(?=${w})`;
      const inside = `(?!^$)(?:(?<=${w})(?=${w})|(?<!${w})(?!${w}))`; // Python: \B is nowhere in an empty text
      return { piece: edge(`(?:${c === 'b' ? border : inside})`), assertion: true };
    }
    if (isCategory(c)) {
      this.#at++;
      return { piece: leaf(categorySource(c, f)) };
    }
    if (/[1-9]/.test(c)) {
      const reference = this.#numbered(start);
      if (reference) return { piece: reference };
    }
    return { piece: leaf(classSource(point(this.#character(start)), f)) };
  }

  /** `\1` to `\99`; undefined where three octal digits make a character. */
  #numbered(start: number): Piece | undefined {
    const digits = this.#points.slice(this.#at, this.#at + 3).join('');
    if (/^[0-7]{3}/.test(digits)) return undefined;
    const number = /^[0-9]{1,2}/.exec(digits)![0];
    this.#at += number.length;
    return this.#reference(Number(number), start);
  }

  #reference(index: number, at: number): Piece {
    if (index > this.groups) this.#refuse(`there is no group ${index} before this reference`, at);
    if (!this.#closed.has(index)) this.#refuse('a reference to a group inside this group', at);
    if (this.#behind > 0 && index > this.#firstBehind)
      this.#refuse('a reference to a group of the same look-behind', at);
    if (this.#flags.ignoreCase)
      this.#refuse('a reference to a group under the flag i is not read', at, 'give a RegExp or a tokenizer instead');
    return { kind: 'reference', index, at };
  }

  /** The character of an escape, in a set or outside, where it is none of the special ones. */
  #character(start: number): number {
    const c = this.#points[this.#at++] ?? this.#refuse('ends in a backslash', start);
    const digits = { x: 2, u: 4, U: 8 }[c];
    if (digits) {
      const hex = this.#while(/[0-9a-fA-F]/, digits);
      if (hex.length < digits) this.#refuse(`\\${c}${hex} needs ${digits} hexadecimal digits`, start);
      const value = Number.parseInt(hex, 16);
      if (value > 0x10ffff) this.#refuse(`\\${c}${hex} is no character`, start);
      return value;
    }
    if (c === 'N')
      this.#refuse('a character by its name, \\N{…}, is not read', start, 'write \\uXXXX or the character itself');
    if (/[0-7]/.test(c)) {
      const octal = c + this.#while(/[0-7]/, 2);
      const value = Number.parseInt(octal, 8);
      if (value > 0o377) this.#refuse(`the octal \\${octal} is above \\377`, start);
      return value;
    }
    if (Object.hasOwn(escapes, c)) return escapes[c]!;
    if (/[A-Za-z0-9]/.test(c)) this.#refuse(`bad escape \\${c}`, start);
    return c.codePointAt(0)!;
  }

  #set(): Piece {
    const start = this.#at - 1;
    const negated = this.#take('^');
    const ranges: [number, number][] = [];
    const categories: Category[] = [];
    for (let first = true; first || this.#next !== ']'; first = false) {
      const from = this.#member(start);
      const at = this.#at;
      if (typeof from === 'number' && this.#next === '-' && this.#points[at + 1] !== ']') {
        this.#at++;
        const to = this.#member(start);
        if (typeof to !== 'number') this.#refuse('a range that ends in a category', at);
        if (to < from) this.#refuse('a range whose end is before its beginning', at);
        ranges.push([from, to]);
      } else if (typeof from === 'number') ranges.push([from, from]);
      else {
        categories.push(from);
        if (this.#next === '-' && this.#points[at + 1] !== ']') this.#refuse('a range that begins with a category', at);
      }
    }
    this.#at++;
    return leaf(classSource({ negated, ranges, categories }, this.#flags));
  }

  #member(start: number): number | Category {
    const at = this.#at;
    const c = this.#points[this.#at++] ?? this.#refuse('a set without its ]', start);
    if (c !== '\\') return c.codePointAt(0)!;
    const next = this.#next;
    if (!isCategory(next)) return this.#character(at);
    this.#at++;
    return next;
  }

  #group(): { piece: Piece } | undefined {
    const start = this.#at++;
    const outer = this.#flags;
    const kind = this.#take('?') ? this.#extension(start) : { group: this.#open() };
    if (!kind || 'piece' in kind) return kind;
    if ('behind' in kind && kind.behind && this.#behind++ === 0) this.#firstBehind = this.groups;
    const part = this.#either();
    if (!this.#take(')')) this.#refuse('a ( without its )', start);
    this.#flags = outer;
    if ('behind' in kind) {
      if (kind.behind) this.#behind--;
      return { piece: { kind: 'look', part, ...kind, at: start } };
    }
    if (!('group' in kind)) return { piece: { kind: kind.atomic ? 'atomic' : 'plain', part } };
    this.#closed.add(kind.group);
    return { piece: { kind: 'group', part, index: kind.group, at: start } };
  }

  #open(name?: string): number {
    const index = ++this.groups;
    if (name !== undefined) this.#names.set(name, index);
    return index;
  }

  #extension(
    start: number,
  ): { group: number } | { atomic: boolean } | { behind: boolean; negative: boolean } | { piece: Piece } | undefined {
    const at = this.#at;
    const c = this.#points[this.#at++] ?? this.#refuse('the pattern ends after (?', start);
    if (c === 'P') return this.#python(start);
    if (c === ':' || c === '>') return { atomic: c === '>' };
    if (c === '=' || c === '!') return { behind: false, negative: c === '!' };
    if (c === '<') {
      const sign = this.#points[this.#at++];
      if (sign === '=' || sign === '!') return { behind: true, negative: sign === '!' };
      this.#refuse(`unknown extension (?<${sign ?? ''}`, start, 'Python names a group by (?P<name>…)');
    }
    if (c === '#') {
      this.#at = start;
      this.#comment();
      return undefined;
    }
    if (c === '(')
      this.#refuse('a conditional group (?(…)…) is not read', start, 'give a RegExp or a tokenizer instead');
    this.#at = at;
    return this.#scopedFlags(start);
  }

  /** `(?P<name>…)` and `(?P=name)`. */
  #python(start: number): { group: number } | { piece: Piece } {
    const c = this.#points[this.#at++];
    if (c !== '<' && c !== '=') this.#refuse(`unknown extension (?P${c ?? ''}`, start);
    const end = this.#points.indexOf(c === '<' ? '>' : ')', this.#at);
    if (end < 0) this.#refuse('the name of a group does not end', start);
    const name = this.#points.slice(this.#at, end).join('');
    if (!/^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(name)) this.#refuse(`"${name}" is no name for a group`, this.#at);
    this.#at = end + 1;
    const known = this.#names.get(name);
    if (c === '<') {
      if (known !== undefined) this.#refuse(`two groups of the name ${name}`, start);
      return { group: this.#open(name) };
    }
    if (known === undefined) this.#refuse(`there is no group ${name} before this reference`, start);
    return { piece: this.#reference(known, start) };
  }

  /** `(?i:…)`, `(?-i:…)`, `(?a-i:…)`. */
  #scopedFlags(start: number): { atomic: false } {
    const at = this.#at;
    const m = /^([a-zA-Z]*)(-?)([a-zA-Z]*)([:)]?)/.exec(this.#points.slice(at, at + 60).join(''))!;
    const [all, on = '', minus, off = '', end] = m;
    if (all === '' || (on === '' && minus === '')) this.#refuse(`unknown extension (?${this.#next ?? ''}`, start);
    const [set, unset] = [this.#named(on, at), this.#named(off, at + on.length + 1)];
    if (end === ')' && minus === '') this.#refuse('flags for all of the pattern stand at its beginning', start);
    if (end !== ':' || (minus !== '' && off === '')) this.#refuse('flags without their :', start);
    if (unset.ascii !== undefined) this.#refuse('the flags a and u cannot be turned off', start);
    if (Object.keys(set).some((k) => k in unset)) this.#refuse('a flag turned on and off', start);
    this.#at += all.length;
    const turnedOff = Object.fromEntries(Object.keys(unset).map((k) => [k, false]));
    this.#flags = { ...this.#flags, ...set, ...turnedOff };
    return { atomic: false };
  }
}

const leaf = (source: string): Piece => ({ kind: 'leaf', source, width: 1 });
const edge = (source: string): Piece => ({ kind: 'leaf', source, width: 0 });
