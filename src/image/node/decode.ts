/** From the bytes of an image file to RGB pixels. */
import { BowError } from '../../base/index.ts';
import { imageHeader, notAnImage } from '../image-formats.ts';
import { decodePlain } from './plain-decoder.ts';
import { decodeSharp, loadSharp } from './sharp-decoder.ts';

/** RGB: [height × width × 3], rows from the top. */
export type RgbImage = { readonly width: number; readonly height: number; readonly data: Uint8Array };

/** Who decodes: sharp (native), or plain TypeScript (PNG and JPEG only). */
export type DecoderName = 'sharp' | 'plain';

export type DecodeOptions = {
  /** For messages: the file, or archive and member. */
  readonly place?: string;
  /** Default: sharp where it is installed. */
  readonly decoder?: DecoderName;
  /** Larger images are an error before memory is taken. Default 178,956,970, where Pillow too refuses (`PIL.Image.MAX_IMAGE_PIXELS` × 2). */
  readonly maxPixels?: number;
};

const pillowLimit = 2 * Math.trunc(1024 ** 3 / 4 / 3);

/** The decoder that {@link decodeImage} uses by default, with the reason when it is not sharp. */
export async function imageDecoder(): Promise<{ readonly name: DecoderName; readonly reason?: string }> {
  const sharp = await loadSharp();
  return typeof sharp === 'string' ? { name: 'plain', reason: sharp } : { name: 'sharp' };
}

/**
 * Decodes PNG, JPEG, WebP, GIF, AVIF and TIFF (plain: PNG and JPEG) to RGB: EXIF orientation applied, alpha laid over white, 16 bits cut to 8,
 * CMYK converted to RGB, the first frame of an animation. The format is read from the bytes. Error `data` with the place for what cannot be read.
 */
export async function decodeImage(bytes: Uint8Array, o: DecodeOptions = {}): Promise<RgbImage> {
  const { maxPixels = pillowLimit } = o;
  const fail = (what: string, cause?: unknown): BowError =>
    new BowError('data', what, { ...(o.place === undefined ? {} : { place: o.place }), cause });
  if (bytes.length === 0) throw fail('an empty file');
  const header = imageHeader(bytes);
  if (!header) throw fail(notAnImage(bytes));
  if (header.format === 'bmp') throw fail('a BMP image, which is not supported: save it as PNG');
  if (header.format === 'heic') throw fail('a HEIC image, which is not supported: save it as JPEG');
  const { width = 0, height = 0 } = header;
  if (width * height > maxPixels) throw fail(`${width} × ${height} pixels are more than the limit of ${maxPixels}`);
  const sharp = o.decoder === 'plain' ? 'not asked for' : await loadSharp();
  if (typeof sharp === 'string' && o.decoder === 'sharp')
    throw new BowError('backend', `sharp cannot be loaded: ${sharp}`, { hint: 'npm install sharp' });
  try {
    return typeof sharp === 'string' ? decodePlain(bytes) : await decodeSharp(sharp, bytes, maxPixels);
  } catch (e) {
    const [reason] = (e as Error).message.trim().split('\n'); // libvips says everything twice, a line each
    const why = reason === 'Unknown error' ? 'it is damaged or breaks off' : reason; // libvips forgets it where several decode at once
    throw fail(`a ${header.format} image that cannot be decoded: ${why}`, e);
  }
}
