/** The systems and what they can do. */
export { type BagOfWords, type BagOfWordsOptions, bagOfWords, saveBagOfWords } from './bag-of-words.ts';
export {
  type Acts,
  type Answers,
  type CallOptions,
  type Capabilities,
  type Captions,
  can,
  type DenseVectors,
  type EncodesImages,
  type EncodesText,
  type OpenSystem,
  type Plans,
  type Ranks,
  type RgbPicture,
  type ScoresPairs,
  type System,
  type Vectors,
} from './capabilities.ts';
export { type ModelConfig, publishFolder, readConfig } from './model-folder.ts';
export { type SystemEntry, systemEntry, systems } from './registry.ts';
export { fitTfIdf, type Keyword, openTfIdf, type Scheme, saveTfIdf, type TfIdf, tfIdf } from './tf-idf.ts';
export {
  type BuiltIndex,
  buildTextIndex,
  openTextIndex,
  type TextHit,
  type TextIndex,
  type TextIndexOptions,
} from './tf-idf-index.ts';
