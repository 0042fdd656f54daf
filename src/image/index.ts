/** Images: file formats. Runs in Node and in the browser. */

export { type Augmentation, augmentImage } from './augment.ts';
export { type BlockMaskOptions, blockMask } from './block-mask.ts';
export {
  type ChannelStatistics,
  CLIP_MEAN,
  CLIP_STD,
  normalizeChannels,
  shiftImage,
} from './clip-pixels.ts';
export { encodeGif } from './gif.ts';
export { paintHeat } from './heat-map.ts';
export { decodePng, encodePng, type RasterImage } from './png.ts';
export {
  clipPreprocessing,
  type FittedImage,
  fitImage,
  geometryKey,
  type ImageBatch,
  type ImageFit,
  type ImageGeometry,
  type ImageInput,
  type ImagePreprocessing,
  type ImageShape,
  type ImageSize,
  imageBatch,
  squareGeometry,
  targetSize,
  withTargetSize,
} from './preprocessing.ts';
export {
  type HuggingFaceFiles,
  preprocessingFromHuggingFace,
  type ReadPreprocessingOptions,
} from './preprocessing-huggingface.ts';
export { preprocessingToHuggingFace } from './preprocessing-huggingface-out.ts';
export { preprocessingFromOpenClip, preprocessingToOpenClip } from './preprocessing-open-clip.ts';
export { type Pixels, type ResizeFilter, resizePixels } from './resize.ts';
export { imageGrid, imageRow } from './sheet.ts';
