/** A set of pictures decoded into memory as squares of one size: what training, probing and searching start from. */
import { BowError, hash32, isBowError, type OnProgress, throwIfAborted } from '../base/index.ts';
import { fitSquare, type SquareFit } from '../image/index.ts';
import { decodePicture } from '../image/node/index.ts';
import type { LoadedPictures, PictureRecord, PictureSet, SkippedPicture } from './pictures.ts';
import { splitOf } from './split.ts';

export type LoadPicturesOptions = {
  /** Width and height in pixels. */
  readonly size: number;
  /** Default all. */
  readonly split?: 'train' | 'validation' | 'all' | undefined;
  /** Share of the pictures held out, default 0.1. */
  readonly validation?: number | undefined;
  /** A field whose equal values stay on one side (one scene, one concept), else the id decides. */
  readonly splitBy?: string | undefined;
  /** Of the division and of `limit`'s choice. Default 0. */
  readonly seed?: number | undefined;
  /** At most so many pictures, chosen by hash over the whole split, in the set's order. */
  readonly limit?: number | undefined;
  /** Default crop, as CLIP looks at pictures. */
  readonly fit?: SquareFit | undefined;
  /** Leaves out pictures without captions. */
  readonly needCaptions?: boolean | undefined;
  /** Threads that decode; 1 works in this one. */
  readonly workers?: number | undefined;
  /** Folder that keeps decoded squares between runs, or false for none. */
  readonly cache?: string | false | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/**
 * Decodes the pictures of one split. What cannot be read is left out and named in `skipped`; a set in which nothing can be read is a `data` error.
 * Memory: count × size² × 3 bytes, and a few pictures on the way.
 */
export async function loadPictures(set: PictureSet, o: LoadPicturesOptions): Promise<LoadedPictures> {
  if (!Number.isInteger(o.size) || o.size < 1) throw new BowError('config', `a picture size of ${o.size}`);
  const { chosen, skipped } = await choose(set, o);
  const bytes = 3 * o.size * o.size;
  const total = chosen.reduce((n, c) => n + c, 0);
  const pixels = new Uint8Array(total * bytes);
  const kept: Omit<PictureRecord, 'read'>[] = []; // without what may hold the encoded bytes
  let done = 0;
  for await (const { record, square } of decoded(wanted(set, chosen, o.signal), o)) {
    if (square instanceof Uint8Array) {
      pixels.set(square, kept.length * bytes);
      const { read: _, ...said } = record;
      kept.push(said);
    } else skipped.push({ place: record.place, reason: square.reason });
    o.onProgress?.({ task: 'pictures', done: ++done, total, unit: 'pictures' });
  }
  if (kept.length === 0) throw nothing(set, o, skipped);
  return {
    count: kept.length,
    size: o.size,
    pixels: pixels.subarray(0, kept.length * bytes),
    captions: kept.map((r) => r.captions),
    ids: kept.map((r) => r.id),
    labels: kept.map((r) => r.label),
    fields: kept.map((r) => r.fields),
    skipped,
  };
}

type Choice = { readonly chosen: Uint8Array; readonly skipped: SkippedPicture[] };

/** Goes through the set once without decoding: which records are wanted (1 a record), and which are out by what is said about them. */
async function choose(set: PictureSet, o: LoadPicturesOptions): Promise<Choice> {
  const { split = 'all', seed = 0, limit = Number.POSITIVE_INFINITY } = o;
  const skipped: SkippedPicture[] = [];
  const chosen: number[] = [];
  const ranks: { at: number; rank: number }[] = [];
  const seen = new Set<string>();
  let fieldSeen = false;
  for await (const record of set.records({ signal: o.signal })) {
    const at = chosen.push(0) - 1;
    const field = o.splitBy === undefined ? undefined : record.fields[o.splitBy];
    fieldSeen ||= field !== undefined;
    const key = field === undefined ? record.id : String(field);
    if (split !== 'all' && splitOf(key, { validation: o.validation, seed }) !== split) continue;
    const reason = seen.has(record.id) ? `the id "${record.id}" came before` : undefined;
    seen.add(record.id);
    const without = o.needCaptions && record.captions.length === 0 ? 'no caption' : undefined;
    if (reason ?? without) skipped.push({ place: record.place, reason: (reason ?? without)! });
    else ranks.push({ at, rank: hash32(record.id, seed + 1) });
  }
  if (o.splitBy !== undefined && chosen.length > 0 && !fieldSeen)
    throw new BowError('data', `no picture has the field "${o.splitBy}"`, { place: set.path });
  if (ranks.length > limit) ranks.sort((a, b) => a.rank - b.rank || a.at - b.at).length = limit;
  for (const { at } of ranks) chosen[at] = 1;
  return { chosen: Uint8Array.from(chosen), skipped };
}

async function* wanted(
  set: PictureSet,
  chosen: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<PictureRecord> {
  let at = 0;
  for await (const record of set.records({ signal })) if (chosen[at++] === 1) yield record;
}

type Decoded = { readonly record: PictureRecord; readonly square: Uint8Array | { readonly reason: string } };

/** Squares in the order of the records, a few at work at any time. */
async function* decoded(records: AsyncIterable<PictureRecord>, o: LoadPicturesOptions): AsyncGenerator<Decoded> {
  const queue: Promise<Decoded>[] = [];
  for await (const record of records) {
    throwIfAborted(o.signal, record.place);
    queue.push(squareOf(record, o));
    if (queue.length >= 8) yield await queue.shift()!;
  }
  for (const waiting of queue) yield await waiting;
}

async function squareOf(record: PictureRecord, o: LoadPicturesOptions): Promise<Decoded> {
  try {
    const picture = await decodePicture(await record.read(), { place: record.place });
    return { record, square: fitSquare(picture, o.size, o.fit) };
  } catch (e) {
    if (!isBowError(e) || e.code !== 'data') throw e;
    return { record, square: { reason: e.message.replace(` (at ${e.place})`, '') } };
  }
}

function nothing(set: PictureSet, o: LoadPicturesOptions, skipped: readonly SkippedPicture[]): BowError {
  const [first] = skipped;
  const where = o.split === undefined || o.split === 'all' ? '' : ` for ${o.split}`;
  return new BowError('data', `no picture can be read${where}`, {
    place: set.path,
    detail: { skipped: skipped.length, ...(first ? { first: `${first.place}: ${first.reason}` } : {}) },
  });
}
