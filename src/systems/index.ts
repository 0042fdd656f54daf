/** The systems and what they can do. Runs in Node and in a browser; what needs files on disk is in `systems/node`. */
export { type AlbefConfig, variants as albefVariants } from './albef/config.ts';
export type { Mining } from './albef/contrast.ts';
export { albefSystem } from './albef/index.ts';
export type { AlbefParts } from './albef/layouts.ts';
export { pretraining } from './albef/objectives.ts';
export { type OpenAlbef, openAlbef } from './albef/open.ts';
export type { AlbefModel } from './albef/programs.ts';
export { albefTraining } from './albef/training.ts';
export { type BagOfWords, type BagOfWordsOptions, bagOfWords } from './bag-of-words.ts';
export { BATCH_SIZES, batched, pairedDots } from './batched.ts';
export { type Beit3Config, type Beit3Tasks, variants as beit3Variants } from './beit3/config.ts';
export { beit3System } from './beit3/index.ts';
export type { Beit3Parts } from './beit3/layouts.ts';
export { type Beit3Model, type OpenBeit3, openBeit3 } from './beit3/open.ts';
export { beit3Training } from './beit3/training.ts';
export { type ClassifiedOptions, classified } from './classified-answers.ts';
export {
  type ClipConfig,
  type ClipOutputs,
  type ClipPairs,
  clip,
  clipLogits,
  clipLoss,
  clipObjective,
  encodeImage,
  encodePairs,
  encodeText,
  LARGEST_SCALE,
  type TowerConfig,
  traceClip,
  variants as clipVariants,
} from './clip/clip.ts';
export { clipSystem } from './clip/index.ts';
export type { ClipParts } from './clip/layouts.ts';
export { type ClipModel, type OpenClip, openClip } from './clip/open.ts';
export { clipTraining } from './clip/training.ts';
export { bindTraining, type DefinedSystem, defineSystem } from './define.ts';
export type { Layout, Model, ModelParts, Stage, SystemDefinition, Training } from './definition.ts';
export { plainLayout } from './layouts.ts';
export type { ModelContent } from './loading.ts';
export { loadSystem, loadSystems, openFiles, registerSystem, systemIds, systemOf } from './registry.ts';
export {
  defaultVariant,
  type LayoutFiles,
  type OpenOptions,
  type OwnResult,
  type OwnTraining,
  type PreparedTraining,
  type PrepareOptions,
  type Runner,
  type System,
  type SystemTraining,
} from './system.ts';
export {
  type ClassifierReport,
  classify,
  fitTextClassifier,
  type LabelledText,
  openTextClassifier,
  type TextClassifier,
} from './text-classifier.ts';
export { bm25Of, fitTfIdf, type Keyword, openTfIdf, type Scheme, type TfIdf, tfIdf } from './tf-idf.ts';
export { type ViltConfig, variants as viltVariants } from './vilt/config.ts';
export { viltSystem } from './vilt/index.ts';
export type { ViltParts } from './vilt/layouts.ts';
export { type OpenVilt, openVilt } from './vilt/open.ts';
export type { ViltModel } from './vilt/pairs.ts';
export { withRank } from './vilt/rank.ts';
export { viltTraining } from './vilt/training.ts';
export { type VlmoConfig, variants as vlmoVariants } from './vlmo/config.ts';
export { vlmoSystem } from './vlmo/index.ts';
export type { VlmoParts } from './vlmo/layouts.ts';
export { type OpenVlmo, openVlmo, type VlmoModel } from './vlmo/open.ts';
export { vlmoTraining } from './vlmo/training.ts';
export {
  type AnalogyResult,
  type EvaluationOptions,
  evaluateAnalogies,
  evaluateWordPairs,
  type PairResult,
} from './word2vec/evaluation.ts';
export type { Word2VecOptions } from './word2vec/options.ts';
export { type ReferenceOptions, runReference } from './word2vec/reference.ts';
export { KeyedVectors, type Neighbour, type NeighbourOptions } from './word2vec/vectors.ts';
export { loadWord2Vec, type Word2Vec, word2VecSystem } from './word2vec/word2vec.ts';
