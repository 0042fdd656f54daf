/** WebDataset folders: tar files whose members with one stem (`000017.png`, `000017.json`) are one sample. */
import { createReadStream } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { createTarDecoder, packTar } from 'modern-tar';
import { BowError, isBowError, throwIfAborted } from '../../base/index.ts';
import { fileError, writeFileAtomic } from '../../base/node/index.ts';

/** One sample: its key and its parts by extension (`png`, `json`, `txt`, `seg.png`). */
export type WebSample = { readonly key: string; readonly parts: Readonly<Record<string, Uint8Array>> };

/**
 * Where the extension of a member starts: at the first dot of its file name, as the WebDataset library splits. Hidden members are skipped:
 * macOS puts `._a.jpg` before every `a.jpg`, which would tear samples apart.
 */
function splitName(name: string): { key: string; extension: string } | undefined {
  const file = basename(name);
  const dot = file.indexOf('.');
  if (dot <= 0) return undefined;
  return { key: name.slice(0, name.length - file.length + dot), extension: file.slice(dot + 1).toLowerCase() };
}

const EPOCH = new Date(0); // equal samples give equal bytes, whenever they are written

export type ShardOptions = { samplesPerShard?: number; bytesPerShard?: number; prefix?: string };

/**
 * Writes samples into numbered shards `<prefix>-000000.tar`; a shard is on disk only when it is whole. Returns their paths. Shards of the same
 * prefix that an earlier and larger writing left are removed: the folder would be a mixture of both. Keys must be unique inside a shard and have no dot.
 */
export async function writeWebDataset(
  folder: string,
  samples: AsyncIterable<WebSample> | Iterable<WebSample>,
  o: ShardOptions = {},
): Promise<string[]> {
  const { samplesPerShard = 10_000, bytesPerShard = 64 * 2 ** 20, prefix = 'shard' } = o;
  const files: string[] = [];
  let entries: { header: { name: string; size: number; mtime: Date }; body: Uint8Array }[] = [];
  let count = 0;
  let bytes = 0;
  const flush = async () => {
    if (count === 0) return;
    const file = join(folder, `${prefix}-${String(files.length).padStart(6, '0')}.tar`);
    await writeFileAtomic(file, await packTar(entries));
    files.push(file);
    [entries, count, bytes] = [[], 0, 0];
  };
  for await (const s of samples) {
    if (basename(s.key).includes('.') || s.key === '')
      throw new BowError('data', `"${s.key}" cannot be a key: it has a dot or is empty`);
    for (const [extension, body] of Object.entries(s.parts)) {
      entries.push({ header: { name: `${s.key}.${extension}`, size: body.length, mtime: EPOCH }, body });
      bytes += body.length + 512;
    }
    count++;
    if (count >= samplesPerShard || bytes >= bytesPerShard) await flush();
  }
  await flush();
  await removeLeft(folder, prefix, files.length);
  return files;
}

/** Removes the shards numbered `from` and above. */
async function removeLeft(folder: string, prefix: string, from: number): Promise<void> {
  const number = (name: string): number =>
    name.startsWith(`${prefix}-`) ? Number(/^(\d{6,})\.tar$/.exec(name.slice(prefix.length + 1))?.[1] ?? -1) : -1;
  for (const name of await readdir(folder).catch(() => [])) if (number(name) >= from) await rm(join(folder, name));
}

/** True for the name of a tar file. */
export const isShard = (name: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(name);

/** The shards of a path: a tar file itself, or the `.tar` and `.tar.gz` files of a folder in the order of their names. */
export async function shardsOf(path: string): Promise<string[]> {
  let found: string[];
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    found = (await readdir(path)).filter(isShard).sort();
  } catch (e) {
    throw fileError(e, path);
  }
  if (found.length === 0) throw new BowError('data', 'no .tar files in the folder', { place: path });
  return found.map((f) => join(path, f));
}

/** Reads samples shard by shard, member by member, in bounded memory. A broken archive is a `data` error with its file. */
export async function* readWebDataset(
  path: string,
  o: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<WebSample> {
  for (const shard of await shardsOf(path)) yield* readShard(shard, o);
}

/** The samples of one tar file, as {@link readWebDataset} reads them. */
export async function* readShard(
  file: string,
  o: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<WebSample> {
  try {
    for await (const sample of samplesOf(file)) {
      throwIfAborted(o.signal, file);
      yield sample;
    }
  } catch (e) {
    if (isBowError(e)) throw e;
    throw new BowError('data', `a broken tar archive: ${(e as Error).message}`, { place: file, cause: e });
  }
}

/** By the first two bytes (RFC 1952, 2.3.1): names are unreliable. */
async function isGzip(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch((e) => {
    throw fileError(e, path);
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await file.close();
  }
}

async function* samplesOf(file: string): AsyncGenerator<WebSample> {
  const zipped = await isGzip(file);
  const raw = createReadStream(file);
  const plain = zipped ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (e) => plain.destroy(e));
  const members = (Readable.toWeb(plain) as unknown as ReadableStream<Uint8Array>).pipeThrough(
    createTarDecoder({ strict: true }),
  );
  let key: string | undefined;
  let parts: Record<string, Uint8Array> = {};
  const reader = members.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const name = splitName(value.header.name);
      const body = new Uint8Array(await new Response(value.body).arrayBuffer());
      if (!name || (value.header.type !== undefined && value.header.type !== 'file')) continue;
      if (key !== undefined && name.key !== key) {
        yield { key, parts };
        parts = {};
      }
      key = name.key;
      parts[name.extension] = body;
    }
  } finally {
    raw.destroy(); // a reader may leave in the middle
  }
  if (key !== undefined) yield { key, parts };
}
