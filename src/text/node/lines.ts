/** Text of files, streams and standard input as bytes in UTF-8, decompressed where they are gzip; never a whole file in memory. */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { createGunzip, type Gunzip } from 'node:zlib';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { type EncodingOptions, markedEncoding, textDecoder, validUtf8 } from '../encodings.ts';
import { notTextAs } from '../file-signs.ts';

/** Options of reading text. */
export type TextOptions = EncodingOptions & { readonly signal?: AbortSignal | undefined };

/** Longest line read; nothing of that size is a document. */
const longestLine = 1 << 28;

/**
 * Chunks of a file (`-`: standard input), gunzipped when its first bytes say so, as UTF-8 without a byte order mark: UTF-16 with a mark, and what `encoding` names, is
 * converted; other bytes come as they are. Errors `data`: unreadable, damaged gzip, binary content (named where its first bytes tell what it is).
 */
export async function* chunks(path: string, o: TextOptions = {}): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | undefined;
  let done = 0;
  try {
    for await (const chunk of rawChunks(path, o)) {
      if (done === 0) {
        refuseBinary(chunk, path);
        const marked = markedEncoding(chunk);
        const encoding = marked ?? o.encoding ?? 'utf-8';
        const named = textDecoder({ ...o, encoding });
        if (named.encoding !== 'utf-8') decoder = named;
        else if (marked === 'utf-8') {
          done = chunk.length;
          if (done > 3) yield withoutNul(chunk.subarray(3), 3, path);
          continue;
        }
      }
      const text = decoder ? Buffer.from(kept(decoder.decode(chunk, { stream: true }), o)) : chunk;
      if (text.length > 0) yield withoutNul(text, done, path);
      done += chunk.length;
    }
    if (decoder) yield Buffer.from(kept(decoder.decode(), o));
  } catch (e) {
    if (!(e instanceof TypeError) || !decoder) throw e;
    throw new BowError('data', `the bytes are not ${decoder.encoding}`, {
      place: path,
      detail: { afterByte: done },
      hint: 'another --encoding, or --decode-error replace',
      cause: e,
    });
  }
}

/** Chunks as they are on disk, or unpacked; the first has 512 bytes or is the whole file. */
async function* rawChunks(path: string, o: TextOptions): AsyncGenerator<Buffer> {
  const source = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  try {
    const input = await peeked(source);
    const plain = input.gzip ? input.stream.pipe(createGunzip({ chunkSize: 1 << 18 })) : input.stream;
    if (input.gzip) input.stream.on('error', (e) => (plain as Gunzip).destroy(e));
    let head: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      throwIfAborted(o.signal, path);
      if (head && head.length + chunk.length < 512) head = Buffer.concat([head, chunk]);
      else {
        yield head && head.length > 0 ? Buffer.concat([head, chunk]) : chunk;
        head = undefined;
      }
    }
    if (head && head.length > 0) yield head;
  } catch (e) {
    if (e instanceof BowError) throw e;
    const code = String((e as { code?: string }).code);
    if (code.startsWith('Z_'))
      throw new BowError('data', 'the gzip data is damaged or cut short', { place: path, cause: e });
    throw fileError(e, path);
  }
}

/** The stream with its first bytes looked at and put back. */
async function peeked(
  stream: NodeJS.ReadableStream & { unshift?(c: Buffer): void },
): Promise<{ stream: typeof stream; gzip: boolean }> {
  await new Promise<void>((resolve, reject) => {
    stream.once('readable', resolve);
    stream.once('end', resolve);
    stream.once('error', reject);
  });
  const head = stream.read() as Buffer | null;
  if (head === null) return { stream, gzip: false };
  stream.unshift(head);
  return { stream, gzip: head[0] === 0x1f && head[1] === 0x8b };
}

/** Marks what is no text at all, so that a folder can leave it out. */
export const binaryFile = 'not text';

function refuseBinary(head: Uint8Array, path: string): void {
  const kind = notTextAs(head);
  if (kind !== undefined) throw new BowError('data', `${binaryFile}: ${kind.what}`, { place: path, hint: kind.hint });
}

function withoutNul(text: Buffer, before: number, path: string): Buffer {
  const at = text.indexOf(0);
  if (at < 0) return text;
  throw new BowError('data', `${binaryFile}: it holds NUL bytes`, {
    place: path,
    detail: { byte: before + at },
    hint: 'give UTF-8 text, JSON or CSV (gzip is fine); for UTF-16 without its mark, --encoding utf-16le',
  });
}

const kept = (text: string, o: EncodingOptions): string =>
  o.decodeError === 'ignore' ? text.replaceAll('\ufffd', '') : text;

/** Bytes of a file's line or content as UTF-8 for sure, under `decodeError`. Error `data` with `at()` as the place. */
export function asUtf8(bytes: Uint8Array, o: EncodingOptions, at: () => string): Uint8Array {
  if (isUtf8(bytes)) return bytes;
  if (o.decodeError !== undefined && o.decodeError !== 'strict')
    return Buffer.from(kept(textDecoder({ decodeError: o.decodeError }).decode(bytes), o));
  throw new BowError('data', 'the text is not UTF-8', {
    place: at(),
    detail: { byte: validUtf8(bytes) },
    hint: 'name its encoding (--encoding windows-1252), or --decode-error replace; iconv converts files',
  });
}

/** The whole text of a file that is read at once anyway, as {@link chunks} gives its bytes. Error `data` also for bytes that are not UTF-8. */
export async function wholeText(path: string, o: TextOptions = {}): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks(path, o)) parts.push(chunk);
  return new TextDecoder().decode(asUtf8(Buffer.concat(parts), o, () => path));
}

/**
 * Lines as bytes without their end (a line feed, a carriage return, or both), as {@link chunks} gives the bytes. A view into a buffer: use it before asking for
 * the next.
 */
export async function* lines(path: string, o: TextOptions = {}): AsyncGenerator<Uint8Array> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let returned = false; // the chunk before ended in a carriage return
  for await (const raw of chunks(path, o)) {
    const chunk = withLineFeeds(returned && raw[0] === 10 ? raw.subarray(1) : raw);
    returned = raw[raw.length - 1] === 13;
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const end = chunk.subarray(from, at);
      yield restBytes > 0 ? Buffer.concat([...rest, end]) : end;
      rest = [];
      restBytes = 0;
      from = at + 1;
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
      if (restBytes > longestLine) {
        throw new BowError('data', 'a line of more than 256 MiB', {
          place: path,
          hint: 'one document a line, or a folder of files',
        });
      }
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}

/** Bytes in which every line ends in a line feed alone. */
function withLineFeeds(chunk: Buffer): Buffer {
  if (!chunk.includes(13)) return chunk;
  const out = Buffer.allocUnsafe(chunk.length);
  let n = 0;
  for (let i = 0; i < chunk.length; i++) {
    const byte = chunk[i]!;
    if (byte !== 13) out[n++] = byte;
    else if (chunk[i + 1] !== 10) out[n++] = 10;
  }
  return out.subarray(0, n);
}
