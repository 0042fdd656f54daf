/** Pictures to judge systems by: what is said about them, and what a system makes of them, computed once however many tasks ask for it. */
import { BowError, type OnProgress } from '../base/index.ts';
import {
  type LoadedPictures,
  loadPictures,
  type PicturePairs,
  type PictureRecord,
  type PictureSet,
  pictureOf,
  type SkippedPicture,
} from '../data/index.ts';
import {
  type CallOptions,
  type EncodesImages,
  encodePictures,
  type OpenSystem,
  type RgbPicture,
  type Vectors,
} from '../systems/index.ts';

/** A test set. */
export type PictureTest = {
  readonly count: number;
  readonly captions: PicturePairs['captions'];
  /** Class of each picture, where it has one. */
  readonly labels: readonly (string | undefined)[];
  /** The pictures as small squares, for reports and controls. */
  readonly small: PicturePairs;
  readonly skipped: readonly SkippedPicture[];
  /** Row i is picture i. */
  encode(system: OpenSystem & EncodesImages, o?: CallOptions): Promise<Vectors>;
};

/** All pictures of a set, as systems take them. */
export function picturesOf(pairs: PicturePairs): RgbPicture[] {
  return pairs.captions.map((_, i) => pictureOf(pairs, i));
}

/** Pictures that are in memory already. */
export function memoryTest(pairs: PicturePairs & { readonly labels?: readonly (string | undefined)[] }): PictureTest {
  return {
    count: pairs.count,
    captions: pairs.captions,
    labels: pairs.labels ?? pairs.captions.map(() => undefined),
    small: pairs,
    skipped: [],
    encode: onceForEach((system, o) => system.encodeImages(picturesOf(pairs), o)),
  };
}

/** How a test is taken from a set. */
export type SetTestOptions = {
  readonly split?: 'train' | 'validation' | 'all';
  readonly splitBy?: string | undefined;
  /** Most pictures; default all. */
  readonly limit?: number | undefined;
  /** What progress calls it. */
  readonly name?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** Side of the small squares. */
const SMALL = 64;

/**
 * Pictures of a set. The set is gone through again for every system, so that each sees them in its own size and memory holds the small squares
 * only. Errors as `loadPictures`.
 */
export async function setTest(set: PictureSet, o: SetTestOptions = {}): Promise<PictureTest> {
  const { name = 'pictures', onProgress } = o;
  const told: OnProgress = (p) => onProgress?.({ ...p, task: name });
  const loaded = await loadPictures(set, { ...o, onProgress: told, size: SMALL });
  return {
    count: loaded.count,
    captions: loaded.captions,
    labels: loaded.labels,
    small: loaded,
    skipped: loaded.skipped,
    encode: onceForEach((system, call) => encodeSet(set, loaded, system, { ...call, name, onProgress })),
  };
}

async function encodeSet(
  set: PictureSet,
  { ids, count }: LoadedPictures,
  system: OpenSystem & EncodesImages,
  o: CallOptions & { readonly name: string; readonly onProgress: OnProgress | undefined },
): Promise<Vectors> {
  let [data, done] = [new Float32Array(0), 0];
  let width = 0;
  for await (const part of encodePictures(system, chosen(set, ids, o.signal), o)) {
    if ('indptr' in part.vectors) throw new BowError('usage', `${system.id} gives sparse vectors of pictures`);
    if (done === 0) {
      width = part.vectors.width;
      data = new Float32Array(count * width);
    }
    data.set(part.vectors.data, done * width);
    done += part.records.length;
    o.onProgress?.({ task: `${system.id}: ${o.name}`, done, total: count, unit: 'pictures' });
  }
  if (done !== count)
    throw new BowError('data', `${done} of ${count} pictures could be read again`, { place: set.path });
  return { rows: count, width, data };
}

/** The records with these ids, which stand in the order of the set. */
async function* chosen(
  set: PictureSet,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<PictureRecord> {
  let at = 0;
  for await (const record of set.records({ signal }))
    if (record.id === ids[at]) {
      at++;
      yield record;
    }
}

type Encode = (system: OpenSystem & EncodesImages, o?: CallOptions) => Promise<Vectors>;

function onceForEach(encode: Encode): Encode {
  const known = new WeakMap<OpenSystem, Promise<Vectors>>();
  return (system, o) => {
    const found = known.get(system) ?? encode(system, o);
    known.set(system, found);
    found.catch(() => known.delete(system));
    return found;
  };
}
