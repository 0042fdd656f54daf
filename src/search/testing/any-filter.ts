/** Conditions and records at random, with few names and values so that they meet. */
import fc from 'fast-check';
import type { Fields, FieldValue, Filter } from '../filter.ts';

const names = ['style', 'size', 'odd name', "it's", 'x.y', 'é"\\', '`b`'];
const value: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.constantFrom('noto', 'a b', "o'hara", '', '\ud83d\ude00', '\uffee', 'A', '%', '"q"'),
  fc.constantFrom(0, 1, -1, 2.5, 3, 1e21, -1e-7),
  fc.boolean(),
);
const ordered = value.filter((v) => typeof v !== 'boolean');
const field = fc.constantFrom(...names);

const comparison: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({
    kind: fc.constant('compare' as const),
    field,
    sign: fc.constantFrom('=' as const, '!=' as const),
    value,
  }),
  fc.record({
    kind: fc.constant('compare' as const),
    field,
    sign: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
    value: ordered,
  }),
  fc.record({
    kind: fc.constant('in' as const),
    field,
    not: fc.boolean(),
    values: fc.array(value, { minLength: 1, maxLength: 3 }),
  }),
);

/** Any condition, some levels deep. */
export const anyFilter: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    comparison,
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not' as const), part: tie('filter') }),
  ),
})).filter;

/** Any record. */
export const anyFields: fc.Arbitrary<Fields> = fc.dictionary(field, value, { maxKeys: 5 });

const quote = (s: string): string => `"${s.replace(/["\\]/g, '\\$&')}"`;
const literal = (v: FieldValue): string => (typeof v === 'string' ? quote(v) : String(v));

/** A condition as a person would write it, with all parentheses. */
export function filterText(f: Filter): string {
  if (f.kind === 'compare') return `${quote(f.field)} ${f.sign} ${literal(f.value)}`;
  if (f.kind === 'in') return `${quote(f.field)} ${f.not ? 'not ' : ''}in (${f.values.map(literal).join(', ')})`;
  if (f.kind === 'not') return `not (${filterText(f.part)})`;
  return f.parts.map((p) => `(${filterText(p)})`).join(` ${f.kind} `);
}
