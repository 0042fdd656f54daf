/**
 * A small typed language of conditions on fields: `style = noto and size > 3`, `group in ("Food & Drink", Flags) or not (animated)`.
 *
 *   condition  = and { "or" and }         and = not { "and" not }        not = "not" not | "(" condition ")" | comparison
 *   comparison = field                                        the field is true
 *              | field ( "=" | "==" | "!=" ) value            text, number, true or false
 *              | field ( "<" | "<=" | ">" | ">=" ) value      numbers by size, texts by code points
 *              | field [ "not" ] "in" "(" value { "," value } ")"
 *   value      = number | true | false | "text" | 'text' | word
 *
 * A comparison holds only where the field is there and has the type of the value; nothing else does, `!=` and `not in` included. `not` turns
 * a condition round. So every condition is true or false, and every store says the same.
 */
import { BowError, isRecord, need, needRecord, needText } from '../base/index.ts';
import { compareCodePoints } from '../text/index.ts';

/** What a condition may compare: a value of a record. */
export type FieldValue = string | number | boolean;

/** Values of a record by name. */
export type Fields = Readonly<Record<string, FieldValue>>;

/** Signs of comparison. */
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** A condition as a tree. */
export type Filter =
  | { readonly kind: 'compare'; readonly field: string; readonly sign: Comparison; readonly value: FieldValue }
  | { readonly kind: 'in'; readonly field: string; readonly not: boolean; readonly values: readonly FieldValue[] }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter };

type Token = { readonly kind: 'word' | 'text' | 'number' | 'sign'; readonly text: string; readonly at: number };

const tokenPattern =
  /\s*(?:(?<sign>==|!=|<=|>=|[=<>(),])|"(?<double>(?:[^"\\]|\\.)*)"|'(?<single>(?:[^'\\]|\\.)*)'|(?<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\p{L}\p{N}_.:/-]))|(?<word>[\p{L}\p{N}_.:/+-]+))/uy;

function tokens(source: string): Token[] {
  const found: Token[] = [];
  const pattern = new RegExp(tokenPattern);
  const end = source.trimEnd().length;
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex;
    const m = pattern.exec(source);
    if (!m) throw wrong(source, from + /^\s*/.exec(source.slice(from))![0].length, 'a field, a value or a sign');
    const { sign, double, single, number, word } = m.groups!;
    const quoted = double ?? single;
    const at = pattern.lastIndex - m[0].trimStart().length;
    if (quoted !== undefined) found.push({ kind: 'text', text: quoted.replace(/\\(.)/gs, '$1'), at });
    else if (sign !== undefined) found.push({ kind: 'sign', text: sign === '==' ? '=' : sign, at });
    else if (number !== undefined) found.push({ kind: 'number', text: number, at });
    else found.push({ kind: 'word', text: word!, at });
  }
  return found;
}

function wrong(source: string, at: number, wanted: string): BowError {
  const found = at >= source.length ? 'the end' : JSON.stringify(source.slice(at, at + 20));
  return new BowError('usage', `filter: ${wanted} is needed where ${found} stands`, {
    place: `character ${at + 1} of ${source}`,
    hint: 'style = noto and size > 3, group in ("Food & Drink", Flags), not (label = "a b")',
  });
}

/** Reads a condition. Error `usage` with the place where it goes wrong. */
export function parseFilter(source: string): Filter {
  needText('a condition', source);
  const reader = new Reader(source);
  const filter = reader.any();
  if (reader.next) throw reader.wrong('"and" or "or"');
  return filter;
}

const deepest = 200; // parentheses and nots inside each other: a limit keeps hostile input from the stack

class Reader {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokens(source);
  }

  get next(): Token | undefined {
    return this.#tokens[this.#at];
  }

  wrong(wanted: string): BowError {
    return wrong(this.#source, this.next?.at ?? this.#source.length, wanted);
  }

  any(): Filter {
    return this.#chain('or', () => this.#chain('and', () => this.#not()));
  }

  #chain(word: 'and' | 'or', part: () => Filter): Filter {
    const parts = [part()];
    while (this.#take('word', word)) parts.push(part());
    return parts.length === 1 ? parts[0]! : { kind: word, parts };
  }

  #not(): Filter {
    if (++this.#depth > deepest) throw this.wrong('a condition less deep');
    try {
      if (this.#take('word', 'not')) return { kind: 'not', part: this.#not() };
      if (!this.#take('sign', '(')) return this.#comparison();
      const inside = this.any();
      if (!this.#take('sign', ')')) throw this.wrong('")"');
      return inside;
    } finally {
      this.#depth--;
    }
  }

  #comparison(): Filter {
    const field = this.next;
    if (field?.kind !== 'word' && field?.kind !== 'text') throw this.wrong('a field');
    this.#at++;
    const not = this.next?.text.toLowerCase() === 'not' && this.#tokens[this.#at + 1]?.text.toLowerCase() === 'in';
    if (not) this.#at++;
    if (this.#take('word', 'in')) return { kind: 'in', field: field.text, not, values: this.#list() };
    for (const sign of ['=', '!=', '<', '<=', '>', '>='] as const)
      if (this.#take('sign', sign)) return { kind: 'compare', field: field.text, sign, value: this.#ordered(sign) };
    return { kind: 'compare', field: field.text, sign: '=', value: true };
  }

  #ordered(sign: Comparison): FieldValue {
    if (sign.startsWith('<') || sign.startsWith('>')) {
      const isTruth = this.next?.kind === 'word' && /^(true|false)$/i.test(this.next.text);
      if (isTruth) throw this.wrong('a number or a text');
    }
    return this.#value();
  }

  #list(): FieldValue[] {
    if (!this.#take('sign', '(')) throw this.wrong('"("');
    const values = [this.#value()];
    while (this.#take('sign', ',')) values.push(this.#value());
    if (!this.#take('sign', ')')) throw this.wrong('"," or ")"');
    return values;
  }

  #value(): FieldValue {
    const t = this.next;
    if (!t || t.kind === 'sign') throw this.wrong('a value');
    this.#at++;
    if (t.kind === 'number') return Number(t.text);
    if (t.kind === 'word' && /^(true|false)$/i.test(t.text)) return t.text.toLowerCase() === 'true';
    return t.text;
  }

  #take(kind: Token['kind'], text: string): boolean {
    const t = this.next;
    const same = t?.kind === kind && (kind === 'word' ? t.text.toLowerCase() : t.text) === text;
    if (same) this.#at++;
    return same;
  }
}

/** Throws `usage` unless the value is a condition as {@link parseFilter} makes them. */
export function needFilter(filter: unknown): void {
  const ok = isCondition(filter, 0);
  need(ok, 'a condition', 'a tree as parseFilter makes it', filter);
}

function isCondition(f: unknown, depth: number): boolean {
  if (!isRecord(f) || depth > 2 * deepest) return false;
  if (f['kind'] === 'not') return isCondition(f['part'], depth + 1);
  if (f['kind'] === 'and' || f['kind'] === 'or')
    return Array.isArray(f['parts']) && f['parts'].every((p) => isCondition(p, depth + 1));
  if (typeof f['field'] !== 'string') return false;
  if (f['kind'] === 'in') return Array.isArray(f['values']) && f['values'].every(isValue);
  return f['kind'] === 'compare' && typeof f['sign'] === 'string' && signs.has(f['sign']) && isValue(f['value']);
}

const signs: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>='] satisfies Comparison[]);
const isValue = (v: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof v);

/** Does a record fulfil a condition? Error `usage` for what is no condition or no record. */
export function matches(filter: Filter, fields: Fields): boolean {
  needFilter(filter);
  needRecord('fields', fields);
  return fulfils(filter, fields);
}

/** {@link matches} of a condition that was checked, for many records. */
export function fulfils(filter: Filter, fields: Fields): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.parts.every((p) => fulfils(p, fields));
    case 'or':
      return filter.parts.some((p) => fulfils(p, fields));
    case 'not':
      return !fulfils(filter.part, fields);
    case 'in': {
      const x = fieldOf(fields, filter.field);
      const types = filter.values.some((v) => typeof v === typeof x);
      return filter.not ? types && !filter.values.includes(x!) : types && filter.values.includes(x!);
    }
    default: {
      const x = fieldOf(fields, filter.field);
      return typeof x === typeof filter.value && holds(filter.sign, compare(x!, filter.value));
    }
  }
}

function fieldOf(fields: Fields, name: string): FieldValue | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Below, at or above 0, of two values of one type. */
function compare(a: FieldValue, b: FieldValue): number {
  if (typeof a === 'string') return compareCodePoints(a, b as string);
  return Number(a) - Number(b);
}

function holds(sign: Comparison, order: number): boolean {
  if (sign === '=') return order === 0;
  if (sign === '!=') return order !== 0;
  if (sign === '<') return order < 0;
  if (sign === '<=') return order <= 0;
  return sign === '>' ? order > 0 : order >= 0;
}

/** The comparisons of a condition, with the values that each field is compared with. */
export function* comparisons(
  filter: Filter,
): Generator<{ readonly field: string; readonly values: readonly FieldValue[] }> {
  if (filter.kind === 'compare') yield { field: filter.field, values: [filter.value] };
  else if (filter.kind === 'in') yield filter;
  else if (filter.kind === 'not') yield* comparisons(filter.part);
  else for (const p of filter.parts) yield* comparisons(p);
}
