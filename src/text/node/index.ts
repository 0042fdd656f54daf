/** The part of the text room that touches files: readers of collections, counting of streams, exchange formats. Node only. */
export { type DocumentOptions, inputFormat, readDocuments, type SourceDocument } from './documents.ts';
export { lines } from './lines.ts';
export { type CountedStream, countStream, type StreamOptions } from './stream-counter.ts';
