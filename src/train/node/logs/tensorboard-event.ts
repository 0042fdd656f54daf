/**
 * TensorBoard's messages (tensorflow/core/util/event.proto, framework/summary.proto) as bytes, and the record frame around them.
 * Field numbers are those of the .proto files.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { maskedCrc32c } from './crc32c.ts';

const tag = {
  event: { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 },
  summary: { value: 1 },
  value: { tag: 1, simpleValue: 2, image: 4, histogram: 5, tensor: 8, metadata: 9 },
  image: { height: 1, width: 2, colorspace: 3, encoded: 4 },
  histogram: { min: 1, max: 2, num: 3, sum: 4, sumSquares: 5, bucketLimit: 6, bucket: 7 },
} as const;

/** What one summary value holds. */
export type SummaryContent =
  | { readonly scalar: number }
  | { readonly image: EncodedImage }
  | { readonly histogram: ArrayLike<number> }
  | { readonly text: string };

/** An image as PNG, JPEG or GIF bytes. */
export type EncodedImage = {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 3 | 4;
  readonly bytes: Uint8Array;
};

/** `u64 length · masked CRC · bytes · masked CRC`: one record of an event file. */
export function frame(event: Uint8Array): Uint8Array {
  const out = new Uint8Array(event.length + 16);
  const view = new DataView(out.buffer);
  view.setUint32(0, event.length, true);
  view.setUint32(8, maskedCrc32c(out.subarray(0, 8)), true);
  out.set(event, 12);
  view.setUint32(12 + event.length, maskedCrc32c(event), true);
  return out;
}

/** The event that every file starts with. */
export function versionEvent(wallTime: number): Uint8Array {
  const w = new BinaryWriter().tag(tag.event.wallTime, WireType.Bit64).double(wallTime);
  return w.tag(tag.event.fileVersion, WireType.LengthDelimited).string('brain.Event:2').finish();
}

/** Tells TensorBoard that a run resumes here: whatever older files hold at `step` and after is forgotten. */
export function restartEvent(wallTime: number, step: number): Uint8Array {
  const w = header(wallTime, step).tag(tag.event.sessionLog, WireType.LengthDelimited).fork();
  return w.tag(1, WireType.Varint).int32(1).join().finish(); // SessionLog.status = START
}

/** One value of one tag at one step. `wallTime` in seconds. */
export function summaryEvent(wallTime: number, step: number, name: string, content: SummaryContent): Uint8Array {
  const w = header(wallTime, step).tag(tag.event.summary, WireType.LengthDelimited).fork();
  w.tag(tag.summary.value, WireType.LengthDelimited).fork();
  w.tag(tag.value.tag, WireType.LengthDelimited).string(name);
  if ('scalar' in content) w.tag(tag.value.simpleValue, WireType.Bit32).float(content.scalar);
  else if ('image' in content) writeImage(w, content.image);
  else if ('histogram' in content) writeHistogram(w, content.histogram);
  else writeText(w, content.text);
  return w.join().join().finish();
}

function header(wallTime: number, step: number): BinaryWriter {
  const w = new BinaryWriter().tag(tag.event.wallTime, WireType.Bit64).double(wallTime);
  return w.tag(tag.event.step, WireType.Varint).int64(step);
}

function writeImage(w: BinaryWriter, image: EncodedImage): void {
  w.tag(tag.value.image, WireType.LengthDelimited).fork();
  w.tag(tag.image.height, WireType.Varint).int32(image.height);
  w.tag(tag.image.width, WireType.Varint).int32(image.width);
  w.tag(tag.image.colorspace, WireType.Varint).int32(image.channels);
  w.tag(tag.image.encoded, WireType.LengthDelimited).bytes(image.bytes).join();
}

/** A string tensor with one element, and the metadata that makes the text plug-in show it (as Markdown). */
function writeText(w: BinaryWriter, text: string): void {
  const bytes = WireType.LengthDelimited;
  w.tag(tag.value.tensor, bytes).fork().tag(1, WireType.Varint).int32(7); // dtype = DT_STRING
  w.tag(2, bytes).fork().tag(2, bytes).fork().tag(1, WireType.Varint).int64(1).join().join(); // tensor_shape.dim[0].size
  w.tag(8, bytes).string(text).join(); // string_val
  w.tag(tag.value.metadata, bytes).fork().tag(1, bytes).fork().tag(1, bytes).string('text').join().join(); // plugin_data.plugin_name
}

/** Upper limits of TensorFlow's default buckets (core/lib/histogram/histogram.cc): ±10⁻¹² · 1.1ᵏ up to 10²⁰, zero between. */
const limits: Float64Array = (() => {
  const positive: number[] = [];
  for (let v = 1e-12; v < 1e20; v *= 1.1) positive.push(v);
  positive.push(Number.MAX_VALUE);
  return Float64Array.from([...positive.map((v) => -v).reverse(), 0, ...positive]);
})();

/** Counts finite values into the default buckets; runs of empty buckets are merged, as TensorFlow writes them. */
function writeHistogram(w: BinaryWriter, values: ArrayLike<number>): void {
  const counts = new Float64Array(limits.length);
  let [min, max, num, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (!Number.isFinite(v)) continue;
    counts[bucketOf(v)]! += 1;
    min = Math.min(min, v);
    max = Math.max(max, v);
    num++;
    sum += v;
    squares += v * v;
  }
  if (num === 0) [min, max] = [0, 0];
  const { limit, bucket } = merged(counts);
  w.tag(tag.value.histogram, WireType.LengthDelimited).fork();
  const fields = { min, max, num, sum, sumSquares: squares };
  for (const [k, v] of Object.entries(fields)) {
    w.tag(tag.histogram[k as keyof typeof fields], WireType.Bit64).double(v);
  }
  for (const [field, list] of [
    [tag.histogram.bucketLimit, limit],
    [tag.histogram.bucket, bucket],
  ] as const) {
    w.tag(field, WireType.LengthDelimited).fork();
    for (const v of list) w.double(v);
    w.join();
  }
  w.join();
}

/** First bucket whose limit lies above the value. */
function bucketOf(value: number): number {
  let low = 0;
  let high = limits.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (limits[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function merged(counts: Float64Array): { limit: number[]; bucket: number[] } {
  const limit: number[] = [];
  const bucket: number[] = [];
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0 && bucket.at(-1) === 0) limit[limit.length - 1] = limits[i]!;
    else {
      limit.push(limits[i]!);
      bucket.push(counts[i]!);
    }
  }
  return { limit, bucket };
}
