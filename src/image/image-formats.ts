/** What an image file is, read from its first bytes: file names are unreliable. */

/** File formats that can be recognised. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif' | 'heic' | 'tiff' | 'bmp';

/** A format, and the size where it stands in the header (PNG, JPEG, GIF and BMP). */
export type ImageHeader = {
  readonly format: ImageFormat;
  readonly width?: number;
  readonly height?: number;
  /** Colour components of a JPEG: 1 grey, 3 RGB or YCbCr, 4 CMYK. */
  readonly components?: number;
};

const ascii = (b: Uint8Array, from: number, to: number): string => String.fromCharCode(...b.subarray(from, to));

/** Reads the header of an image; undefined when the bytes begin like no image known. */
export function imageHeader(bytes: Uint8Array): ImageHeader | undefined {
  if (bytes.length < 12) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = ascii(bytes, 0, 4);
  if (start === '\x89PNG')
    return bytes.length < 24
      ? { format: 'png' }
      : { format: 'png', width: view.getUint32(16), height: view.getUint32(20) };
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return { format: 'jpeg', ...jpegFrame(view) };
  if (start === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return { format: 'webp' };
  if (start === 'GIF8') return { format: 'gif', width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (ascii(bytes, 4, 8) === 'ftyp' && /^(avif|avis|mif1)$/.test(ascii(bytes, 8, 12))) return { format: 'avif' };
  if (ascii(bytes, 4, 8) === 'ftyp' && /^(hei[cxms]|hev[cxms])$/.test(ascii(bytes, 8, 12))) return { format: 'heic' };
  if (start === 'II*\0' || start === 'MM\0*' || start === 'II+\0' || start === 'MM\0+') return { format: 'tiff' }; // "+": BigTIFF
  if (start.startsWith('BM') && bytes.length >= 26)
    return { format: 'bmp', width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
  return undefined;
}

/** First characters of what lies among images and cannot be decoded, in small letters. */
const others: readonly (readonly [string, string])[] = [
  ['\0\0\0\x0cjp  ', 'a JPEG 2000 image, which is not supported: save it as JPEG'],
  ['\xffO\xffQ'.toLowerCase(), 'a JPEG 2000 image, which is not supported: save it as JPEG'],
  ['\0\0\0\x0cjxl ', 'a JPEG XL image, which is not supported: save it as JPEG'],
  ['\xff\n', 'a JPEG XL image, which is not supported: save it as JPEG'],
  ['\0\0\x01\0', 'an icon (ICO), which is not supported: save it as PNG'],
  ['version https://git-lfs', 'not an image but a pointer of Git LFS: fetch the file by git lfs pull'],
  ['<svg', 'an SVG drawing, which is not supported: save it as PNG'],
  ['<!doctype html', 'not an image but a page of HTML, as failed downloads leave it'],
  ['<html', 'not an image but a page of HTML, as failed downloads leave it'],
];

/** What bytes are for which there is no header of an image: a format that is not supported, or no image. */
export function notAnImage(bytes: Uint8Array): string {
  const start = ascii(bytes, 0, 64).trimStart().toLowerCase();
  if (/^p[1-7]\s/.test(start)) return 'a PNM image (PBM, PGM, PPM), which is not supported: save it as PNG';
  return others.find(([sign]) => start.startsWith(sign))?.[1] ?? 'not an image: unknown file signature';
}

/** The marker segments of a JPEG before its image data: marker, and where the segment's content lies. */
export function* jpegSegments(view: DataView): Generator<{ marker: number; from: number; to: number }> {
  for (let at = 2; at + 4 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2; // fill bytes, and markers without a content
      continue;
    }
    const length = view.getUint16(at + 2);
    if (length < 2 || marker === 0xd9) return;
    yield { marker, from: at + 4, to: Math.min(view.byteLength, at + 2 + length) };
    if (marker === 0xda) return;
    at += 2 + length;
  }
}

/** Size and components from the frame header (SOF0 to SOF15; C4, C8 and CC are other segments). ITU-T T.81, B.2.2. */
function jpegFrame(view: DataView): { width?: number; height?: number; components?: number } {
  for (const { marker, from, to } of jpegSegments(view)) {
    if (marker < 0xc0 || marker > 0xcf || marker === 0xc4 || marker === 0xc8 || marker === 0xcc || to - from < 6)
      continue;
    return { height: view.getUint16(from + 1), width: view.getUint16(from + 3), components: view.getUint8(from + 5) };
  }
  return {};
}
