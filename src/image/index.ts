/** Images: file formats. Runs in Node and in the browser. */
export { type Augmentation, augmentImage } from './augment.ts';
export {
  type ChannelStatistics,
  CLIP_MEAN,
  CLIP_STD,
  normalizeChannels,
  shiftImage,
} from './clip-pixels.ts';
export { fitSquare, type SquareFit } from './fit.ts';
export { encodeGif } from './gif.ts';
export { decodePng, encodePng, type RasterImage } from './png.ts';
export { type Pixels, type ResizeFilter, resizePixels, squarePixels } from './resize.ts';
export { imageGrid, imageRow } from './sheet.ts';
