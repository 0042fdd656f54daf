/** Measuring systems and claims. */
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
  type LadderRow,
  ladderCells,
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
export { type ReportContent, type ReportPicture, reportHtml } from './report.ts';
export { exchanged, placesOf, retrievalMetrics, type Similarities, similarities } from './retrieval.ts';
export {
  colourShapeZeroShot,
  descriptionRetrieval,
  pictureRetrieval,
  picturesOf,
  queryOf,
  type SoloPicture,
  soloPictures,
  tabletopTemplates,
} from './tabletop.ts';
export { classVectors, type Templates, zeroShotMetrics } from './zero-shot.ts';
