/** Which fields a collection has and of what type, so that a condition that can never hold is an error and not an empty answer. */
import { BowError, need, needIterable, needRecord, unknownName } from '../base/index.ts';
import { comparisons, type Fields, type Filter, needFilter } from './filter.ts';

/** Names of types as messages say them. */
export type FieldType = 'text' | 'number' | 'truth';

/** Types seen of each field; a field may have several. */
export type FieldTypes = ReadonlyMap<string, ReadonlySet<FieldType>>;

/** The type of a value. */
export function fieldType(value: unknown): FieldType {
  return typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'truth' : 'text';
}

/** Types of all fields of a collection. */
export function fieldTypes(records: Iterable<Fields>): FieldTypes {
  const types = new Map<string, Set<FieldType>>();
  needIterable('records', records);
  for (const fields of records) {
    needRecord('a record', fields);
    for (const [name, value] of Object.entries(fields)) {
      const known = types.get(name);
      if (known) known.add(fieldType(value));
      else types.set(name, new Set([fieldType(value)]));
    }
  }
  return types;
}

/** Refuses fields that no record has, and values of a type that a field never has. Error `usage` with the nearest name, or how to write the value. */
export function checkFilter(filter: Filter, types: FieldTypes): void {
  needFilter(filter);
  need(types instanceof Map, 'types', 'a Map', types);
  for (const { field, values } of comparisons(filter)) {
    const known = types.get(field);
    if (!known)
      throw new BowError('usage', `filter: ${unknownName('field', field, types.keys())}`, {
        detail: { fields: [...types.keys()].sort() },
      });
    const value = values.find((v) => !known.has(fieldType(v)));
    if (value === undefined) continue;
    const [is, wanted] = [fieldType(value), [...known].sort()];
    throw new BowError('usage', `filter: ${field} holds ${wanted.join(' or ')}, ${JSON.stringify(value)} is a ${is}`, {
      ...(known.has('text') ? { hint: `quote it: ${field} = "${String(value)}"` } : {}),
    });
  }
}
