/** Data sets on disk. Node only. */
export {
  type LeRobotDataset,
  type LeRobotLayout,
  openLeRobot,
  type RobotEpisode,
  type RobotFrame,
  writeLeRobot,
} from './lerobot.ts';
export {
  type PicturePairs,
  pictureOf,
  type TabletopOptions,
  type TabletopPairs,
  tabletopPairs,
} from './tabletop-pairs.ts';
export { readWebDataset, type ShardOptions, shardsOf, type WebSample, writeWebDataset } from './webdataset.ts';
