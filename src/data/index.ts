/** Data sets on disk. Node only. */

export { iconStyles, namesPackage, type PinnedPackage } from './icons/icon-styles.ts';
export { type IconOptions, type IconReport, renderIcons } from './icons/render-icons.ts';
export { type InspectOptions, inspectPictures, type PictureReport } from './inspect-pictures.ts';
export {
  type LeRobotDataset,
  type LeRobotLayout,
  openLeRobot,
  type RobotEpisode,
  type RobotFrame,
  writeLeRobot,
} from './lerobot.ts';
export { type LoadPicturesOptions, loadPictures } from './load-pictures.ts';
export { type OpenPicturesOptions, openPictures } from './open-pictures.ts';
export type { Counted, FieldCounts, PictureCounts, Spread } from './picture-counts.ts';
export {
  type LoadedPictures,
  type PicturePairs,
  type PictureRecord,
  type PictureSet,
  type PictureSetFormat,
  pictureOf,
  type SkippedPicture,
} from './pictures.ts';
export { splitOf } from './split.ts';
export { type TabletopOptions, type TabletopPairs, tabletopPairs } from './tabletop-pairs.ts';
export { readWebDataset, type ShardOptions, shardsOf, type WebSample, writeWebDataset } from './webdataset.ts';
