/**
 * How a camera was held: the EXIF orientation of JPEG and PNG files (EXIF 2.3, §4.6.4 A, tag 0x0112), and images turned by it. Where EXIF lies and
 * what counts when it says nothing is Pillow's `Image.getexif`.
 */
import { inflateSync } from 'node:zlib';
import { imageHeader, jpegSegments } from '../image-formats.ts';

/** 1 (as stored) to 8, and who says so: EXIF where decoders look for it, or a text that they pass over. */
export type Orientation = { readonly value: number; readonly by: 'exif' | 'text' };

/** As stored (1) where nothing is said or what is said is nonsense. */
export function exifOrientation(bytes: Uint8Array): Orientation {
  const { exif, profile, xmp } = orientationSources(bytes);
  const said = exif && tiffOrientation(exif);
  if (said !== undefined) return { value: sane(said), by: 'exif' };
  const raw = exif ? undefined : profile && tiffOrientation(profile);
  return { value: sane(raw ?? xmpOrientation(xmp)), by: 'text' };
}

/** What an XMP packet says, found as Pillow finds it; 1 where it says nothing. */
export function xmpOrientation(xmp: string | undefined): number {
  return sane(Number(/tiff:Orientation(?:="|>)([0-9])/.exec(xmp ?? '')?.[1] ?? 1));
}

const sane = (value: number): number => (value >= 1 && value <= 8 ? value : 1);

/** A TIFF header with its tags, ImageMagick's of older years (hexadecimal digits in a text of a PNG), and an XMP packet. */
type Sources = {
  readonly exif?: Uint8Array | undefined;
  readonly profile?: Uint8Array | undefined;
  readonly xmp?: string | undefined;
};

function orientationSources(bytes: Uint8Array): Sources {
  const format = imageHeader(bytes)?.format;
  return format === 'jpeg' ? jpegSources(bytes) : format === 'png' ? pngSources(bytes) : {};
}

const latin = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
const exifMark = 'Exif\0\0';
const withoutMark = (bytes: Uint8Array): Uint8Array =>
  latin(bytes.subarray(0, 6)) === exifMark ? bytes.subarray(6) : bytes;

function jpegSources(bytes: Uint8Array): Sources {
  const xmpMark = 'http://ns.adobe.com/xap/1.0/\0';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [exif, xmp]: [Uint8Array | undefined, string | undefined] = [undefined, undefined];
  for (const { marker, from, to } of jpegSegments(view)) {
    if (marker !== 0xe1) continue;
    const content = bytes.subarray(from, to);
    const start = latin(content.subarray(0, xmpMark.length));
    if (start.startsWith(exifMark)) exif ??= content.subarray(6);
    else if (start === xmpMark) xmp ??= latin(content.subarray(xmpMark.length));
  }
  return { exif, xmp };
}

function pngSources(bytes: Uint8Array): Sources {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let exif: Uint8Array | undefined;
  const texts = new Map<string, string>();
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const content = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const type = latin(bytes.subarray(at + 4, at + 8));
    if (type === 'eXIf') exif ??= withoutMark(content);
    if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') continue;
    const end = content.indexOf(0);
    const keyword = latin(content.subarray(0, Math.max(0, end)));
    if (keyword === rawProfile || keyword === xmpPacket) texts.set(keyword, textOf(type, content.subarray(end + 1)));
  }
  const hex = texts.get(rawProfile)?.split('\n').slice(3).join('');
  const profile = hex === undefined ? undefined : withoutMark(new Uint8Array(Buffer.from(hex, 'hex')));
  return { exif, profile, xmp: texts.get(xmpPacket) };
}

const rawProfile = 'Raw profile type exif';
const xmpPacket = 'XML:com.adobe.xmp';

/** The text of a chunk behind its keyword (PNG 3, §11.3.3); '' where it cannot be inflated to less than Pillow's megabyte. */
function textOf(type: 'tEXt' | 'zTXt' | 'iTXt', content: Uint8Array): string {
  if (type === 'tEXt') return latin(content);
  if (type === 'zTXt') return inflated(content.subarray(1));
  const language = content.indexOf(0, 2);
  const translated = content.indexOf(0, language + 1);
  if (language < 0 || translated < 0) return '';
  const text = content.subarray(translated + 1);
  return content[0] ? inflated(text) : latin(text);
}

function inflated(bytes: Uint8Array): string {
  try {
    return latin(inflateSync(bytes, { maxOutputLength: 2 ** 20 }));
  } catch {
    return '';
  }
}

/** The tag in the first directory of a TIFF header; undefined where it is not there. */
export function tiffOrientation(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 14) return undefined;
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return undefined;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > view.byteLength) return undefined;
    if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
  }
  return undefined;
}

type Rgb = { readonly width: number; readonly height: number; readonly data: Uint8Array };

/** An RGB image turned and mirrored so that it stands upright. */
export function upright(p: Rgb, orientation: number): Rgb {
  if (orientation <= 1) return p;
  const { width: w, height: h } = p;
  const turned = orientation >= 5; // rows become columns
  const [width, height] = turned ? [h, w] : [w, h];
  const right = [2, 3, 7, 8].includes(orientation); // stored x runs from the far side
  const low = [3, 4, 6, 7].includes(orientation); // stored y runs from the far side
  const data = new Uint8Array(p.data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [u, v] = turned ? [y, x] : [x, y];
      const from = 3 * ((low ? h - 1 - v : v) * w + (right ? w - 1 - u : u));
      const to = 3 * (y * width + x);
      data[to] = p.data[from]!;
      data[to + 1] = p.data[from + 1]!;
      data[to + 2] = p.data[from + 2]!;
    }
  return { width, height, data };
}
