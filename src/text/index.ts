/** Text: from bytes to terms to sparse rows. Runs in Node and in the browser; what touches files is in `text/node`. */

export type { AddedToken } from './added-tokens.ts';
export { type AnalysisOptions, analyzerOf } from './analysis.ts';
export { type Bm25Method, type Bm25Options, Bm25Transformer, bm25Methods } from './bm25.ts';
export {
  type ClipTokenizer,
  type ClipTokenizerOptions,
  clipTokenizer,
  trainClipTokenizer,
} from './clip-tokenizer.ts';
export type { ClipTokenizerFiles } from './clip-tokenizer-config.ts';
export {
  type ReadClipTokenizer,
  readClipMerges,
  readClipTokenizer,
  readClipTokenizerFiles,
} from './clip-tokenizer-files.ts';
export { CountVectorizer } from './count-vectorizer.ts';
export type { CountOptions, CountState, Document, FitStatistics } from './counting.ts';
export {
  type Csr,
  type CsrData,
  concat,
  dot,
  fromDense,
  newIndptr,
  nnz,
  normalizeRows,
  row,
  slice,
  toDense,
  transpose,
} from './csr.ts';
export { type EncodingOptions, markedEncoding, textDecoder, textOf, validUtf8 } from './encodings.ts';
export { notTextAs } from './file-signs.ts';
export { type HashingOptions, HashingVectorizer } from './hashing-vectorizer.ts';
export { type MinimizeOptions, minimize, type Objective } from './lbfgs.ts';
export {
  accuracy,
  fitLogisticRegression,
  type LinearModel,
  type LogisticOptions,
  linearModel,
  predictLabels,
  predictProbabilities,
} from './logistic-regression.ts';
export { type MaskOptions, maskTokens, NOT_ASKED } from './masking.ts';
export {
  readSentencePiece,
  type SentencePieceModel,
  type UnigramNormaliser,
  type UnigramPiece,
} from './sentencepiece.ts';
export { englishStopWords } from './stop-words.ts';
export { type CsvRow, parseCsv, type TableReader, type TableRow, tableReader } from './tables.ts';
export { blankClasses, type CountedRows, TermCounter } from './term-counter.ts';
export { idfOf, TfidfTransformer, TfidfVectorizer, type WeightOptions, type Weights, weigh } from './tf-idf.ts';
export { compareCodePoints, stripAccentsAscii, stripAccentsUnicode } from './unicode.ts';
export { type Unigram, type UnigramOptions, unigram } from './unigram.ts';
export { type ReadUnigram, readUnigramFiles, type UnigramFiles, unigramFiles } from './unigram-files.ts';
export { trainUnigram } from './unigram-training.ts';
export { trainWordPiece, type WordPiece, type WordPieceOptions, wordPiece } from './wordpiece.ts';
export { type ReadWordPiece, readWordPieceFiles, type WordPieceFiles, wordPieceFiles } from './wordpiece-files.ts';
