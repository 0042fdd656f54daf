/** How a camera was held: the EXIF orientation of JPEG and PNG files (EXIF 2.3, §4.6.4 A, tag 0x0112), and images turned by it. */
import { imageHeader, jpegSegments } from './image-formats.ts';

/** 1 (as stored) to 8; 1 too where nothing is said or what is said is nonsense. */
export function exifOrientation(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = imageHeader(bytes)?.format;
  if (format === 'jpeg') {
    for (const { marker, from, to } of jpegSegments(view))
      if (marker === 0xe1 && to - from > 14 && view.getUint32(from) === 0x45786966)
        // "Exif"
        return tiffOrientation(new DataView(bytes.buffer, bytes.byteOffset + from + 6, to - from - 6));
  }
  if (format === 'png') {
    for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
      const [length, type] = [view.getUint32(at), view.getUint32(at + 4)];
      if (type === 0x65584966 && at + 8 + length <= view.byteLength)
        // "eXIf"
        return tiffOrientation(new DataView(bytes.buffer, bytes.byteOffset + at + 8, length));
    }
  }
  return 1;
}

/** The tag in the first directory of a TIFF header. */
function tiffOrientation(view: DataView): number {
  if (view.byteLength < 14) return 1;
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > view.byteLength) return 1;
    if (view.getUint16(at, little) !== 0x0112) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
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
