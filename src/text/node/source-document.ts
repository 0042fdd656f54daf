/** What a document of a collection is, and how a collection is read. */
import type { EncodingOptions } from '../encodings.ts';

/** One document of a collection. `text` may be bytes in UTF-8, which the vectorisers read without making a string. */
export type SourceDocument = { readonly id: string; readonly text: string | Uint8Array; readonly label?: string };

/** What an input can be read as; `json` and `jsonl` are one: an array, an object with a list, or a value a line, told by the content. */
export type DocumentFormat = 'folder' | 'json' | 'jsonl' | 'csv' | 'tsv' | 'lines';

/** How to read an input. */
export type DocumentOptions = EncodingOptions & {
  /** Default: from the name (.json, .jsonl, .csv, .tsv), a folder is read file by file, everything else line by line. */
  readonly format?: DocumentFormat;
  /** Field or column of the text. Default 'text'. */
  readonly field?: string;
  /** Field or column of the id. Default 'id' where there is one, else the number of the record from 1. */
  readonly idField?: string;
  /** Field or column of the label, for classifiers. In a folder the first folder inside it is the label. */
  readonly labelField?: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with what was passed over or odd but read, a line of text each. */
  readonly onNotice?: ((text: string) => void) | undefined;
};
