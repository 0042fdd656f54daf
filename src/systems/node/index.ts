/** The part of the systems room that needs Node: models by folder or hub name, trainings from the disk, indexes of texts. */
export { modelFingerprint } from './model-fingerprint.ts';
export { copyModel, loadModel, type ModelOptions, modelFolder, openModel, saveModel } from './models.ts';
export { registerRunner, trainByItself } from './own-training.ts';
export {
  type BuiltIndex,
  buildTextIndex,
  openTextIndex,
  type TextHit,
  type TextIndex,
  type TextIndexOptions,
} from './text-index.ts';
export {
  prepareTraining,
  presetOf,
  type SystemResult,
  sourcesOf,
  stagedRecipe,
  type TrainSystemOptions,
  trainSystem,
} from './train-system.ts';
export { saveBagOfWords, saveTextClassifier, saveTfIdf } from './word-models.ts';
export type { Corpus } from './word2vec/corpus.ts';
export { type ReadVectorsOptions, readVectors } from './word2vec/read-vectors.ts';
export { saveWord2Vec, type TrainOptions, trainWord2Vec } from './word2vec/training.ts';
export { type WriteVectorsOptions, writeVectors } from './word2vec/write-vectors.ts';
