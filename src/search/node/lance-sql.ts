/** Conditions as LanceDB's SQL. No part is ever NULL, so `NOT` means the same as in `matches`. */
import { type FieldType, fieldType } from '../field-types.ts';
import type { FieldValue, Filter } from '../filter.ts';

/** The column of a field and type: SQL has one type per column, records may mix them, and names may hold anything. */
export function columnName(field: string, type: FieldType): string {
  const hex = Array.from(new TextEncoder().encode(field), (b) => b.toString(16).padStart(2, '0')).join('');
  return `${{ text: 't', number: 'n', truth: 'b' }[type]}_${hex}`;
}

/** A text in quotes. */
export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A value; the negative zero is written "0". */
function literal(v: FieldValue): string {
  if (typeof v === 'string') return textLiteral(v);
  return v === Infinity || v === -Infinity ? `CAST('${v < 0 ? '-' : ''}inf' AS DOUBLE)` : String(v);
}

/** A condition over the columns that there are. */
export function filterSql(filter: Filter, columns: ReadonlySet<string>): string {
  if (filter.kind === 'not') return `NOT (${filterSql(filter.part, columns)})`;
  if (filter.kind === 'compare') {
    const sign = filter.sign === '!=' ? '<>' : filter.sign;
    return known(filter.field, filter.value, columns, (c) => `${c} ${sign} ${literal(filter.value)}`);
  }
  if (filter.kind === 'in') {
    const types = new Map<FieldType, FieldValue[]>();
    for (const v of filter.values) types.set(fieldType(v), [...(types.get(fieldType(v)) ?? []), v]);
    const parts = Array.from(types.values(), (values) =>
      known(
        filter.field,
        values[0]!,
        columns,
        (c) => `${c} ${filter.not ? 'NOT ' : ''}IN (${values.map(literal).join(', ')})`,
      ),
    );
    return `(${parts.join(' OR ')})`; // a record has a field once, so at most one part can hold
  }
  return `(${filter.parts.map((p) => filterSql(p, columns)).join(` ${filter.kind.toUpperCase()} `)})`;
}

function known(
  field: string,
  value: FieldValue,
  columns: ReadonlySet<string>,
  test: (column: string) => string,
): string {
  const column = columnName(field, fieldType(value));
  return columns.has(column) ? `(${column} IS NOT NULL AND ${test(column)})` : 'false';
}
