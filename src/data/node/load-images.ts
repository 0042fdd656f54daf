/** A set of images decoded into memory, all of one size: what training, probing and searching start from. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BowError, hash32, type OnProgress, throwIfAborted } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { ownCacheDir } from '../../hub/node/index.ts';
import { geometryKey, type ImageFit, type ImageGeometry, squareGeometry, targetSize } from '../../image/index.ts';
import { type DecoderName, imageDecoder } from '../../image/node/index.ts';
import { splitKey } from '../image-counts.ts';
import { allocatePixels, type ImageRecord, type ImageSet, type LoadedImages, type SkippedImage } from '../images.ts';
import { splitOf } from '../split.ts';
import { inOrder } from './in-order.ts';
import { keyOf, openSquareCache, type SquareCache } from './square-cache.ts';
import { reasonOf, type SquareJob, type SquareMaker, squareMaker } from './squares.ts';

/** What is made of every image: a square of `size` pixels (`fit` as in `squareGeometry`, default crop), or what a preprocessing of a fixed shape says. */
export type LoadedShape =
  | { readonly size: number; readonly fit?: ImageFit | undefined; readonly geometry?: undefined }
  | { readonly geometry: ImageGeometry; readonly size?: undefined; readonly fit?: undefined };

export type LoadImagesOptions = LoadedShape & {
  /** Default all. */
  readonly split?: 'train' | 'validation' | 'all' | undefined;
  /** Share of the images held out, default 0.1. */
  readonly validation?: number | undefined;
  /** A field whose equal values stay on one side (one scene, one concept), else the id decides. */
  readonly splitBy?: string | undefined;
  /** Of the division and of `limit`'s choice. Default 0. */
  readonly seed?: number | undefined;
  /** At most so many images, chosen by hash over the whole split, in the set's order. */
  readonly limit?: number | undefined;
  /** Leaves out images without captions. */
  readonly needCaptions?: boolean | undefined;
  /** Default: sharp where it is installed, else plain TypeScript. JPEG pixels of the two differ a little (docs/data.md). */
  readonly decoder?: DecoderName | undefined;
  /** Threads that decode; 1 works in this one. */
  readonly workers?: number | undefined;
  /** Folder that keeps decoded images between runs, or false for none. Default `squares` in `ownCacheDir`. */
  readonly cache?: string | false | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/**
 * Decodes the images of one split. What cannot be read is left out and named in `skipped`, after what else of the set is passed over; a set in which nothing can be read is a `data` error.
 * Memory: count × height × width × 3 bytes, and a few images on the way.
 */
export async function loadImages(set: ImageSet, o: LoadImagesOptions): Promise<LoadedImages> {
  const geometry = geometryOf(o);
  if (o.limit !== undefined && !(o.limit >= 1))
    throw new BowError('config', `at most ${o.limit} images: none would be left`);
  const { chosen, skipped, notes } = await choose(set, o);
  const job = { geometry, decoder: o.decoder ?? (await imageDecoder()).name };
  const cache = await openCache(set, job, o);
  const maker = squareMaker(job, o.workers ?? 1);
  try {
    const filling = { ...o, geometry, total: count(chosen), skipped };
    const loaded = await fill(wanted(set, chosen, o.signal), filling, maker, cache, set);
    return { ...loaded, skipped: [...notes, ...loaded.skipped] };
  } finally {
    await maker.close();
    await cache?.close();
  }
}

const count = (flags: Uint8Array): number => flags.reduce((n, c) => n + c, 0);

type Filling = Pick<LoadImagesOptions, 'signal' | 'onProgress' | 'cache' | 'split'> & {
  readonly geometry: ImageGeometry;
  readonly total: number;
  readonly skipped: SkippedImage[];
};

function geometryOf({ size, fit, geometry }: LoadedShape): ImageGeometry {
  if (geometry) return geometry;
  if (Number.isInteger(size) && size >= 1) return squareGeometry(size, fit);
  throw new BowError('config', `an image size of ${size}`);
}

async function fill(
  records: AsyncIterable<ImageRecord>,
  o: Filling,
  maker: SquareMaker,
  cache: SquareCache | undefined,
  set: ImageSet,
): Promise<LoadedImages> {
  const { geometry, total, skipped } = o;
  const size = targetSize(geometry);
  const bytes = 3 * size.width * size.height;
  const pixels = allocatePixels(total, size, set.path);
  const row = (i: number): Uint8Array => pixels.subarray(i * bytes, (i + 1) * bytes);
  const kept: Omit<ImageRecord, 'read'>[] = []; // without what may hold the encoded bytes
  const fresh: { key: string; row: number }[] = [];
  let done = 0;
  for await (const made of inOrder(records, maker.atOnce, (r) => squareOf(r, bytes, maker, cache))) {
    throwIfAborted(o.signal, set.path);
    const { read: _, ...said } = made.record;
    if ('square' in made) {
      row(kept.length).set(made.square);
      if (made.key !== undefined) fresh.push({ key: made.key, row: kept.length });
      kept.push(said);
    } else skipped.push({ place: said.place, reason: made.reason });
    o.onProgress?.({ task: 'images', done: ++done, total, unit: 'images' });
  }
  if (kept.length === 0) throw nothing(set, o, skipped);
  const keys = fresh.map((f) => f.key);
  await keep(cache, keys, (i) => row(fresh[i]!.row), o);
  return {
    ...together(kept),
    ...size,
    fitted: geometryKey(geometry),
    pixels: pixels.subarray(0, kept.length * bytes),
    skipped,
  };
}

function together(
  kept: readonly Omit<ImageRecord, 'read'>[],
): Omit<LoadedImages, 'width' | 'height' | 'fitted' | 'pixels' | 'skipped'> {
  return {
    count: kept.length,
    captions: kept.map((r) => r.captions),
    ids: kept.map((r) => r.id),
    labels: kept.map((r) => r.label),
    fields: kept.map((r) => r.fields),
  };
}

type Made = { readonly record: ImageRecord } & (
  | { readonly square: Uint8Array; readonly key: string | undefined }
  | { readonly reason: string }
);

/** The square of one record: kept from before, or made now and then with the `key` to keep it under. */
async function squareOf(
  record: ImageRecord,
  size: number, // in bytes
  maker: SquareMaker,
  cache: SquareCache | undefined,
): Promise<Made> {
  try {
    const before = record.file === undefined ? undefined : await stat(record.file).catch(() => undefined);
    const bytes = before ? undefined : await record.read();
    // files are known by size and time, so that a second run need not read them; what lies in an archive has been read anyway
    const key = before ? keyOf([record.id, before.size, before.mtimeMs]) : cache ? keyOf(bytes!) : '';
    const square = new Uint8Array(cache ? size : 0);
    if (await cache?.read(key, square)) return { record, square, key: undefined };
    const made = await maker.make(bytes ?? (await record.read()), record.place);
    return 'reason' in made ? { record, reason: made.reason } : { record, square: made.square, key };
  } catch (e) {
    return { record, reason: reasonOf(e, record.place) };
  }
}

/** The cache asked for. A folder that was named must work; the usual one may be missing where nothing can be written. */
async function openCache(
  set: ImageSet,
  job: Required<SquareJob>,
  o: LoadImagesOptions,
): Promise<SquareCache | undefined> {
  if (o.cache === false) return undefined;
  const { split, validation, splitBy, seed, limit, needCaptions } = o;
  const selection = JSON.stringify({ split, validation, splitBy, seed, limit, needCaptions });
  const folder = o.cache ?? join(ownCacheDir(), 'squares');
  try {
    return await openSquareCache(folder, set.path, job, selection);
  } catch (e) {
    if (o.cache === undefined) return undefined;
    throw fileError(e, folder);
  }
}

async function keep(
  cache: SquareCache | undefined,
  keys: readonly string[],
  rows: (index: number) => Uint8Array,
  o: LoadImagesOptions,
): Promise<void> {
  try {
    await cache?.finish(keys, rows);
  } catch (e) {
    if (typeof o.cache === 'string') throw fileError(e, o.cache);
  }
}

type Choice = { readonly chosen: Uint8Array; readonly skipped: SkippedImage[]; readonly notes: SkippedImage[] };

/** Goes through the set once without decoding: which records are wanted (1 a record), and which are out by what is said about them. */
async function choose(set: ImageSet, o: LoadImagesOptions): Promise<Choice> {
  const { split = 'all', seed = 0, limit = Number.POSITIVE_INFINITY } = o;
  const skipped: SkippedImage[] = [];
  const notes: SkippedImage[] = [];
  const chosen: number[] = [];
  const ranks: { at: number; rank: number }[] = [];
  const seen = new Set<string>();
  let fieldSeen = false;
  for await (const record of set.records({ signal: o.signal, onNote: (n) => notes.push(n) })) {
    const at = chosen.push(0) - 1;
    fieldSeen ||= o.splitBy !== undefined && record.fields[o.splitBy] !== undefined;
    if (split !== 'all' && splitOf(splitKey(record, o.splitBy), { validation: o.validation, seed }) !== split) continue;
    const reason = seen.has(record.id) ? `duplicate id "${record.id}"` : undefined;
    seen.add(record.id);
    const without = o.needCaptions && record.captions.length === 0 ? 'no caption' : undefined;
    if (reason ?? without) skipped.push({ place: record.place, reason: (reason ?? without)! });
    else ranks.push({ at, rank: hash32(record.id, seed + 1) });
  }
  if (o.splitBy !== undefined && chosen.length > 0 && !fieldSeen)
    throw new BowError('data', `no image has the field "${o.splitBy}"`, { place: set.path });
  if (ranks.length > limit) ranks.sort((a, b) => a.rank - b.rank || a.at - b.at).length = limit;
  for (const { at } of ranks) chosen[at] = 1;
  return { chosen: Uint8Array.from(chosen), skipped, notes };
}

async function* wanted(
  set: ImageSet,
  chosen: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImageRecord> {
  let at = 0;
  for await (const record of set.records({ signal })) if (chosen[at++] === 1) yield record;
}

function nothing(set: ImageSet, o: LoadImagesOptions, skipped: readonly SkippedImage[]): BowError {
  const [first] = skipped;
  const where = o.split === undefined || o.split === 'all' ? '' : ` for ${o.split}`;
  return new BowError('data', `no image can be read${where}`, {
    place: set.path,
    detail: { skipped: skipped.length, ...(first ? { first: `${first.place}: ${first.reason}` } : {}) },
  });
}
