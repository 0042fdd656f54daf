/** Image files through a system: decoded a few at a time ahead of the model, so that reading, decoding and computing overlap. */
import { isBowError, throwIfAborted } from '../../base/index.ts';
import type { CallOptions, EncodesImages, OpenSystem, RgbImage, Vectors } from '../../capabilities/index.ts';
import { fitImage } from '../../image/index.ts';
import { decodeImage } from '../../image/node/index.ts';
import type { ImageRecord, SkippedImage } from '../images.ts';

/** A batch of encoded images: row i of `vectors` is `records[i]`. `skipped`: images on the way that could not be read. */
export type EncodedImageRecords<R extends ImageRecord = ImageRecord> = {
  readonly records: readonly R[];
  readonly vectors: Vectors;
  readonly skipped: readonly SkippedImage[];
};

/** Images that are read and decoded at a time: native decoders use threads of their own, and a photograph may take 50 MB. */
const AHEAD = 16;

/**
 * Encodes records in their order, `batch` at a time (default 64). An image is fitted to what the system sees of it as soon as it is decoded, so
 * that memory holds a few whole images only. What cannot be read is named in `skipped` and left out.
 */
export async function* encodeImageRecords<R extends ImageRecord>(
  system: OpenSystem & EncodesImages,
  records: AsyncIterable<R> | Iterable<R>,
  o: CallOptions & { readonly batch?: number } = {},
): AsyncGenerator<EncodedImageRecords<R>> {
  const { batch = 64 } = o;
  let [kept, images, skipped]: [R[], RgbImage[], SkippedImage[]] = [[], [], []];
  const encoded = async (): Promise<EncodedImageRecords<R>> => {
    const vectors = await system.encodeImages(images, o);
    const done = { records: kept, vectors, skipped };
    [kept, images, skipped] = [[], [], []];
    return done;
  };
  for await (const { record, image } of decodedImages(records, system, o)) {
    if ('reason' in image) skipped.push({ place: record.place, reason: image.reason });
    else {
      kept.push(record);
      images.push(image);
    }
    if (images.length === batch) yield await encoded();
  }
  if (images.length + skipped.length > 0) yield await encoded();
}

type Decoded<R> = { readonly record: R; readonly image: RgbImage | { readonly reason: string } };

async function* decodedImages<R extends ImageRecord>(
  records: AsyncIterable<R> | Iterable<R>,
  system: OpenSystem,
  o: CallOptions,
): AsyncGenerator<Decoded<R>> {
  const queue: Promise<Decoded<R>>[] = [];
  for await (const record of records) {
    throwIfAborted(o.signal, record.place);
    const decoding = decoded(record, system);
    decoding.catch(() => {}); // reported when its turn comes
    queue.push(decoding);
    if (queue.length >= AHEAD) yield await queue.shift()!;
  }
  for (const waiting of queue) yield await waiting;
}

async function decoded<R extends ImageRecord>(record: R, { preprocessing }: OpenSystem): Promise<Decoded<R>> {
  try {
    const image = await decodeImage(await record.read(), { place: record.place });
    return { record, image: preprocessing ? fitImage(image, preprocessing) : image };
  } catch (e) {
    if (!isBowError(e) || e.code !== 'data') throw e;
    return { record, image: { reason: e.message.replace(` (at ${e.place})`, '') } };
  }
}
