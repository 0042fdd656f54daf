/** Pictures: file formats. Runs in Node and in the browser. */
export { type Augmentation, augmentPicture } from './augment.ts';
export {
  type ChannelStatistics,
  CLIP_MEAN,
  CLIP_STD,
  normalizeChannels,
  shiftPicture,
} from './clip-pixels.ts';
export { fitSquare, type SquareFit } from './fit.ts';
export { encodeGif } from './gif.ts';
export { decodePng, encodePng, type Picture } from './png.ts';
export { type Pixels, type ResizeFilter, resizePixels, squarePixels } from './resize.ts';
export { pictureGrid, pictureRow } from './sheet.ts';
