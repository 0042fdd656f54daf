/** Measuring systems and claims. */

export { type ImageTests, imageSetBenchmarks, photoTemplates, tabletopBenchmarks } from './benchmarks.ts';
export { namingFindings, searchFindings } from './findings.ts';
export {
  classesOf,
  descriptionRetrieval,
  imageRetrieval,
  labelProbe,
  labelZeroShot,
  type QueryChoice,
  queryOf,
  spoken,
} from './image-benchmarks.ts';
export { type ImageTest, imagesOf, memoryTest, type SetTestOptions, setTest } from './image-test.ts';
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
export { rawPixels } from './raw-pixels.ts';
export { type Finding, type ReportContent, type ReportImage, reportHtml } from './report.ts';
export {
  foundWithin,
  type MatchRank,
  type Relevant,
  ranksOf,
  retrievalMetrics,
  type Similarities,
  similarities,
  transpose,
} from './retrieval.ts';
export { colourShapeZeroShot, type SoloImage, soloImages, tabletopTemplates } from './tabletop.ts';
export { classVectors, type NamedClass, nameClasses, type Templates, zeroShotMetrics } from './zero-shot.ts';
