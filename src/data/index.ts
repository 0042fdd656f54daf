/** Data sets on disk. Node only. */

export { type EncodedImageRecords, encodeImageRecords } from './encode-image-records.ts';
export { iconStyles, namesPackage, type PinnedPackage } from './icons/icon-styles.ts';
export { type IconOptions, type IconReport, renderIcons } from './icons/render-icons.ts';
export type { Counted, FieldCounts, ImageCounts, Spread } from './image-counts.ts';
export {
  type ImageRecord,
  type ImageSet,
  type ImageSetFormat,
  type ImageTextPairs,
  imageOf,
  type LoadedImages,
  type SkippedImage,
} from './images.ts';
export { type ImageReport, type InspectOptions, inspectImages } from './inspect-images.ts';
export {
  type LeRobotDataset,
  type LeRobotLayout,
  openLeRobot,
  type RobotEpisode,
  type RobotFrame,
  writeLeRobot,
} from './lerobot.ts';
export { type LoadImagesOptions, loadImages } from './load-images.ts';
export { type OpenImagesOptions, openImages } from './open-images.ts';
export { splitOf } from './split.ts';
export { type TabletopOptions, type TabletopPairs, tabletopPairs } from './tabletop-pairs.ts';
export { readWebDataset, type ShardOptions, shardsOf, type WebSample, writeWebDataset } from './webdataset.ts';
