/** PNG files of 8-bit images. */
import { decode, encode } from 'fast-png';
import { BowError } from '../base/index.ts';

/** An image: rows of interleaved channels, 0 to 255. */
export type RasterImage = {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGBA. */
  readonly channels: number;
  /** height × width × channels. */
  readonly data: Uint8Array;
};

/** The bytes of a PNG file. An image whose data has another length is a `shape` error. */
export function encodePng(p: RasterImage): Uint8Array {
  if (p.data.length !== p.width * p.height * p.channels) {
    throw new BowError('shape', `an image of ${p.height} × ${p.width} × ${p.channels} with ${p.data.length} values`);
  }
  return encode({ width: p.width, height: p.height, channels: p.channels, depth: 8, data: p.data });
}

/** Reads a PNG file with 8-bit channels; anything else is a `data` error. */
export function decodePng(bytes: Uint8Array): RasterImage {
  try {
    const d = decode(bytes);
    if (d.depth !== 8 || d.palette) throw new Error(`${d.depth}-bit${d.palette ? ' palette' : ''} PNG`);
    return { width: d.width, height: d.height, channels: d.channels, data: new Uint8Array(d.data) };
  } catch (e) {
    throw new BowError('data', `not a readable PNG image: ${(e as Error).message}`, { cause: e });
  }
}
