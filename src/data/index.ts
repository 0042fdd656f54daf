/** Data sets: what a set of images is, before it is decoded and after, how it is divided. Runs in Node and in the browser. */
export { type CocoAnnotations, type CocoImage, cocoFileName, parseCoco } from './coco.ts';
export type { Counted, FieldCounts, ImageCounts, Spread } from './image-counts.ts';
export {
  type ImageRecord,
  type ImageSet,
  type ImageSetFormat,
  type ImageTextPairs,
  imageOf,
  type LoadedImage,
  type LoadedImages,
  type RecordOptions,
  type SkippedImage,
} from './images.ts';
export {
  type Annotation,
  annotationsOf,
  imageFinder,
  type QuestionRecord,
  type QuestionRow,
  questionRecords,
} from './question-sets.ts';
export { splitOf } from './split.ts';
export {
  type TabletopOptions,
  type TabletopPairs,
  type TabletopSample,
  tabletopPairs,
  tabletopSamples,
} from './tabletop-pairs.ts';
