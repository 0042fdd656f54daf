/** Text indexes on disk: postings, and what is shown of documents. Node only. */
export { openDocumentStore, type StoredDocument, startOf, writeDocumentStore } from './document-store.ts';
export { openPostings, type Postings, type PostingsOptions, type WeightedRows, writePostings } from './postings.ts';
