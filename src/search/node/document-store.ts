/** What a search shows of a document: its id and how it begins. One file of JSON records, one of their offsets. */
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BowError } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';

/** One document as a search shows it. */
export type StoredDocument = { readonly id: string; readonly start: string };

/** Writes records as documents stream by. */
export type DocumentStoreWriter = { add(d: StoredDocument): void; drain(): Promise<void>; close(): Promise<void> };

const startLength = 240;
const decoder = new TextDecoder();

/** How a text begins, in at most 240 characters. */
export function startOf(text: string | Uint8Array): string {
  const head =
    typeof text === 'string'
      ? text.slice(0, startLength)
      : decoder.decode(text.subarray(0, startLength)).replace(/\ufffd+$/, '');
  return head.replace(/\s+/g, ' ').trim();
}

/** Opens a store for writing: `<path>.bin` and `<path>.idx`. */
export async function writeDocumentStore(path: string): Promise<DocumentStoreWriter> {
  const [data, offsets] = [await open(`${path}.bin`, 'w'), await open(`${path}.idx`, 'w')];
  let waiting: string[] = [];
  let at = 0;
  const drain = async (): Promise<void> => {
    const records = waiting.map((r) => Buffer.from(r));
    waiting = [];
    const ends = Float64Array.from(records, (r) => (at += r.length));
    await write(data, Buffer.concat(records));
    await write(offsets, new Uint8Array(ends.buffer));
  };
  return {
    add: ({ id, start }) => {
      waiting.push(JSON.stringify([id, start]));
    },
    drain,
    close: async () => {
      await drain();
      for (const f of [data, offsets]) {
        await f.sync();
        await f.close();
      }
    },
  };
}

async function write(file: FileHandle, bytes: Uint8Array): Promise<void> {
  if (bytes.length > 0) await file.write(bytes);
}

/** Opens a store for reading. */
export function openDocumentStore(path: string): { get(document: number): StoredDocument; close(): void } {
  let files: [number, number];
  try {
    files = [openSync(`${path}.bin`, 'r'), openSync(`${path}.idx`, 'r')];
  } catch (e) {
    throw fileError(e, `${path}.bin`);
  }
  const [data, offsets] = files;
  return {
    get: (document) => {
      const range = new Float64Array(2);
      const bytes = new Uint8Array(range.buffer);
      const ok =
        document === 0
          ? readSync(offsets, bytes, 8, 8, 0) === 8
          : readSync(offsets, bytes, 0, 16, 8 * (document - 1)) === 16;
      const length = range[1]! - range[0]!;
      const isPlace = Number.isSafeInteger(range[0]) && Number.isSafeInteger(length) && range[0]! >= 0;
      if (!ok || !isPlace || length < 0 || length >= 2 ** 26) throw damaged(path, document);
      const record = Buffer.alloc(length);
      if (readSync(data, record, 0, length, range[0]!) !== length) throw damaged(path, document);
      return recordOf(record, path, document);
    },
    close: () =>
      files.forEach((f) => {
        closeSync(f);
      }),
  };
}

function recordOf(bytes: Buffer, path: string, document: number): StoredDocument {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    value = undefined;
  }
  const [id, start] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof id === 'string' && typeof start === 'string') return { id, start };
  throw damaged(path, document);
}

function damaged(path: string, document: number): BowError {
  return new BowError('checkpoint', 'the document list is damaged', {
    place: `${path}.bin`,
    detail: { document },
    hint: 'make the index anew from its texts',
  });
}
