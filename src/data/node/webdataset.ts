/** WebDataset folders: tar files whose members with one stem (`000017.png`, `000017.json`) are one sample. */
import { createReadStream } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { createTarDecoder, packTar } from 'modern-tar';
import { BowError, isBowError, throwIfAborted } from '../../base/index.ts';
import { fileError, filesUnder, isFile, writeFileAtomic } from '../../base/node/index.ts';
import type { RecordOptions } from '../images.ts';
import { type NoteTally, noteTally } from './notes.ts';

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
export const isShard = (name: string): boolean =>
  /\.(tar(\.(gz|zst|zstd|bz2|xz|lz4))?|tgz|tbz2?|txz|tzst)$/i.test(name);

/** The shards of a path: a tar file itself, or those of a folder, at any depth, in the order of their names. */
export async function shardsOf(path: string): Promise<string[]> {
  if (await isFile(path)) return [path];
  const found = (await filesUnder(path)).filter(isShard);
  if (found.length === 0) throw new BowError('data', 'no .tar files in the folder', { place: path });
  return found.map((f) => join(path, f));
}

/**
 * Reads samples shard by shard, member by member, in bounded memory. Errors `data` with the file: a broken archive, one that breaks off inside a member,
 * a sample whose parts do not lie side by side. An archive without the mark of its end is read, and noted.
 */
export async function* readWebDataset(path: string, o: RecordOptions = {}): AsyncGenerator<WebSample> {
  for (const shard of await shardsOf(path)) yield* readShard(shard, o);
}

/** The samples of one tar file, as {@link readWebDataset} reads them. */
export async function* readShard(file: string, o: RecordOptions = {}): AsyncGenerator<WebSample> {
  try {
    for await (const sample of samplesOf(file, o.onNote)) {
      throwIfAborted(o.signal, file);
      yield sample;
    }
  } catch (e) {
    if (isBowError(e)) throw e;
    const { message } = e as Error;
    const what =
      message === 'Invalid EOF.' ? 'something follows the mark of its end, perhaps another archive' : message;
    throw new BowError('data', `a broken tar archive: ${what}`, { place: file, cause: e });
  }
}

/** Compressed files by their first bytes: names are unreliable. */
const signs: readonly (readonly [string, string])[] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['fd377a58', 'xz'],
  ['04224d18', 'lz4'],
  ['504b0304', 'zip'],
];

async function compression(path: string): Promise<string | undefined> {
  const file = await open(path, 'r').catch((e) => {
    throw fileError(e, path);
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const start = buffer.toString('hex');
    return signs.find(([sign]) => start.startsWith(sign))?.[1];
  } finally {
    await file.close();
  }
}

/** The bytes of an archive, unpacked, and how many there were so far. */
async function openArchive(file: string): Promise<{ stream: Readable; count(): number }> {
  const packed = await compression(file);
  if (packed !== undefined && packed !== 'gzip')
    throw new BowError('data', `an archive packed by ${packed}, which is not read`, {
      place: file,
      hint: 'unpack it to .tar, or pack it by gzip',
    });
  const raw = createReadStream(file);
  const plain = packed ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (e) => plain.destroy(e));
  let count = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      count += chunk.length;
      done(null, chunk);
    },
  });
  plain.on('error', (e: Error) => counted.destroy(e));
  counted.on('close', () => raw.destroy()); // a reader may leave in the middle
  return { stream: plain.pipe(counted), count: () => count };
}

type Member = { readonly name: string; readonly body: Uint8Array };

const mostBytes = 2 ** 30;

/** The files of an archive. The two empty blocks at its end may be missing: streams and cut files end right behind a member. */
async function* membersOf(file: string, notes: NoteTally): AsyncGenerator<Member> {
  const { stream, count } = await openArchive(file);
  const members = (Readable.toWeb(stream) as unknown as ReadableStream<Uint8Array>).pipeThrough(
    createTarDecoder({ strict: true }),
  );
  const reader = members.getReader();
  let last = 0; // size of the last member
  try {
    for (;;) {
      const next = await reader.read().catch((e: Error) => {
        const whole = count() > 0 && (count() % 512 === 0 || count() % 512 === last % 512);
        if (!whole || !e.message.includes('truncated')) throw e;
        notes.add('an archive without the mark of its end: perhaps members are missing', file);
        return { done: true, value: undefined } as const;
      });
      if (next.done) return;
      const { header, body } = next.value;
      if (header.size > mostBytes) throw new Error(`a member of ${header.size} bytes (${header.name})`);
      const bytes = new Uint8Array(await new Response(body).arrayBuffer());
      last = bytes.length;
      if (header.type === 'link' || header.type === 'symlink')
        notes.add('a link in the archive, which holds no bytes', `${file}/${header.name}`);
      const sparse = Object.keys(header.pax ?? {}).some((k) => k.startsWith('GNU.sparse.'));
      if (sparse) notes.add('a file with holes (tar --sparse), which is not read', `${file}/${header.name}`);
      else if (header.type === undefined || header.type === 'file')
        yield { name: header.name.replace(/^(\.\/)+/, ''), body: bytes };
    }
  } finally {
    stream.destroy();
  }
}

async function* samplesOf(file: string, onNote: RecordOptions['onNote']): AsyncGenerator<WebSample> {
  const notes = noteTally(onNote);
  const earlier = new Map<string, Set<string>>();
  let key: string | undefined;
  let parts: Record<string, Uint8Array> = {};
  for await (const { name, body } of membersOf(file, notes)) {
    const split = splitName(name);
    if (!split) continue;
    if (split.key !== key) {
      if (key !== undefined) yield { key, parts };
      parts = {};
    }
    key = split.key;
    const before = earlier.get(key);
    if (Object.keys(parts).length === 0 && before && !before.has(split.extension)) throw torn(key, file);
    if (parts[split.extension]) notes.add('a member that comes again: the last one counts', `${file}/${name}`);
    parts[split.extension] = body;
    earlier.set(key, (before ?? new Set()).add(split.extension));
  }
  if (key !== undefined) yield { key, parts };
  notes.flush();
}

function torn(key: string, file: string): BowError {
  return new BowError('data', `the parts of sample ${JSON.stringify(key)} do not lie side by side in the archive`, {
    place: file,
    hint: 'pack it in the order of names: tar --sort=name',
  });
}
