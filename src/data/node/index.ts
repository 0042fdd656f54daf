/** The part of the data room that needs Node: data sets on disk. */
export { type EncodedImageRecords, encodeImageRecords } from './encode-image-records.ts';
export { iconStyles, namesPackage, type PinnedPackage } from './icons/icon-styles.ts';
export { type IconOptions, type IconReport, renderIcons } from './icons/render-icons.ts';
export { type ImageReport, type InspectOptions, inspectImages } from './inspect-images.ts';
export {
  type LeRobotLayout,
  type RobotEpisode,
  type RobotFrame,
  writeLeRobot,
} from './lerobot.ts';
export { type LoadedShape, type LoadImagesOptions, loadImages } from './load-images.ts';
export { type OpenImagesOptions, openImages } from './open-images.ts';
export { type LeRobotDataset, openLeRobot } from './open-lerobot.ts';
export { readQuestions } from './question-files.ts';
export { parallelTabletopPairs } from './tabletop-pairs.ts';
export { readWebDataset, type ShardOptions, shardsOf, type WebSample, writeWebDataset } from './webdataset.ts';
