/** Images on disk to evaluate systems on. */
import { BowError, type OnProgress } from '../../base/index.ts';
import type { CallOptions, EncodesImages, OpenSystem, Vectors } from '../../capabilities/index.ts';
import type { ImageRecord, ImageSet, LoadedImages } from '../../data/index.ts';
import { encodeImageRecords, loadImages } from '../../data/node/index.ts';
import { type ImageTest, onceForEach } from '../index.ts';

/** How a test is taken from a set. */
export type SetTestOptions = {
  readonly split?: 'train' | 'validation' | 'all';
  readonly splitBy?: string | undefined;
  /** Most images; default all. */
  readonly limit?: number | undefined;
  /** What progress calls it. */
  readonly name?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** A test set; `values`: of the field `splitBy`, one for each image. */
export type SetTest = ImageTest & { readonly values?: readonly (string | number | boolean | undefined)[] };

/** Side of the small squares. */
const SMALL = 64;

/**
 * Images of a set. The set is read again for every system, so that each sees them in its own size and memory holds the small squares
 * only. Errors as `loadImages`.
 */
export async function setTest(set: ImageSet, o: SetTestOptions = {}): Promise<SetTest> {
  const { name = 'images', onProgress, splitBy } = o;
  const report: OnProgress = (p) => onProgress?.({ ...p, task: name });
  const loaded = await loadImages(set, { ...o, onProgress: report, size: SMALL });
  return {
    count: loaded.count,
    captions: loaded.captions,
    labels: loaded.labels,
    small: loaded,
    skipped: loaded.skipped,
    ...(splitBy === undefined ? {} : { values: loaded.fields.map((own) => own[splitBy]) }),
    encode: onceForEach((system, call) => encodeSet(set, loaded, system, { ...call, name, onProgress })),
  };
}

async function encodeSet(
  set: ImageSet,
  { ids, count }: LoadedImages,
  system: OpenSystem & EncodesImages,
  o: CallOptions & { readonly name: string; readonly onProgress: OnProgress | undefined },
): Promise<Vectors> {
  let [data, done] = [new Float32Array(0), 0];
  let width = 0;
  for await (const part of encodeImageRecords(system, chosen(set, ids, o.signal), o)) {
    if ('indptr' in part.vectors) throw new BowError('usage', `${system.id} gives sparse vectors of images`);
    if (done === 0) {
      width = part.vectors.width;
      data = new Float32Array(count * width);
    }
    data.set(part.vectors.data, done * width);
    done += part.records.length;
    o.onProgress?.({ task: `${system.id}: ${o.name}`, done, total: count, unit: 'images' });
  }
  if (done !== count) throw new BowError('data', `${done} of ${count} images could be read again`, { place: set.path });
  return { rows: count, width, data };
}

/** The records with these ids, which stand in the order of the set. */
async function* chosen(
  set: ImageSet,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<ImageRecord> {
  let at = 0;
  for await (const record of set.records({ signal }))
    if (record.id === ids[at]) {
      at++;
      yield record;
    }
}
