/** Picture files through a system: decoded a few at a time ahead of the model, so that reading, decoding and computing overlap. */
import { isBowError, throwIfAborted } from '../base/index.ts';
import type { PictureRecord, SkippedPicture } from '../data/index.ts';
import { fitSquare } from '../image/index.ts';
import { decodePicture } from '../image/node/index.ts';
import type { CallOptions, EncodesImages, OpenSystem, RgbPicture, Vectors } from './capabilities.ts';

/** A batch of encoded pictures: row i of `vectors` is `records[i]`. `skipped`: pictures on the way that could not be read. */
export type EncodedPictures<R extends PictureRecord = PictureRecord> = {
  readonly records: readonly R[];
  readonly vectors: Vectors;
  readonly skipped: readonly SkippedPicture[];
};

/** Pictures that are read and decoded at a time: native decoders use threads of their own, and a photograph may take 50 MB. */
const AHEAD = 16;

/**
 * Encodes records in their order, `batch` at a time (default 64). A picture is cut to the system's own square as soon as it is decoded, so that
 * memory holds a few whole pictures only. What cannot be read is named in `skipped` and left out.
 */
export async function* encodePictures<R extends PictureRecord>(
  system: OpenSystem & EncodesImages,
  records: AsyncIterable<R> | Iterable<R>,
  o: CallOptions & { readonly batch?: number } = {},
): AsyncGenerator<EncodedPictures<R>> {
  const { batch = 64 } = o;
  let [kept, pictures, skipped]: [R[], RgbPicture[], SkippedPicture[]] = [[], [], []];
  const encoded = async (): Promise<EncodedPictures<R>> => {
    const vectors = await system.encodeImages(pictures, o);
    const done = { records: kept, vectors, skipped };
    [kept, pictures, skipped] = [[], [], []];
    return done;
  };
  for await (const { record, picture } of decodedPictures(records, system, o)) {
    if ('reason' in picture) skipped.push({ place: record.place, reason: picture.reason });
    else {
      kept.push(record);
      pictures.push(picture);
    }
    if (pictures.length === batch) yield await encoded();
  }
  if (pictures.length + skipped.length > 0) yield await encoded();
}

type Decoded<R> = { readonly record: R; readonly picture: RgbPicture | { readonly reason: string } };

async function* decodedPictures<R extends PictureRecord>(
  records: AsyncIterable<R> | Iterable<R>,
  system: OpenSystem,
  o: CallOptions,
): AsyncGenerator<Decoded<R>> {
  const queue: Promise<Decoded<R>>[] = [];
  for await (const record of records) {
    throwIfAborted(o.signal, record.place);
    const decoding = decoded(record, system);
    decoding.catch(() => {}); // told when its turn comes
    queue.push(decoding);
    if (queue.length >= AHEAD) yield await queue.shift()!;
  }
  for (const waiting of queue) yield await waiting;
}

async function decoded<R extends PictureRecord>(
  record: R,
  { imageSize: size, imageFit }: OpenSystem,
): Promise<Decoded<R>> {
  try {
    const picture = await decodePicture(await record.read(), { place: record.place });
    if (size === undefined) return { record, picture };
    return { record, picture: { width: size, height: size, data: fitSquare(picture, size, imageFit) } };
  } catch (e) {
    if (!isBowError(e) || e.code !== 'data') throw e;
    return { record, picture: { reason: e.message.replace(` (at ${e.place})`, '') } };
  }
}
