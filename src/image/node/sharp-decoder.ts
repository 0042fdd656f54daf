/** Images decoded by sharp (libvips), where it is installed. */

import { cmykToRgb, toRgb } from '../flatten.ts';
import { imageHeader } from '../image-formats.ts';
import { exifOrientation, type Orientation, tiffOrientation, upright, xmpOrientation } from './exif.ts';

type Sharp = typeof import('sharp').default;
type Rgb = { readonly width: number; readonly height: number; readonly data: Uint8Array };

let loading: Promise<Sharp | string> | undefined;

/** sharp, or the reason why it is unavailable. Loaded once per process. */
export function loadSharp(): Promise<Sharp | string> {
  loading ??= import('sharp').then(
    (m) => m.default,
    (e: Error) => e.message.split('\n')[0] ?? 'cannot be loaded',
  );
  return loading;
}

/**
 * Decodes to upright RGB; the first frame of an animation. Colour profiles are left aside, as Pillow leaves them, and nothing is resized here.
 * Throws sharp's error for broken files; a file that breaks off is broken.
 */
export async function decodeSharp(sharp: Sharp, bytes: Uint8Array, maxPixels: number): Promise<Rgb> {
  const opened = sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels, ignoreIcc: true });
  const header = imageHeader(bytes);
  const known = header?.format === 'jpeg' || header?.format === 'png';
  const more = known ? undefined : await opened.metadata();
  // of a TIFF without the tag libvips says 1
  const said = header?.format === 'tiff' ? (tiffOrientation(bytes) ?? (more?.orientation ?? 1) > 1) : more?.orientation;
  const xmp: Orientation = { value: said ? 1 : xmpOrientation(more?.xmpAsString), by: 'text' };
  const orientation = known ? exifOrientation(bytes) : xmp;
  const unseen = orientation.by === 'text' && orientation.value > 1; // libvips passes it over
  const image = unseen ? opened : opened.autoOrient();
  const inks = header?.format === 'tiff' ? more?.space === 'cmyk' : header?.components === 4;
  const { data, info } = await (inks
    ? image.pipelineColourspace('cmyk').toColourspace('cmyk')
    : image.toColourspace('srgb')
  )
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const plain = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const rgb = { width, height, data: inks && channels === 4 ? cmykToRgb(plain) : toRgb(plain, channels) };
  return unseen ? upright(rgb, orientation.value) : rgb;
}
