/** The part of the text room that touches files: readers of collections, counting of streams, exchange formats. Node only. */
export { inputFormat, readDocuments } from './documents.ts';
export { lines, wholeText } from './lines.ts';
export type { DocumentFormat, DocumentOptions, SourceDocument } from './source-document.ts';
export { type CountedStream, countStream, type StreamOptions } from './stream-counter.ts';
