/** What a file is by its first bytes, where it is not text. */
import { need } from '../base/index.ts';

type Sign = { readonly what: string; readonly hint: string; readonly bytes: readonly number[]; readonly at?: number };

const unpack = 'unpack it first, or compress it as gzip';
const convert = 'give UTF-8 text, JSON or CSV (gzip is fine)';
const latin = (text: string): number[] => Array.from(text, (c) => c.charCodeAt(0));

const signs: readonly Sign[] = [
  { what: 'a gzip file inside a gzip file', hint: 'unpack it once', bytes: [0x1f, 0x8b] },
  { what: 'a zip archive (or an Office document)', hint: unpack, bytes: [0x50, 0x4b, 3, 4] },
  { what: 'bzip2 compression', hint: unpack, bytes: latin('1AY&SY'), at: 4 },
  { what: 'zstd compression', hint: unpack, bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { what: 'xz compression', hint: unpack, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] },
  { what: 'a 7z archive', hint: unpack, bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
  { what: 'a tar archive', hint: 'unpack it: a folder of texts is read', bytes: latin('ustar'), at: 257 },
  { what: 'a Parquet file', hint: 'write its texts as JSONL or CSV', bytes: [...latin('PAR1'), 0x15] },
  { what: 'a PDF', hint: 'pdftotext gives its text', bytes: latin('%PDF-') },
  { what: 'an SQLite database', hint: 'write its texts as JSONL or CSV', bytes: latin('SQLite format 3\0') },
  { what: 'an array of NumPy (.npy)', hint: convert, bytes: latin('\x93NUMPY') },
  { what: 'a pickle of Python', hint: convert, bytes: [0x80, 2] },
  { what: 'a pickle of Python', hint: convert, bytes: [0x80, 3] },
  { what: 'a pickle of Python', hint: convert, bytes: [0x80, 4] },
  { what: 'a pickle of Python', hint: convert, bytes: [0x80, 5] },
  { what: 'a PNG image', hint: convert, bytes: latin('\x89PNG') },
  { what: 'a JPEG image', hint: convert, bytes: [0xff, 0xd8, 0xff] },
];

/** What kind of binary file begins like this, and what to do about it; undefined where no sign is known. */
export function notTextAs(head: Uint8Array): { readonly what: string; readonly hint: string } | undefined {
  need(head instanceof Uint8Array, 'the first bytes', 'a Uint8Array', head);
  return signs.find(({ bytes, at = 0 }) => bytes.every((b, i) => head[at + i] === b));
}
