/** What an image set holds: every image decoded once, nothing kept but counts and a few squares for a contact sheet. */
import { BowError, type OnProgress, throwIfAborted } from '../../base/index.ts';
import { squareGeometry } from '../../image/index.ts';
import { type DecoderName, imageDecoder } from '../../image/node/index.ts';
import { type ImageCounts, imageCounter, noField } from '../image-counts.ts';
import type { ImageRecord, ImageSet, ImageSetFormat, SkippedImage } from '../images.ts';
import { inOrder } from './in-order.ts';
import { reasonOf, type Square, type SquareMaker, squareMaker } from './squares.ts';

export type ImageReport = ImageCounts & {
  readonly path: string;
  readonly format: ImageSetFormat;
  /** What is no image and was passed over, and how the set was read where it can be read in several ways. */
  readonly notes: readonly SkippedImage[];
  /** Who decoded, and why it was not sharp. */
  readonly decoder: { readonly name: DecoderName; readonly reason?: string };
  /** Squares for a contact sheet with what is said about each: the whole image on white, [size × size × 3]. */
  readonly samples: readonly { readonly id: string; readonly caption: string; readonly square: Uint8Array }[];
};

export type InspectOptions = {
  /** As in `loadImages`: how the set would be divided. */
  readonly validation?: number | undefined;
  readonly splitBy?: string | undefined;
  readonly seed?: number | undefined;
  /** Images for a contact sheet, evenly over the set, and their width and height. */
  readonly samples?: { readonly count: number; readonly size: number } | undefined;
  readonly workers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** Goes through a set and decodes every image. Error `data` for a set without records or without the field to divide by; one in which nothing can be read is a report like any. */
export async function inspectImages(set: ImageSet, o: InspectOptions = {}): Promise<ImageReport> {
  const notes: SkippedImage[] = [];
  const total = await countRecords(set, notes, o.signal);
  const { count, size } = o.samples ?? { count: 0, size: 1 };
  const maker = squareMaker({ geometry: squareGeometry(size, 'pad') }, o.workers ?? 1);
  const counter = imageCounter(o);
  const samples: { id: string; caption: string; square: Uint8Array }[] = [];
  let done = 0;
  try {
    const records = set.records({ signal: o.signal });
    for await (const { record, made } of inOrder(records, maker.atOnce, (r) => outcome(r, maker))) {
      throwIfAborted(o.signal, set.path);
      counter.add(record, 'reason' in made ? made : { width: made.width, height: made.height });
      if ('square' in made && samples.length < count && samples.length * total <= done * count)
        samples.push({ id: record.id, caption: record.captions[0] ?? record.label ?? '', square: made.square });
      o.onProgress?.({ task: 'inspect', done: ++done, total, unit: 'images' });
    }
  } finally {
    await maker.close();
  }
  const counts = counter.report();
  if (o.splitBy !== undefined && counts.readable > 0 && !counts.fields.some((f) => f.name === o.splitBy))
    throw noField(
      o.splitBy,
      set.path,
      counts.fields.map((f) => f.name),
    );
  return { path: set.path, format: set.format, notes, decoder: await imageDecoder(), ...counts, samples };
}

async function countRecords(set: ImageSet, notes: SkippedImage[], signal: AbortSignal | undefined): Promise<number> {
  let n = 0;
  for await (const _ of set.records({ signal, onNote: (note) => notes.push(note) })) n++;
  if (n > 0) return n;
  const [first] = notes;
  throw new BowError('data', 'a set without images', {
    place: set.path,
    detail: first ? { 'passed over': `${first.place}: ${first.reason}` } : {},
  });
}

async function outcome(record: ImageRecord, maker: SquareMaker): Promise<{ record: ImageRecord; made: Square }> {
  try {
    return { record, made: await maker.make(await record.read(), record.place) };
  } catch (e) {
    return { record, made: { reason: reasonOf(e, record.place) } };
  }
}
