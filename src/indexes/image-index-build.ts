/** Makes an image index, or brings one up to date: only images whose content it has not seen are encoded. `bow2bot index photos/ --model …` */
import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BowError, isBowError, type OnProgress } from '../base/index.ts';
import { acquireLock, publishFolder, readText, recoverFolder, writeFileAtomic } from '../base/node/index.ts';
import type { ImageSet, SkippedImage } from '../data/index.ts';
import { writeSafetensors } from '../hub/node/index.ts';
import { lanceIndex, loadLance } from '../search/node/index.ts';
import { buildTextIndex } from '../systems/node/index.ts';
import { type Encoded, encodeSet, type IndexingModel, keepVectors, type VectorsByHash } from './image-index-encode.ts';
import {
  filterFields,
  type ImageIndexConfig,
  type IndexedImage,
  mendable,
  readImageIndexConfig,
  readRecords,
  readVectors,
  recordLines,
  type StoreKind,
  wordsOf,
} from './image-index-files.ts';
import { openJournal } from './image-index-journal.ts';

/** Options of {@link buildImageIndex}. */
export type ImageIndexOptions = {
  /** Default 'exact'. */
  readonly store?: StoreKind;
  /** Images encoded together, and lost at most when the process is killed. Default 64. */
  readonly batch?: number;
  /** Encode everything again, whatever the index holds; the work of a killed fresh run is kept. */
  readonly fresh?: boolean;
  /** Column of captions that the set was opened with, for the next time. */
  readonly captions?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** What was done. */
export type BuiltImageIndex = {
  readonly count: number;
  readonly encoded: number;
  /** Images whose vectors were there. */
  readonly kept: number;
  /** Images of the earlier index that the set no longer has. */
  readonly removed: number;
  readonly skipped: readonly SkippedImage[];
};

/**
 * Encodes a set into an index folder. Corrupt images and repeated ids are left out and named in `skipped`. The folder changes at the end, at once; until
 * then batches are kept in `<folder>.part`. Errors: `usage` where the folder holds something else or an index of another model, `data` when no
 * image can be read or another process is at work, `backend` when the store is not installed, `aborted`.
 */
export async function buildImageIndex(
  folder: string,
  set: ImageSet,
  model: IndexingModel,
  o: ImageIndexOptions = {},
): Promise<BuiltImageIndex> {
  const path = resolve(folder);
  if (o.store === 'lance') await loadLance(); // reported now, not after everything is encoded
  await using _ = await acquireLock(`${path}.lock`, { signal: o.signal });
  await recoverFolder(path);
  const vectors: VectorsByHash = new Map();
  const earlier = await readEarlier(path, model, vectors, o.fresh ?? false);
  const journal = await openJournal(`${path}.part`, model.fingerprint);
  let done: Encoded;
  try {
    for (const b of journal.batches) keepVectors(vectors, b.hashes, b.vectors);
    done = await encodeSet(set, model, { journal, vectors, earlier }, o);
  } finally {
    await journal.close();
  }
  const { records, encoded, skipped } = done;
  if (records.length === 0) {
    if (journal.batches.length === 0) await rm(`${path}.part`, { force: true }); // it holds nothing
    throw nothing(set, skipped);
  }
  const config = configOf(set, model, records, vectors, o);
  if (o.fresh || !(await isSame(path, config, records)))
    await publishFolder(path, (f) => write(f, config, records, vectors, o));
  await rm(`${path}.part`, { force: true });
  const now = new Set(records.map((r) => r.id));
  const removed = [...(earlier?.keys() ?? [])].filter((id) => !now.has(id)).length;
  return { count: records.length, encoded, kept: records.length - encoded, removed, skipped };
}

function configOf(
  set: ImageSet,
  { name, system, fingerprint }: IndexingModel,
  records: readonly IndexedImage[],
  vectors: VectorsByHash,
  { captions, store = 'exact' }: ImageIndexOptions,
): ImageIndexConfig {
  return {
    model_type: 'picture-index',
    format: 1,
    store,
    width: vectors.get(records[0]!.hash)!.length,
    count: records.length,
    captioned: records.filter((r) => r.captions.length > 0).length,
    text: records.some((r) => /[\p{L}\p{N}_]{2}/u.test(wordsOf(r))),
    model: { name, system, fingerprint },
    source: { path: resolve(set.path), format: set.format, ...(captions === undefined ? {} : { captions }) },
  };
}

function nothing(set: ImageSet, skipped: readonly SkippedImage[]): BowError {
  const [first] = skipped;
  return new BowError('data', 'no image can be read', {
    place: set.path,
    detail: { skipped: skipped.length, ...(first ? { first: `${first.place}: ${first.reason}` } : {}) },
  });
}

/** The index that is there, its vectors put by hash; undefined where there is none, or everything is to be encoded again. */
async function readEarlier(
  path: string,
  model: IndexingModel,
  vectors: VectorsByHash,
  fresh: boolean,
): Promise<ReadonlyMap<string, IndexedImage> | undefined> {
  if ((await stat(path).catch(() => undefined))?.isFile())
    throw new BowError('usage', 'a file where an index folder is needed', { place: path });
  const there: string[] = await readdir(path).catch(() => []);
  if (there.length === 0) return undefined;
  const config = await readImageIndexConfig(path).catch((e: unknown) => {
    if (fresh && there.includes('records.jsonl')) return undefined; // an index beyond repair may be rebuilt, nothing else may be overwritten
    if (!isBowError(e)) throw e;
    throw new BowError('usage', 'the folder is not empty and holds no readable image index', {
      place: path,
      hint: 'name another folder with -o',
      cause: e,
    });
  });
  if (fresh || !config) return undefined;
  if (config.model.fingerprint !== model.fingerprint)
    throw new BowError('usage', 'the index was made with another model', {
      place: path,
      detail: { made: config.model.name, asked: model.name },
      hint: '--fresh encodes everything again, -o names another index',
    });
  const [records, all] = await Promise.all([
    readRecords(path, config.count),
    readVectors(path, config.count, config.width),
  ]).catch((e) => Promise.reject(mendable(e)));
  keepVectors(
    vectors,
    records.map((r) => r.hash),
    all,
  );
  return new Map(records.map((r) => [r.id, r]));
}

/** Is the index that is there the one that would be written? */
async function isSame(path: string, config: ImageIndexConfig, records: readonly IndexedImage[]): Promise<boolean> {
  try {
    const there = await readImageIndexConfig(path);
    const same = JSON.stringify(there) === JSON.stringify(config);
    return same && (await readText(join(path, 'records.jsonl'))) === recordLines(records);
  } catch (e) {
    if (isBowError(e)) return false;
    throw e;
  }
}

async function write(
  f: string,
  config: ImageIndexConfig,
  records: readonly IndexedImage[],
  byHash: VectorsByHash,
  o: ImageIndexOptions,
): Promise<void> {
  const { width, count } = config;
  const vectors = new Float32Array(count * width);
  records.forEach((r, i) => vectors.set(byHash.get(r.hash)!, i * width));
  const data = { dtype: 'float32' as const, shape: [count, width], data: vectors };
  await writeSafetensors(join(f, 'vectors.safetensors'), new Map([['vectors', data]]));
  await writeFileAtomic(join(f, 'records.jsonl'), recordLines(records));
  if (config.text)
    await buildTextIndex(join(f, 'text'), documents(records), { scheme: { kind: 'bm25' }, signal: o.signal });
  if (config.store === 'lance') {
    const store = await lanceIndex(join(f, 'lance'), width);
    await store.add({ ids: records.map((r) => r.id), vectors, fields: records.map(filterFields) });
    await store.optimize();
    await store.close();
  }
  await writeFileAtomic(join(f, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

async function* documents(records: readonly IndexedImage[]): AsyncGenerator<{ id: string; text: string }> {
  for (const r of records) yield { id: r.id, text: wordsOf(r) };
}
