/** LanceDB as far as it is used here; its types are not there where it is not installed. */
import { createRequire } from 'node:module';
import { BowError } from '../../base/index.ts';

type VectorSearch = {
  distanceType(kind: 'dot'): VectorSearch;
  limit(n: number): VectorSearch;
  select(columns: readonly string[]): VectorSearch;
  minimumNprobes(n: number): VectorSearch;
  maximumNprobes(n: number): VectorSearch;
  refineFactor(n: number): VectorSearch;
  where(sql: string): VectorSearch;
  toArrow(): Promise<ArrowTable | readonly unknown[]>;
};

type MergeInsert = {
  whenMatchedUpdateAll(): MergeInsert;
  whenNotMatchedInsertAll(): MergeInsert;
  execute(data: unknown): Promise<unknown>;
};

/** A table of Apache Arrow. */
export type ArrowTable = { readonly numRows: number; getChild(name: string): { get(row: number): unknown } | null };

/** A table of LanceDB. */
export type LanceTable = {
  schema(): Promise<{
    readonly fields: readonly { readonly name: string; readonly type: { readonly listSize?: number } }[];
  }>;
  countRows(): Promise<number>;
  mergeInsert(on: string): MergeInsert;
  delete(sql: string): Promise<unknown>;
  addColumns(columns: readonly { readonly name: string; readonly valueSql: string }[]): Promise<unknown>;
  vectorSearch(query: Float32Array): VectorSearch;
  createIndex(column: string, o: { readonly config: unknown }): Promise<void>;
  listIndices(): Promise<readonly unknown[]>;
  optimize(o: { readonly cleanupOlderThan: Date }): Promise<unknown>;
  close(): void;
};

type ArrowClass = new (...args: unknown[]) => unknown;

/** What is used of LanceDB and of the Apache Arrow that it uses itself. */
export type Lance = {
  connect(folder: string): Promise<{
    tableNames(): Promise<string[]>;
    openTable(name: string): Promise<LanceTable>;
    createEmptyTable(name: string, schema: unknown): Promise<LanceTable>;
    close(): void;
  }>;
  readonly Index: Record<'ivfRq' | 'ivfFlat', (o: { readonly distanceType: 'dot' }) => unknown>;
  readonly arrow: Readonly<
    Record<
      'Bool' | 'Field' | 'FixedSizeList' | 'Float32' | 'Float64' | 'Schema' | 'Table' | 'Utf8' | 'Vector',
      ArrowClass
    >
  > & { makeData(o: unknown): unknown; vectorFromArray(values: readonly unknown[], type: unknown): unknown };
};

const packageName = '@lancedb/lancedb';

/** Loads LanceDB. Error `backend` with the command that installs it. */
export async function loadLance(): Promise<Lance> {
  const require = createRequire(import.meta.url);
  try {
    const lance = require(packageName) as Omit<Lance, 'arrow'>;
    const arrow = createRequire(require.resolve(packageName))('apache-arrow') as Lance['arrow'];
    return { connect: lance.connect, Index: lance.Index, arrow };
  } catch (e) {
    const absent = (e as { code?: string }).code === 'MODULE_NOT_FOUND';
    throw new BowError('backend', absent ? 'LanceDB is not installed' : 'LanceDB does not load on this machine', {
      place: packageName,
      hint: absent
        ? 'npm install @lancedb/lancedb@0.37.1 (in a clone: npm install --no-save -D …), or use --store exact'
        : 'use --store exact',
      cause: e,
    });
  }
}
