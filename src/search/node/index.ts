/** Indexes on disk: postings of texts and what is shown of documents; vectors in LanceDB. Node only. */
export { openDocumentStore, type StoredDocument, startOf, writeDocumentStore } from './document-store.ts';
export { type LanceOptions, lanceIndex } from './lance-index.ts';
export { loadLance } from './lance-module.ts';
export { openPostings, type Postings, type PostingsOptions, type WeightedRows, writePostings } from './postings.ts';
