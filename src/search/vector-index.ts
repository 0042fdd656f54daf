/** What every store of vectors can do. `exactIndex` keeps them in memory and compares with all; `search/node` has a store on disk. */
import { BowError, need, needFloats, needRecord, needTexts, needWhole } from '../base/index.ts';
import type { Fields, Filter } from './filter.ts';

/** A found row: its id and the cosine of its vector with the query's. */
export type VectorHit = { readonly id: string; readonly score: number };

/** Rows to store: ids, vectors [rows × width] one after the other, fields for filters. */
export type VectorRows = {
  readonly ids: readonly string[];
  readonly vectors: Float32Array;
  readonly fields?: readonly Fields[];
};

/** Options of a search. */
export type VectorQuery = {
  /** How many hits per query; fewer where fewer rows pass. Default 10. */
  readonly k?: number;
  /** Only rows whose fields fulfil it are looked at. */
  readonly filter?: Filter | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A store of unit vectors with ids and fields. */
export type VectorIndex = {
  readonly kind: 'exact' | 'lance';
  /** Numbers a vector has. */
  readonly width: number;
  /** Rows now. */
  count(): Promise<number>;
  /** Adds rows; a row whose id is there is replaced. Vectors are normalised to length 1. Errors: `shape`, `not-finite` for zeros and non-numbers, `data`. */
  add(rows: VectorRows): Promise<void>;
  /** Removes rows by id; ids that are not there are ignored. Returns how many were. */
  remove(ids: readonly string[]): Promise<number>;
  /** To be called after many changes: makes searches of large stores fast, and frees what was removed. */
  optimize(): Promise<void>;
  /** The k rows with the largest cosine for each query of [queries × width], best first, ties by id. */
  search(queries: Float32Array, o?: VectorQuery): Promise<VectorHit[][]>;
  close(): Promise<void>;
};

/** Rows or queries of a width, each of length 1. Errors: `shape`; `not-finite` for a row of zeros or one with a non-number. */
export function unitRows(vectors: Float32Array, width: number, what: string): Float32Array {
  needFloats(what, vectors);
  needWhole('a width', width, 1);
  if (vectors.length % width !== 0)
    throw new BowError('shape', `${what}: ${vectors.length} numbers do not make rows of ${width}`, {
      place: 'vector index',
    });
  const unit = new Float32Array(vectors.length);
  for (let at = 0; at < vectors.length; at += width) {
    let sum = 0;
    for (let i = at; i < at + width; i++) sum += vectors[i]! * vectors[i]!;
    if (!(sum > 0 && sum < Infinity))
      throw new BowError('not-finite', `${what}: row ${at / width} has length ${Math.sqrt(sum)} and so no direction`, {
        place: 'vector index',
      });
    const scale = 1 / Math.sqrt(sum);
    for (let i = at; i < at + width; i++) unit[i] = vectors[i]! * scale;
  }
  return unit;
}

/** Checks what {@link VectorIndex.add} is given and returns the vectors at length 1. */
export function checkRows(rows: VectorRows, width: number): Float32Array {
  needRecord('rows', rows);
  const { ids, vectors, fields } = rows;
  needTexts('ids', ids);
  needFloats('vectors', vectors);
  if (fields !== undefined) {
    need(Array.isArray(fields), 'fields', 'an array of objects', fields);
    for (const f of fields) needRecord('the fields of a row', f);
  }
  if (vectors.length !== ids.length * width)
    throw new BowError('shape', `${ids.length} ids with ${vectors.length} numbers where ${width} a row are needed`, {
      place: 'vector index',
    });
  if (fields && fields.length !== ids.length)
    throw new BowError('shape', `${ids.length} ids with the fields of ${fields.length}`, { place: 'vector index' });
  if (new Set(ids).size !== ids.length) throw new BowError('data', 'duplicate ids in the rows to add');
  return unitRows(vectors, width, 'rows');
}

/** Inner product in double precision: what hits of every store are scored with, so that stores agree to the last bit. */
export function dotProduct(a: Float32Array, b: Float32Array, atA = 0, atB = 0, width: number = b.length): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += a[atA + i]! * b[atB + i]!;
  return sum;
}

/** Best first, ties by id in the order of code units; the first k. */
export function bestHits(hits: VectorHit[], k: number): VectorHit[] {
  return hits.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)).slice(0, k);
}

/** A whole number of hits from 0, 10 where none is given. Error `usage` for anything else. */
export function checkedK(k = 10): number {
  needWhole('k', k);
  return k;
}
