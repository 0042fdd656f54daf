/**
 * Vectors on disk in LanceDB, an optional peer: `npm install @lancedb/lancedb`. Small tables are compared row by row; for larger ones an
 * IVF index with RaBitQ codes (Gao & Long, SIGMOD 2024) finds candidates whose vectors are then compared, so a hit may be missed but never scored wrongly.
 * Measured choice of the kind of index: docs/decisions/0043-search.md.
 */
import { mkdir } from 'node:fs/promises';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { type FieldType, fieldType } from '../field-types.ts';
import type { Fields } from '../filter.ts';
import {
  bestHits,
  checkedK,
  checkRows,
  dotProduct,
  unitRows,
  type VectorHit,
  type VectorIndex,
  type VectorQuery,
  type VectorRows,
} from '../vector-index.ts';
import { type ArrowTable, type Lance, type LanceTable, loadLance } from './lance-module.ts';
import { columnName, filterSql, textLiteral } from './lance-sql.ts';

/** Options of {@link lanceIndex}. */
export type LanceOptions = {
  /** Partitions that a search reads; more find more and take longer. Default 32; LanceDB continues where a filter leaves too few. */
  readonly probes?: number;
  /** How many times k candidates are compared by their whole vectors. Default 20. */
  readonly refine?: number;
  /** Rows from which `optimize` makes an approximate index; below it every row is compared. Default 20,000. */
  readonly approximateFrom?: number;
};

const tableName = 'vectors';
const rowsAtOnce = 8192;

/** Opens the store in a folder, or makes it. Errors: `backend` where LanceDB is not installed, `checkpoint` for what is damaged or of another width. */
export async function lanceIndex(folder: string, width: number, o: LanceOptions = {}): Promise<VectorIndex> {
  const lance = await loadLance();
  await mkdir(folder, { recursive: true });
  const db = await lance.connect(folder);
  const table = await openTable(lance, db, folder, width);
  const columns = new Set((await table.schema()).fields.map((f) => f.name));
  let approximate = (await table.listIndices()).length > 0;
  const store: Store = { folder, width, lance, table, columns };
  const optimize = async (): Promise<void> => {
    const many = (await table.countRows()) >= (o.approximateFrom ?? 20_000);
    if (many && !approximate) await makeIndex(store);
    approximate ||= many;
    await ofLance(folder, () => table.optimize({ cleanupOlderThan: new Date() }));
  };
  const search = async (queries: Float32Array, q: VectorQuery = {}): Promise<VectorHit[][]> => {
    const k = checkedK(q.k);
    const unit = unitRows(queries, width, 'queries');
    const found: VectorHit[][] = [];
    for (let at = 0; at < unit.length; at += width) {
      throwIfAborted(q.signal, 'search');
      const one = unit.subarray(at, at + width);
      found.push(k === 0 ? [] : await searchOne(store, one, k, { ...o, filter: q.filter }, approximate));
    }
    return found;
  };
  const close = async (): Promise<void> => {
    table.close();
    db.close();
  };
  return {
    kind: 'lance',
    width,
    count: () => table.countRows(),
    add: (rows) => addRows(store, rows),
    remove: (ids) => removeRows(store, ids),
    optimize,
    search,
    close,
  };
}

type Store = {
  readonly folder: string;
  readonly width: number;
  readonly lance: Lance;
  readonly table: LanceTable;
  readonly columns: Set<string>;
};

async function addRows({ folder, width, lance, table, columns }: Store, rows: VectorRows): Promise<void> {
  const unit = checkRows(rows, width);
  await addColumns(table, columns, rows.fields ?? []);
  for (let from = 0; from < rows.ids.length; from += rowsAtOnce) {
    const part = slice(rows, unit, from, width);
    const merge = table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll();
    const data = await arrowTable(lance, table, part, width);
    await ofLance(folder, () => merge.execute(data));
  }
}

async function removeRows({ folder, table }: Store, ids: readonly string[]): Promise<number> {
  const before = await table.countRows();
  for (let from = 0; from < ids.length; from += 1000) {
    const list = ids.slice(from, from + 1000).map(textLiteral);
    await ofLance(folder, () => table.delete(`id IN (${list.join(', ')})`));
  }
  return before - (await table.countRows());
}

async function makeIndex({ folder, width, lance, table }: Store): Promise<void> {
  const { ivfRq, ivfFlat } = lance.Index;
  const config = (width % 8 === 0 ? ivfRq : ivfFlat)({ distanceType: 'dot' }); // codes need whole bytes
  await ofLance(folder, () => table.createIndex('vector', { config }));
}

async function searchOne(
  { folder, table, columns }: Store,
  query: Float32Array,
  k: number,
  o: LanceOptions & Pick<VectorQuery, 'filter'>,
  approximate: boolean,
): Promise<VectorHit[]> {
  const { probes = 32, refine = 20, filter } = o;
  const more = Math.min(k + 8, 2 ** 31 - 1); // equal scores at the edge; LanceDB counts in 32 bits
  let search = table.vectorSearch(query).distanceType('dot').limit(more).select(['id', 'vector', '_distance']);
  if (approximate)
    search = search
      .maximumNprobes(1 << 20)
      .minimumNprobes(probes)
      .refineFactor(refine); // in this order
  if (filter) search = search.where(filterSql(filter, columns));
  return bestHits(scored(await ofLance(folder, () => search.toArrow()), query), k);
}

/** What LanceDB throws, as an error that says whose it is. */
async function ofLance<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    throw new BowError('checkpoint', `LanceDB: ${(e as Error).message.split('\n')[0]?.slice(0, 300)}`, {
      place: folder,
      cause: e,
    });
  }
}

async function openTable(
  lance: Lance,
  db: Awaited<ReturnType<Lance['connect']>>,
  folder: string,
  width: number,
): Promise<LanceTable> {
  try {
    if (!(await db.tableNames()).includes(tableName))
      return await db.createEmptyTable(tableName, emptySchema(lance, width));
    const table = await db.openTable(tableName);
    const { type } = (await table.schema()).fields.find((f) => f.name === 'vector')!;
    if (type.listSize === width) return table;
    throw new BowError('checkpoint', `vectors of ${type.listSize} numbers where ${width} are needed`, {
      place: folder,
    });
  } catch (e) {
    if (e instanceof BowError) throw e;
    throw new BowError('checkpoint', 'LanceDB cannot open the table of vectors', { place: folder, cause: e });
  }
}

function emptySchema(lance: Lance, width: number): unknown {
  const { Field, FixedSizeList, Float32, Schema, Utf8 } = lance.arrow;
  const vector = new FixedSizeList(width, new Field('item', new Float32(), true));
  return new Schema([new Field('id', new Utf8(), false), new Field('vector', vector, false)]);
}

const sqlTypes: Readonly<Record<FieldType, string>> = { text: 'string', number: 'double', truth: 'boolean' };

/** Makes columns for fields that the table has not seen. */
async function addColumns(table: LanceTable, columns: Set<string>, fields: readonly Fields[]): Promise<void> {
  const missing = new Map<string, FieldType>();
  for (const f of fields)
    for (const [name, value] of Object.entries(f)) {
      const column = columnName(name, fieldType(value));
      if (!columns.has(column)) missing.set(column, fieldType(value));
    }
  if (missing.size === 0) return;
  await table.addColumns(
    Array.from(missing, ([name, type]) => ({ name, valueSql: `cast(NULL as ${sqlTypes[type]})` })),
  );
  for (const name of missing.keys()) columns.add(name);
}

function slice(rows: VectorRows, unit: Float32Array, from: number, width: number): VectorRows {
  const to = Math.min(rows.ids.length, from + rowsAtOnce);
  const ids = rows.ids.slice(from, to);
  return {
    ids,
    vectors: unit.subarray(from * width, to * width),
    fields: rows.fields?.slice(from, to) ?? ids.map(() => ({})),
  };
}

/** Rows as the Arrow table that LanceDB takes, with all columns of its schema. */
async function arrowTable(lance: Lance, table: LanceTable, rows: VectorRows, width: number): Promise<unknown> {
  const { makeData, Vector, vectorFromArray, Table, Float32, Utf8, Float64, Bool, FixedSizeList, Field } = lance.arrow;
  const n = rows.ids.length;
  const schema = await table.schema();
  const child = makeData({ type: new Float32(), length: n * width, nullCount: 0, data: rows.vectors });
  const type = new FixedSizeList(width, new Field('item', new Float32(), true));
  const columns: Record<string, unknown> = {
    id: vectorFromArray(rows.ids, new Utf8()),
    vector: new Vector([makeData({ type, length: n, nullCount: 0, child })]),
  };
  const types = { text: Utf8, number: Float64, truth: Bool } as const;
  const values = new Map<string, unknown[]>();
  rows.fields!.forEach((fields, i) => {
    for (const [name, value] of Object.entries(fields)) {
      const column = columnName(name, fieldType(value));
      const list = values.get(column) ?? new Array<unknown>(n).fill(null);
      list[i] = value === 0 ? 0 : value; // LanceDB tells zeros apart by their sign
      values.set(column, list);
    }
  });
  for (const { name } of schema.fields) {
    if (name in columns) continue;
    const kind = ({ t: 'text', n: 'number', b: 'truth' } as const)[name[0] as 't'];
    columns[name] = vectorFromArray(values.get(name) ?? new Array<unknown>(n).fill(null), new types[kind]());
  }
  return new Table(columns);
}

/** Hits with their cosines in double precision, as every store gives them. LanceDB answers "nothing found" with a plain empty list. */
function scored(found: ArrowTable | readonly unknown[], query: Float32Array): VectorHit[] {
  if (Array.isArray(found)) return [];
  const table = found as ArrowTable;
  const [ids, vectors] = [table.getChild('id')!, table.getChild('vector')!];
  return Array.from({ length: table.numRows }, (_, i) => ({
    id: ids.get(i) as string,
    score: dotProduct((vectors.get(i) as { toArray(): Float32Array }).toArray(), query),
  }));
}
