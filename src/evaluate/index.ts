/** Measuring systems and claims. */

export { type PictureTests, photoTemplates, pictureSetBenchmarks, tabletopBenchmarks } from './benchmarks.ts';
export { namingFindings, searchFindings } from './findings.ts';
export {
  type Arm,
  type Check,
  type Insight,
  type InsightOptions,
  type InsightReport,
  type InsightResult,
  markdown,
  runInsight,
} from './insights/insight.ts';
export { insights } from './insights/registry.ts';
export {
  type Benchmark,
  type Contender,
  type Ladder,
  type LadderColumn,
  type LadderRow,
  ladderCells,
  ladderColumns,
  ladderGroups,
  ladderOf,
  ladderText,
  runLadder,
} from './ladder.ts';
export {
  fitProbe,
  type Labelled,
  type Probe,
  type ProbeOptions,
  probeAccuracy,
  probeLabels,
} from './linear-probe.ts';
export {
  classesOf,
  descriptionRetrieval,
  labelProbe,
  labelZeroShot,
  pictureRetrieval,
  type QueryChoice,
  queryOf,
  spoken,
} from './picture-benchmarks.ts';
export { memoryTest, type PictureTest, picturesOf, type SetTestOptions, setTest } from './picture-test.ts';
export { rawPixels } from './raw-pixels.ts';
export { type Finding, type ReportContent, type ReportPicture, reportHtml } from './report.ts';
export {
  exchanged,
  foundWithin,
  type Place,
  placesOf,
  type Relevant,
  retrievalMetrics,
  type Similarities,
  similarities,
} from './retrieval.ts';
export { colourShapeZeroShot, type SoloPicture, soloPictures, tabletopTemplates } from './tabletop.ts';
export { classVectors, type NamedClass, nameClasses, type Templates, zeroShotMetrics } from './zero-shot.ts';
