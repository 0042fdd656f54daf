/** Measuring systems and claims. Runs in Node and in the browser. */

export {
  type ImageTests,
  imageSetBenchmarks,
  photoTemplates,
  seenAndUnseen,
  tabletopBenchmarks,
} from './benchmarks.ts';
export { acting, type EpisodeTestOptions } from './by-capability/act.ts';
export {
  type AskedItem,
  answering,
  asking,
  questionsOfScenes,
  type TestQuestion,
} from './by-capability/answer.ts';
export { captioning } from './by-capability/caption.ts';
export { completing, type NextWord, nextWords } from './by-capability/complete.ts';
export { grounding, overlap } from './by-capability/ground.ts';
export { capabilityBenchmarks } from './by-capability/list.ts';
export { type FoilItem, type FoilKind, foilItems, matching } from './by-capability/match.ts';
export { planning, randomPlanner } from './by-capability/plan.ts';
export { majorityAccuracy, questionOnly } from './by-capability/question-only.ts';
export { ranking } from './by-capability/rank.ts';
export { type RerankOptions, reranking } from './by-capability/rerank.ts';
export { besideBlind, greyImage, type Scenes } from './by-capability/shared.ts';
export { bleu4, plainAnswer, rougeL } from './by-capability/text-metrics.ts';
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
export { type ImageTest, imagesOf, memoryTest, onceForEach } from './image-test.ts';
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
export { answerScores, normaliseAnswer, vqaAccuracy } from './vqa.ts';
export { classVectors, type NamedClass, nameClasses, type Templates, zeroShotMetrics } from './zero-shot.ts';
