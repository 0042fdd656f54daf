/** Lines of files, streams and standard input as bytes, decompressed where they are gzip; never a whole file in memory. */
import { createReadStream } from 'node:fs';
import { createGunzip, type Gunzip } from 'node:zlib';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';

/** Longest line read; nothing of that size is a document. */
const longestLine = 1 << 28;

/** Chunks of a file (`-`: standard input), gunzipped when its first bytes say so. Errors `data`: unreadable, damaged gzip, binary content. */
export async function* chunks(path: string, o: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<Buffer> {
  const source = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  let first = true;
  try {
    const input = await peeked(source);
    const plain = input.gzip ? input.stream.pipe(createGunzip({ chunkSize: 1 << 18 })) : input.stream;
    if (input.gzip) input.stream.on('error', (e) => (plain as Gunzip).destroy(e));
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      throwIfAborted(o.signal, path);
      if (first && chunk.subarray(0, 8192).includes(0)) throw binary(path);
      first = false;
      yield chunk;
    }
  } catch (e) {
    if (e instanceof BowError) throw e;
    const code = String((e as { code?: string }).code);
    if (code.startsWith('Z_'))
      throw new BowError('data', 'the gzip data is damaged or cut short', { place: path, cause: e });
    throw fileError(e, path);
  }
}

function binary(path: string): BowError {
  return new BowError('data', 'not text: it holds NUL bytes', {
    place: path,
    hint: 'give UTF-8 text, JSONL or CSV (gzip is fine)',
  });
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

/** Lines as bytes without their line feed (and carriage return). A view into a buffer: use it before asking for the next. */
export async function* lines(path: string, o: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<Uint8Array> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks(path, o)) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const end = chunk.subarray(from, at);
      yield trimmed(restBytes > 0 ? Buffer.concat([...rest, end]) : end);
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
  if (restBytes > 0) yield trimmed(Buffer.concat(rest));
}

function trimmed(line: Buffer): Buffer {
  return line.length > 0 && line[line.length - 1] === 13 ? line.subarray(0, -1) : line;
}
