/** The systems and what they can do. */
export { type BagOfWords, type BagOfWordsOptions, bagOfWords, saveBagOfWords } from './bag-of-words.ts';
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
} from './clip.ts';
export { configFromHuggingFace, configFromOpenClip, configToHuggingFace, configToOpenClip } from './clip-config.ts';
export { type ClipModel, clipFiles, forSize, isOpenClip, loadClip, saveClip } from './clip-folder.ts';
export { type ClipNaming, huggingFaceNames } from './clip-names.ts';
export { type ClipSystem, clipSystem } from './clip-system.ts';
export { type SystemEntry, systemEntry, systems } from './registry.ts';
export type { System } from './system.ts';
export {
  type ClassifierReport,
  classify,
  fitTextClassifier,
  type LabelledText,
  openTextClassifier,
  saveTextClassifier,
  type TextClassifier,
} from './text-classifier.ts';
export { fitTfIdf, type Keyword, openTfIdf, type Scheme, saveTfIdf, type TfIdf, tfIdf } from './tf-idf.ts';
export {
  type BuiltIndex,
  buildTextIndex,
  openTextIndex,
  type TextHit,
  type TextIndex,
  type TextIndexOptions,
} from './tf-idf-index.ts';
export {
  loadWord2Vec,
  saveWord2Vec,
  type TrainOptions,
  trainWord2Vec,
  type Word2Vec,
  word2VecSystem,
} from './word2vec.ts';
export type { Corpus } from './word2vec-corpus.ts';
export {
  type AnalogyResult,
  type EvaluationOptions,
  evaluateAnalogies,
  evaluateWordPairs,
  type PairResult,
} from './word2vec-evaluation.ts';
export { type ReadVectorsOptions, readVectors, type WriteVectorsOptions, writeVectors } from './word2vec-formats.ts';
export type { Word2VecOptions } from './word2vec-options.ts';
export { type ReferenceOptions, runReference } from './word2vec-reference.ts';
export { KeyedVectors, type Neighbour, type NeighbourOptions } from './word2vec-vectors.ts';
