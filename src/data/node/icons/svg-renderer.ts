/** SVG documents to PNG files by sharp, which is an optional dependency. */
import { BowError } from '../../../base/index.ts';

/** Renders a square SVG document of `size` pixels as a PNG of RGB on white. */
export type SvgRenderer = (svg: string, size: number) => Promise<Uint8Array>;

/** The renderer. Error `backend` where sharp is not installed or does not load. */
export async function svgRenderer(): Promise<SvgRenderer> {
  let sharp: typeof import('sharp').default;
  try {
    sharp = (await import('sharp')).default;
  } catch (e) {
    throw new BowError('backend', 'drawings are rendered by sharp, which is not installed', {
      hint: 'npm install sharp',
      cause: e,
    });
  }
  return async (svg, size) => {
    const image = sharp(Buffer.from(svg)).resize(size, size, { fit: 'contain', background: 'white' });
    return new Uint8Array(
      await image.flatten({ background: 'white' }).removeAlpha().png({ compressionLevel: 9 }).toBuffer(),
    );
  };
}
