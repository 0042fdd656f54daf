/** Indexes of images on disk, over any system that encodes images. */
export { type ImageHit, type ImageIndex, type ImageQuery, openImageIndex } from './image-index.ts';
export {
  type BuiltImageIndex,
  buildImageIndex,
  type ImageIndexOptions,
} from './image-index-build.ts';
export type { IndexingModel } from './image-index-encode.ts';
export {
  damageOf,
  type ImageIndexConfig,
  type IndexedImage,
  readImageIndexConfig,
  type StoreKind,
} from './image-index-files.ts';
export { indexedImages } from './image-index-images.ts';
export { indexingModel } from './indexing-model.ts';
