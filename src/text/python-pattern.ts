/**
 * Token patterns: a JavaScript `RegExp`, or a pattern of Python's `re` as a string, with the matches that `findall` has.
 * DIFFERS from CPython 3.11 to 3.13 in two faults of theirs: under `(?i)` a set with a capital letter beyond the basic plane (𐐀) does not match it
 * there, and a pattern that begins with `(?a:\W)` or its like is searched with Unicode's class instead.
 */
import { BowError, isBowError } from '../base/index.ts';
import { type Piece, parsePython, refuse } from './python-syntax.ts';

/** Least and most code points that a piece matches. */
type Width = readonly [number, number];

/** Widths of every piece of a tree; those of groups also by their number. */
class Widths {
  readonly #known = new Map<Piece | number, Width>();

  constructor(tree: Piece) {
    this.of(tree);
  }

  of(p: Piece): Width {
    const known = this.#known.get(p);
    if (known) return known;
    const w = this.#measure(p);
    this.#known.set(p, w);
    if (p.kind === 'group') this.#known.set(p.index, w);
    return w;
  }

  #measure(p: Piece): Width {
    switch (p.kind) {
      case 'leaf':
        return [p.width, p.width];
      case 'sequence':
        return p.parts.map((q) => this.of(q)).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
      case 'either':
        return p.parts
          .map((q) => this.of(q))
          .reduce(([a, b], [c, d]) => [Math.min(a, c), Math.max(b, d)], [Infinity, 0]);
      case 'repeat': {
        const [low, high] = this.of(p.part);
        return [low * p.min, high === 0 || p.max === 0 ? 0 : high * p.max];
      }
      case 'look':
        this.of(p.part); // for the groups inside
        return [0, 0];
      case 'reference':
        return this.#known.get(p.index)!;
      default:
        return this.of(p.part);
    }
  }
}

/** How what a piece can match is ordered: `never` empty, `only` empty, `last` where empty is tried after all else, or `early`. */
type Empty = 'never' | 'only' | 'last' | 'early';

/** Places of the pattern that decide whether JavaScript means the same. */
class Analysis {
  readonly #pattern: string;
  readonly #widths: Widths;

  /** Can the whole pattern match nothing? */
  readonly empty: boolean;

  constructor(pattern: string, tree: Piece) {
    this.#pattern = pattern;
    this.#widths = new Widths(tree);
    this.empty = this.#widths.of(tree)[0] === 0;
    this.#check(tree, new Set(), false);
    if (this.#empty(tree) === 'early')
      this.#refuse(0, 'it matches nothing before it tries to match something, which is not read');
  }

  #refuse(at: number, what: string): never {
    return refuse(this.#pattern, at, what, 'give a RegExp or a tokenizer instead');
  }

  #empty(p: Piece): Empty {
    const [low, high] = this.#widths.of(p);
    if (low > 0) return 'never';
    if (high === 0) return 'only';
    switch (p.kind) {
      case 'either':
        return p.parts.some((q, i) => {
          const e = this.#empty(q);
          return e === 'early' || (e !== 'never' && p.parts.slice(i + 1).some((r) => this.#widths.of(r)[1] > 0));
        })
          ? 'early'
          : 'last';
      case 'sequence':
        return p.parts.some((q) => this.#empty(q) === 'early') ? 'early' : 'last';
      case 'repeat':
        return p.mode === 'lazy' || this.#empty(p.part) === 'early' ? 'early' : 'last';
      case 'group':
      case 'plain':
      case 'atomic':
        return this.#empty(p.part);
      default:
        return 'early'; // a reference to a group that may be empty
    }
  }

  /** Refuses what differs; adds to `set` the groups that have certainly matched after `p`. `behind`: inside a look-behind. */
  #check(p: Piece, set: Set<number>, behind: boolean): void {
    switch (p.kind) {
      case 'leaf':
        return;
      case 'sequence':
        for (const q of p.parts) this.#check(q, set, behind);
        return;
      case 'either': {
        const each = p.parts.map((q) => {
          const own = new Set(set);
          this.#check(q, own, behind);
          return own;
        });
        for (const g of each[0]!) if (each.every((own) => own.has(g))) set.add(g);
        return;
      }
      case 'repeat':
        this.#checkRepeat(p, set, behind);
        return;
      case 'look': {
        const [low, high] = this.#widths.of(p.part);
        if (p.behind && low !== high) refuse(this.#pattern, p.at, 'a look-behind needs a fixed width');
        this.#check(p.part, p.negative ? new Set(set) : set, p.behind);
        return;
      }
      case 'reference':
        // Python: no match where the group has none; JavaScript: the empty text
        if (!set.has(p.index)) this.#refuse(p.at, 'a reference to a group that may have no match is not read');
        return;
      default:
        this.#check(p.part, set, behind);
        if (p.kind === 'group') set.add(p.index);
    }
  }

  #checkRepeat(p: Piece & { kind: 'repeat' }, set: Set<number>, behind: boolean): void {
    const own = new Set(set);
    this.#check(p.part, own, behind);
    if (p.max > 1) {
      const empty = this.#empty(p.part);
      const inside = groupsOf(p.part);
      // Python keeps what a group matched in an earlier round and counts a round that matches nothing; JavaScript does neither.
      const left = inside.find((g) => !own.has(g.index) || empty !== 'never' || behind);
      if (left) this.#refuse(left.at, 'a group that rounds of a repetition may leave out or leave empty is not read');
      if (empty === 'early') this.#refuse(0, 'a repetition of what may match nothing before something is not read');
    }
    if (p.min > 0) for (const g of own) set.add(g);
  }
}

function groupsOf(p: Piece): (Piece & { kind: 'group' })[] {
  if (p.kind === 'leaf' || p.kind === 'reference') return [];
  if ('parts' in p) return p.parts.flatMap(groupsOf);
  return p.kind === 'group' ? [p, ...groupsOf(p.part)] : groupsOf(p.part);
}

/** JavaScript of a tree. Atomic pieces become a look-ahead with a group and a reference to it, so the groups are numbered anew. */
class Writer {
  #groups = 0;
  readonly numbers = new Map<number, number>();

  write(p: Piece, behind = false): string {
    switch (p.kind) {
      case 'leaf':
        return p.source;
      case 'sequence':
        return p.parts.map((q) => this.write(q, behind)).join('');
      case 'either':
        return `(?:${p.parts.map((q) => this.write(q, behind)).join('|')})`;
      case 'plain':
        return `(?:${this.write(p.part, behind)})`;
      case 'group':
        this.numbers.set(p.index, ++this.#groups);
        return `(${this.write(p.part, behind)})`;
      case 'atomic':
        return this.#atomic(() => this.write(p.part, behind), behind);
      case 'repeat':
        return p.mode === 'possessive' ? this.#atomic(() => this.#repeat(p, behind), behind) : this.#repeat(p, behind);
      case 'look':
        return `(?:(?${p.behind ? '<' : ''}${p.negative ? '!' : '='}${this.write(p.part, p.behind)}))`;
      default:
        return `(?:\\${this.numbers.get(p.index)})`;
    }
  }

  #repeat(p: Piece & { kind: 'repeat' }, behind: boolean): string {
    const part = this.write(p.part, behind);
    // not `?`: JavaScript drops a round that matches nothing, Python does not
    if (p.min === 0 && p.max === 1) return p.mode === 'lazy' ? `(?:|${part})` : `(?:${part}|)`;
    return `(?:${part}){${p.min},${p.max === Infinity ? '' : p.max}}${p.mode === 'lazy' ? '?' : ''}`;
  }

  /** Behind, where all widths are fixed, there is one way to match; JavaScript reads backwards there and would meet the reference first. */
  #atomic(inside: () => string, behind: boolean): string {
    if (behind) return inside();
    const number = ++this.#groups;
    return `(?:(?=(${inside()}))\\${number})`;
  }
}

/** What finds tokens: an expression, the numbers of its groups, and whether it may match nothing in the middle of a surrogate pair. */
type Matcher = { readonly regexp: RegExp; readonly groups: readonly number[]; readonly splits: boolean };

/** A Python pattern in JavaScript. Error `config` for what Python refuses, and by name for what is not read. */
function translate(pattern: string): Matcher {
  const { tree, groups } = parsePython(pattern);
  const { empty } = new Analysis(pattern, tree);
  const writer = new Writer();
  const regexp = new RegExp(writer.write(tree), 'gu');
  return { regexp, groups: Array.from({ length: groups }, (_, i) => writer.numbers.get(i + 1)!), splits: empty };
}

/** A RegExp that finds all of a text's code points; the groups are its own. */
function globalOf(pattern: RegExp): Matcher {
  if (pattern.sticky)
    throw new BowError('config', 'token pattern: the flag y would end at the first gap between tokens', {
      place: 'tokenPattern',
      hint: 'leave the flag y out',
    });
  const flags = [...new Set(`${pattern.flags}g${pattern.flags.includes('v') ? '' : 'u'}`)].join('');
  const count = new RegExp(`${pattern.source}|`, flags.replace('g', '')).exec('')!.length - 1;
  const groups = Array.from({ length: count }, (_, i) => i + 1);
  return { regexp: new RegExp(pattern.source, flags), groups, splits: false };
}

/** Compiles for both kinds of strings that engines tell apart, so that a pattern which is too large fails here and not at a text. */
function compiled(pattern: RegExp | string): Matcher {
  try {
    const made = typeof pattern === 'string' ? translate(pattern) : globalOf(pattern);
    for (const text of ['a', '\u4e00']) text.match(made.regexp);
    return made;
  } catch (e) {
    if (isBowError(e)) throw e;
    throw new BowError('config', `token pattern cannot be read: ${(e as Error).message}`, {
      place: 'tokenPattern',
      cause: e,
    });
  }
}

/**
 * The function that a token pattern stands for: all matches, or the group's text where the pattern has exactly one capturing group.
 * Error `config` for two groups or a pattern that cannot be read.
 */
export function tokenMatcher(pattern: RegExp | string): (text: string) => string[] {
  const { regexp, groups, splits } = compiled(pattern);
  if (groups.length > 1) {
    throw new BowError('config', 'more than one capturing group in the token pattern', {
      place: 'tokenPattern',
      detail: { groups: groups.length },
      hint: 'write (?:…) for the groups that are not the token',
    });
  }
  const [group] = groups;
  if (group === undefined && !splits) return (text) => text.match(regexp) ?? [];
  return (text) => {
    const tokens: string[] = [];
    for (const m of text.matchAll(regexp))
      if (!splits || m[0] !== '' || !splitsPair(text, m.index)) tokens.push(m[group ?? 0] ?? '');
    return tokens;
  };
}

/** Is this place between the halves of one character? V8 looks for empty matches there too. */
function splitsPair(text: string, at: number): boolean {
  return at > 0 && text.codePointAt(at - 1)! > 0xffff;
}
