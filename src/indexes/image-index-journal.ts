/**
 * Vectors on their way into an image index: a file `<index>.part` that batches are appended to, so that a run that was killed loses at most the
 * batch it was at. Entry: lengths of a JSON text and of vectors (2 × u32), SHA-256 of both, the text, the vectors. The first entry names the model.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { BowError } from '../base/index.ts';
import { fileError } from '../base/node/index.ts';

/** The images of a batch: their content's hashes, and vectors [hashes × width]. */
export type JournalBatch = { readonly hashes: readonly string[]; readonly vectors: Float32Array };

/** An open journal. */
export type Journal = {
  /** What earlier runs left. */
  readonly batches: readonly JournalBatch[];
  append(batch: JournalBatch): Promise<void>;
  close(): Promise<void>;
};

const headLength = 40;

/** Opens a journal, or begins one; what is of another model or damaged is cut off. Error `data` when the place cannot be written. */
export async function openJournal(path: string, fingerprint: string): Promise<Journal> {
  const file = await open(path, 'a+').catch((e: unknown) => {
    throw fileError(e, path);
  });
  try {
    const batches: JournalBatch[] = [];
    let end = 0;
    for (let first = true; ; first = false) {
      const entry = await readEntry(file, end);
      if (!entry || (first && entry.text !== fingerprint)) break;
      if (!first) batches.push({ hashes: JSON.parse(entry.text) as string[], vectors: entry.vectors });
      end = entry.end;
    }
    await file.truncate(end);
    if (end === 0) await append(file, fingerprint, new Float32Array(0));
    return {
      batches,
      append: ({ hashes, vectors }) => append(file, JSON.stringify(hashes), vectors),
      close: () => file.close(),
    };
  } catch (e) {
    await file.close();
    throw e;
  }
}

async function append(file: FileHandle, text: string, vectors: Float32Array): Promise<void> {
  const json = Buffer.from(text);
  const numbers = Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(json.length, 0);
  head.writeUInt32LE(numbers.length, 4);
  const hash = createHash('sha256').update(json).update(numbers).digest();
  await file.appendFile(Buffer.concat([head, hash, json, numbers]));
  await file.datasync();
}

/** The entry at a place; undefined at the end and where it is not whole. */
async function readEntry(
  file: FileHandle,
  at: number,
): Promise<{ text: string; vectors: Float32Array; end: number } | undefined> {
  const head = Buffer.alloc(headLength);
  if ((await file.read(head, 0, headLength, at)).bytesRead < headLength) return undefined;
  const [jsonLength, length] = [head.readUInt32LE(0), head.readUInt32LE(4)];
  const end = at + headLength + jsonLength + length;
  if (end > (await file.stat()).size || length % 4 !== 0) return undefined;
  const body = new Uint8Array(jsonLength + length);
  if ((await file.read(body, 0, body.length, at + headLength)).bytesRead < body.length)
    throw new BowError('data', 'the file became shorter while it was read');
  if (!createHash('sha256').update(body).digest().equals(head.subarray(8))) return undefined;
  const text = new TextDecoder().decode(body.subarray(0, jsonLength));
  return { text, vectors: new Float32Array(body.slice(jsonLength).buffer), end };
}
