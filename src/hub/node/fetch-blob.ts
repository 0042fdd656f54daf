/** One file's bytes into the cache: locked, resumed where an earlier attempt ended, verified, and only then given its name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { acquireLock } from '../../base/node/index.ts';
import { writeAll } from './file-source.ts';
import type { RemoteFile } from './hub-api.ts';
import { type RequestContext, request, transient, withRetries } from './hub-request.ts';

/** Where a blob goes and who wants to know. */
export type BlobJob = {
  readonly file: RemoteFile;
  readonly url: string;
  readonly blob: string;
  readonly lock: string;
  /** Bytes gained; negative when an attempt has to start over. */
  readonly onBytes: (n: number) => void;
  readonly onNotice: (text: string) => void;
};

/** Longest wait for another process that fetches the same file. */
const lockWait = 24 * 3600 * 1000;

/** Fetches the blob unless it is there. After it returns, `blob` exists and is what the hub says it is. */
export async function fetchBlob(job: BlobJob, c: RequestContext): Promise<void> {
  const { file, blob, onBytes } = job;
  if ((await sizeOf(blob)) === file.size) return onBytes(file.size);
  await using _ = await acquireLock(job.lock, {
    wait: lockWait,
    signal: c.signal,
    onWait: () => job.onNotice(`${file.path} is already being fetched; waiting for it`),
  });
  const there = await sizeOf(blob); // another process may have fetched it meanwhile; a copied cache may hold half of it
  if (there === file.size) return onBytes(file.size);
  if (there !== undefined)
    job.onNotice(`${file.path} in the cache has ${there} bytes of ${file.size}; fetching it again`);
  const incomplete = `${blob}.incomplete`;
  await mkdir(dirname(blob), { recursive: true });
  await checkSpace(job, incomplete);
  const resumed = await fill(incomplete, job, c);
  let wrong = await verify(incomplete, file, c.signal);
  if (wrong && resumed) {
    onBytes(-file.size); // what an earlier attempt left may be the culprit: once more from the start
    await rm(incomplete, { force: true });
    await fill(incomplete, job, c);
    wrong = await verify(incomplete, file, c.signal);
  }
  if (wrong) {
    await rm(incomplete, { force: true });
    throw new BowError('download', 'the downloaded file is not what the hub lists: its hash differs', {
      place: job.url,
      detail: wrong,
      hint: 'try again; if it persists, a proxy or mirror between here and the hub alters the file',
    });
  }
  await rename(incomplete, blob);
}

/** Loads what is missing, over as many requests as it takes. True when it resumed what an earlier attempt had left. */
async function fill(incomplete: string, job: BlobJob, c: RequestContext): Promise<boolean> {
  const handle = await open(incomplete, 'a+');
  try {
    let have = (await handle.stat()).size;
    if (have > job.file.size) {
      await handle.truncate(0);
      have = 0;
    }
    const resumed = have > 0;
    job.onBytes(have);
    const state = { have };
    await withRetries(
      () => fetchRest(handle, state, job, c),
      c,
      () => state.have,
    );
    await handle.sync();
    return resumed;
  } finally {
    await handle.close();
  }
}

/** One request for the bytes that are missing. */
async function fetchRest(handle: FileHandle, state: { have: number }, job: BlobJob, c: RequestContext): Promise<void> {
  const { size } = job.file;
  const restart = async (): Promise<void> => {
    await handle.truncate(0);
    job.onBytes(-state.have);
    state.have = 0;
  };
  if (state.have === size) return;
  const headers: Record<string, string> = state.have > 0 ? { range: `bytes=${state.have}-` } : {};
  const response = await request(job.url, c, { headers, timeout: c.settings.downloadTimeout, accept: [416] });
  if (state.have > 0 && !continues(response, state.have)) {
    await restart();
    if (response.status !== 200) {
      await response.discard();
      throw transient(
        new BowError('download', 'the server does not resume where the download stopped', { place: job.url }),
      );
    }
  }
  for await (const part of response.body()) {
    if (state.have + part.length > size) {
      await restart();
      throw new BowError('download', `more than the ${size} bytes that the hub lists`, { place: job.url });
    }
    await writeAll(handle, part);
    state.have += part.length;
    job.onBytes(part.length);
  }
  if (state.have === size) return;
  const detail = { expected: size, received: state.have };
  throw transient(
    new BowError('download', 'the connection closed before the end of the file', { place: job.url, detail }),
  );
}

/** True for a partial answer that starts at the offset. */
function continues(r: { status: number; headers: Headers }, offset: number): boolean {
  return r.status === 206 && new RegExp(`^bytes ${offset}-`).test(r.headers.get('content-range') ?? '');
}

/**
 * What is wrong with a file, read back from disk: entity tags of 64 hex digits are its SHA-256 (large files), of 40 git's SHA-1 of a blob.
 * Undefined when it is right, or when a mirror's tag is neither and only the size, checked before, can speak.
 */
async function verify(
  path: string,
  file: RemoteFile,
  signal: AbortSignal | undefined,
): Promise<Record<string, string> | undefined> {
  const sha256 = /^[0-9a-f]{64}$/.test(file.etag);
  if (!sha256 && !/^[0-9a-f]{40}$/.test(file.etag)) return undefined;
  const hash = createHash(sha256 ? 'sha256' : 'sha1');
  if (!sha256) hash.update(`blob ${file.size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    throwIfAborted(signal, path);
    hash.update(chunk);
  }
  const found = hash.digest('hex');
  return found === file.etag ? undefined : { expected: file.etag, found };
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

/** Refuses early what the disk cannot hold besides what an earlier attempt has left. */
async function checkSpace(job: BlobJob, incomplete: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(job.blob));
  const free = bavail * bsize;
  const needed = job.file.size - ((await sizeOf(incomplete)) ?? 0);
  if (free >= needed) return;
  throw new BowError('data', `the disk has no room for ${job.file.path}`, {
    place: dirname(job.blob),
    detail: { needed, free },
    hint: 'bow2bot cache ls shows what could be removed; HF_HUB_CACHE moves the cache',
  });
}
