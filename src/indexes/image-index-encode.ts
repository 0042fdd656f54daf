/** From an image set to vectors: what has no vector yet is encoded, a batch at a time. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BowError, isBowError, type OnProgress, throwIfAborted } from '../base/index.ts';
import type { EncodesImages, OpenSystem } from '../capabilities/index.ts';
import type { ImageRecord, ImageSet, SkippedImage } from '../data/index.ts';
import { encodeImageRecords } from '../data/node/index.ts';
import { unitRows } from '../search/index.ts';
import type { IndexedImage } from './image-index-files.ts';
import type { Journal } from './image-index-journal.ts';

/** The model that encodes, opened when the first image needs it. `name`: how it was named, a folder or a repository. */
export type IndexingModel = {
  readonly name: string;
  readonly system: string;
  readonly fingerprint: string;
  open(): Promise<OpenSystem & EncodesImages>;
};

/** Vectors by the hash of the content they are of. */
export type VectorsByHash = Map<string, Float32Array>;

/** What is known before, and where what is found goes. */
export type EncodingState = {
  readonly journal: Journal;
  readonly vectors: VectorsByHash;
  /** Records of the earlier index by id. */
  readonly earlier: ReadonlyMap<string, IndexedImage> | undefined;
};

/** Puts the rows of a batch under their hashes. */
export function keepVectors(vectors: VectorsByHash, hashes: readonly string[], rows: Float32Array): void {
  const width = rows.length / hashes.length;
  hashes.forEach((h, i) => vectors.set(h, rows.subarray(i * width, (i + 1) * width)));
}

type EncodingOptions = {
  readonly batch?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** The result of encoding a set: all images that have a vector in the order of the set, how many vectors are new, and what was left out. */
export type Encoded = {
  readonly records: readonly IndexedImage[];
  readonly encoded: number;
  readonly skipped: readonly SkippedImage[];
};

/** Goes through a set; every content without a vector gets one. */
export async function encodeSet(
  set: ImageSet,
  model: IndexingModel,
  state: EncodingState,
  o: EncodingOptions,
): Promise<Encoded> {
  const { vectors, journal } = state;
  const records: IndexedImage[] = [];
  const skipped: SkippedImage[] = [];
  const total = await countOf(set, o.signal);
  let encoded = 0;
  const onRecord = (done: number): void => {
    const metrics = skipped.length > 0 ? { metrics: { skipped: skipped.length } } : {};
    o.onProgress?.({ task: 'index images', done, unit: 'images', ...metrics, ...(total ? { total } : {}) });
  };
  const unknown = unknownImages(set, state, { records, skipped, onRecord, signal: o.signal });
  const first = await unknown.next(); // a set without news needs no model
  if (!first.done) {
    const system = await model.open();
    for await (const part of encodeImageRecords(system, follow(first.value, unknown), {
      batch: o.batch ?? 64,
      signal: o.signal,
    })) {
      skipped.push(...part.skipped);
      if (part.records.length === 0) continue;
      if (!('width' in part.vectors))
        throw new BowError('usage', `vectors of ${model.system} are sparse and cannot be indexed`);
      const { data, width } = part.vectors;
      const batch = {
        hashes: part.records.map((r) => r.hash),
        vectors: unitRows(Float32Array.from(data), width, model.system),
      };
      await journal.append(batch);
      keepVectors(vectors, batch.hashes, batch.vectors);
      encoded += batch.hashes.length;
    }
  }
  nameTwins(records, vectors, skipped);
  return { records: records.filter((r) => vectors.has(r.hash)), encoded, skipped };
}

/** Names copies of an image that could not be decoded; of equal contents only one is tried. */
function nameTwins(records: readonly IndexedImage[], vectors: VectorsByHash, skipped: SkippedImage[]): void {
  const named = new Set(skipped.map((s) => s.place));
  for (const { place } of records.filter((r) => !vectors.has(r.hash) && !named.has(r.place)))
    skipped.push({ place, reason: 'the same bytes as an image that cannot be decoded' });
}

async function* follow<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

/** How many records a set has, where finding out does not mean reading archives. */
async function countOf(set: ImageSet, signal: AbortSignal | undefined): Promise<number | undefined> {
  if (set.format === 'webdataset' || set.format === 'parquet') return undefined;
  let n = 0;
  for await (const _ of set.records({ signal })) n++;
  return n;
}

type Unknown = ImageRecord & { readonly hash: string };

/** Images whose content has no vector, each content once. Every readable record goes to `records`, the others to `skipped`. */
async function* unknownImages(
  set: ImageSet,
  { vectors, earlier }: EncodingState,
  o: {
    readonly records: IndexedImage[];
    readonly skipped: SkippedImage[];
    readonly onRecord: (done: number) => void;
    readonly signal: AbortSignal | undefined;
  },
): AsyncGenerator<Unknown> {
  const [ids, asked] = [new Set<string>(), new Set<string>()];
  let done = 0;
  for await (const record of set.records({ signal: o.signal, onNote: (note) => o.skipped.push(note) })) {
    throwIfAborted(o.signal, record.place);
    const { id, place } = record;
    const looked = ids.has(id) ? { reason: `duplicate id "${id}"` } : await look(record, earlier?.get(id));
    ids.add(id);
    if ('reason' in looked) o.skipped.push({ place, reason: looked.reason });
    else {
      const { bytes, image } = looked;
      o.records.push(image);
      if (bytes && !vectors.has(image.hash) && !asked.has(image.hash)) {
        asked.add(image.hash);
        yield { ...record, hash: image.hash, read: async () => bytes };
      }
    }
    o.onRecord(++done);
  }
}

type Looked = { readonly image: IndexedImage; readonly bytes?: Uint8Array } | { readonly reason: string };

/** A record with its content's hash: from before where size and time of its file are as they were, else from its bytes. */
async function look(record: ImageRecord, before: IndexedImage | undefined): Promise<Looked> {
  const { id, place, captions, label, fields, file } = record;
  const said = { id, place, captions, fields, ...(label === undefined ? {} : { label }) };
  try {
    const where = file === undefined ? {} : { file: resolve(file), stamp: await stampOf(file) };
    if (before && 'stamp' in where && before.stamp === where.stamp)
      return { image: { ...said, ...where, hash: before.hash } };
    const bytes = await record.read();
    return { image: { ...said, ...where, hash: createHash('sha256').update(bytes).digest('hex') }, bytes };
  } catch (e) {
    if (!isBowError(e) || e.code !== 'data') throw e;
    return { reason: e.message.replace(` (at ${e.place})`, '') };
  }
}

async function stampOf(file: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(file);
    return `${size} ${mtimeMs}`;
  } catch (e) {
    throw new BowError('data', 'the file cannot be read', { place: file, cause: e });
  }
}
