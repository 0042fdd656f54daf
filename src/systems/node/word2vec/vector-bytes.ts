/** The bytes of a file of word vectors, read in order and unpacked where they are gzip. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { BowError, isBowError, throwIfAborted } from '../../../base/index.ts';
import { fileError } from '../../../base/node/index.ts';

/** A file read in order: `fill` waits for bytes, all else takes what has come. */
export class VectorBytes {
  readonly path: string;
  /** Bytes of the file; undefined where it is gzip, which does not tell how much it holds. */
  readonly size: number | undefined;
  readonly #parts: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #ended = false;

  private constructor(path: string, size: number | undefined, parts: AsyncIterable<Buffer>) {
    this.path = path;
    this.size = size;
    this.#parts = parts[Symbol.asyncIterator]();
  }

  /** Opens a file. Error `data` when it cannot be read, later also when its gzip data are damaged. */
  static async open(path: string, o: { readonly signal?: AbortSignal | undefined } = {}): Promise<VectorBytes> {
    const there = await stat(path).catch((e) => {
      throw fileError(e, path);
    });
    if (there.isDirectory()) throw new BowError('data', 'is a folder', { place: path });
    const head = createReadStream(path, { end: 1 });
    let gzip = false;
    try {
      for await (const b of head as AsyncIterable<Buffer>) gzip = b[0] === 0x1f && b[1] === 0x8b;
    } catch (e) {
      throw fileError(e, path);
    }
    return new VectorBytes(path, gzip ? undefined : there.size, chunks(path, gzip, o.signal));
  }

  /** Makes `n` bytes ready where the file has them; false at its end. */
  async fill(n: number): Promise<boolean> {
    while (this.#buffer.length - this.#at < n && !this.#ended) {
      const parts: Buffer[] = [this.#buffer.subarray(this.#at)];
      for (let have = parts[0]!.length; have < n; have += parts.at(-1)!.length) {
        const next = await this.#parts.next();
        this.#ended = next.done === true;
        if (next.done) break;
        parts.push(next.value);
      }
      this.#buffer = Buffer.concat(parts);
      this.#at = 0;
    }
    return this.#buffer.length - this.#at >= n;
  }

  /** What is ready, without taking it. */
  ahead(): Buffer {
    return this.#buffer.subarray(this.#at);
  }

  /** Takes `n` bytes that are ready. */
  take(n: number): Buffer {
    const b = this.#buffer.subarray(this.#at, this.#at + n);
    this.#at += n;
    return b;
  }

  /** Exactly n bytes. Error `checkpoint` when the file ends before. */
  async bytes(n: number, what: string): Promise<Buffer> {
    if (this.#buffer.length - this.#at < n && !(await this.fill(n)))
      throw new BowError('checkpoint', `the file ends inside ${what}`, {
        place: this.path,
        hint: 'was it cut short while it was copied?',
      });
    return this.take(n);
  }

  /** Where a byte is among those ahead, −1 where it is not within `limit`; waits for as many as it takes. */
  async find(byte: number, limit: number): Promise<number> {
    for (let from = 0, want = 1; ; want = Math.min(limit, Math.max(4096, 2 * want))) {
      const found = this.ahead().indexOf(byte, from);
      if (found >= 0) return found <= limit ? found : -1;
      from = this.ahead().length;
      if (from >= limit || !(await this.fill(Math.max(want, from + 1)))) return -1;
    }
  }

  /** Bytes up to a byte, which is taken too; the rest of the file where it does not come again, undefined where there is none. Error `checkpoint` after `limit` bytes. */
  async until(byte: number, limit: number, what: string): Promise<Buffer | undefined> {
    const here = this.#buffer.indexOf(byte, this.#at);
    const found = here >= 0 ? here - this.#at : await this.find(byte, limit);
    if (found >= 0 && found <= limit) return this.take(found + 1).subarray(0, found);
    const left = this.ahead().length;
    if (left === 0) return undefined;
    if (this.#ended && left <= limit) return this.take(left);
    throw new BowError('checkpoint', `${what} is longer than ${limit} bytes`, {
      place: this.path,
      hint: 'is it a file of word vectors?',
    });
  }

  async close(): Promise<void> {
    await this.#parts.return?.();
  }
}

async function* chunks(path: string, gzip: boolean, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  const unpacked = gzip ? file.pipe(createGunzip({ chunkSize: 1 << 20 })) : file;
  if (gzip) file.on('error', (e) => unpacked.destroy(e));
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      throwIfAborted(signal, path);
      yield chunk;
    }
  } catch (e) {
    if (isBowError(e)) throw e;
    if (String((e as { code?: string }).code).startsWith('Z_'))
      throw new BowError('data', 'the gzip data is damaged or cut short', { place: path, cause: e });
    throw fileError(e, path);
  } finally {
    file.destroy();
  }
}
