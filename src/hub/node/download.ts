/**
 * Files of repositories on the Hugging Face hub, by name, through the cache that all its libraries share. Resumable, verified, locked, with
 * one progress over all files; works offline from what is there. Why an own downloader: docs/decisions/0031-hub-downloads.md.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BowError, type OnProgress } from '../../base/index.ts';
import { typedError } from '../../base/node/index.ts';
import { pathFilter } from '../patterns.ts';
import { fetchBlob } from './fetch-blob.ts';
import { type FileAnswer, fetchFileInfo, fetchListing, type RemoteFile, type RemoteListing } from './hub-api.ts';
import { cachedCommit, linkSnapshot, type RepoCache, repoCache, writeNoExist, writeRef } from './hub-cache.ts';
import { checkedPath, checkedRevision, isCommit, type Repo, type RepoType, repoOf, resolveUrl } from './hub-repo.ts';
import { isUnreachable, type RequestContext } from './hub-request.ts';
import { type HubSettings, hubSettings } from './hub-settings.ts';

/** What every call to the hub takes; fields of {@link HubSettings} come before the environment. */
export type HubOptions = Partial<HubSettings> & {
  readonly type?: RepoType;
  /** Branch, tag or commit. */
  readonly revision?: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes over all files, those already in the cache included. */
  readonly onProgress?: OnProgress | undefined;
  /** Called with a message when something is unusual: waiting for another process, working from an older copy. */
  readonly onNotice?: ((text: string) => void) | undefined;
};

/** A repository's files on this machine. */
export type DownloadedRepo = { readonly folder: string; readonly commit: string; readonly files: readonly string[] };

type Job = {
  readonly repo: Repo;
  readonly cache: RepoCache;
  readonly revision: string;
  readonly context: RequestContext;
};

function jobOf(id: string, o: HubOptions): Job {
  const { type, revision, signal, onProgress: _, onNotice, ...given } = o;
  const settings = hubSettings(given);
  const repo = repoOf(id, type);
  const cache = repoCache(settings.cacheDir, repo);
  return { repo, cache, revision: checkedRevision(revision ?? 'main'), context: { settings, signal, onNotice } };
}

/** All files of a repository at a revision, without fetching them. */
export async function listRepo(id: string, o: HubOptions = {}): Promise<RemoteListing> {
  const { repo, revision, context } = jobOf(id, o);
  if (context.settings.offline) throw offlineError(repo, 'a list of files');
  return await fetchListing(repo, revision, context);
}

/**
 * Fetches the files of a repository, all or those whose paths match `include` and not `exclude` (`*.safetensors`, `onnx/`), `parallel` at a
 * time. Offline, or when the hub cannot be reached, it gives the files that are here from an earlier time.
 */
export async function downloadRepo(
  id: string,
  o: HubOptions & { include?: readonly string[]; exclude?: readonly string[]; parallel?: number } = {},
): Promise<DownloadedRepo> {
  const { include, exclude, parallel = 4, ...hub } = o;
  const job = jobOf(id, hub);
  const wanted = pathFilter({ include, exclude });
  const copy = await cachedRepo(job, wanted);
  const listing = await orCached(job, o, copy !== undefined, (c) => fetchListing(job.repo, job.revision, c));
  if (!listing) return copy ?? Promise.reject(offlineError(job.repo, `${job.repo.id}@${job.revision}`));
  const files = listing.files.filter((f) => wanted(f.path));
  if (files.length === 0) {
    throw new BowError('download', 'no file of this repository matches', {
      place: job.repo.id,
      detail: { files: listing.files.slice(0, 12).map((f) => f.path) },
    });
  }
  await inCache(job.cache, async () => {
    await fetchAll(job, listing.commit, files, parallel, o);
    await writeRef(job.cache, job.revision, listing.commit);
  });
  return { folder: job.cache.snapshot(listing.commit), commit: listing.commit, files: files.map((f) => f.path) };
}

/**
 * Fetches one file and returns its path; nothing is asked of the network for a commit whose file is here. With `optional`, a file that the
 * repository does not have is `undefined` instead of an error (and that is remembered).
 */
export async function downloadFile(id: string, path: string, o: HubOptions & { optional?: false }): Promise<string>;
export async function downloadFile(
  id: string,
  path: string,
  o: HubOptions & { optional: boolean },
): Promise<string | undefined>;
export async function downloadFile(id: string, path: string, o?: HubOptions): Promise<string>;
export async function downloadFile(
  id: string,
  path: string,
  o: HubOptions & { optional?: boolean } = {},
): Promise<string | undefined> {
  const { optional = false, ...hub } = o;
  const job = jobOf(id, hub);
  checkedPath(path, 'file name');
  const copy = await cachedFile(job, path);
  const known = isCommit(job.revision) ? copy : undefined;
  if (typeof known === 'string') return known;
  const ask = (c: RequestContext): Promise<FileAnswer> => fetchFileInfo(job.repo, job.revision, path, c);
  const answer = known ?? (await orCached(job, o, copy !== undefined, ask));
  if (!answer) {
    if (typeof copy === 'string') return copy;
    if (!copy) throw offlineError(job.repo, path);
    return absent(job, path, optional);
  }
  if (!answer.file) {
    const remember = async (): Promise<void> => {
      await writeNoExist(job.cache, answer.commit, path);
      await writeRef(job.cache, job.revision, answer.commit);
    };
    await remember().catch(() => {}); // saves a question the next time; a cache that others share may be read-only
    return absent(job, path, optional);
  }
  const { commit, file } = answer;
  await inCache(job.cache, async () => {
    await fetchAll(job, commit, [file], 1, o);
    await writeRef(job.cache, job.revision, commit);
  });
  return join(job.cache.snapshot(answer.commit), ...path.split('/'));
}

/** Failures of the disk under the cache (full, read-only, not a folder) as errors that a person can act on. */
async function inCache(cache: RepoCache, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (e) {
    throw typedError(e, (e as NodeJS.ErrnoException).path ?? cache.root);
  }
}

function absent(job: Job, path: string, optional: boolean): undefined {
  if (optional) return undefined;
  throw new BowError('download', `no file ${path} in this repository`, { place: `${job.repo.id}@${job.revision}` });
}

function offlineError(repo: Repo, what: string): BowError {
  return new BowError('download', `${what} is not in the cache, and offline mode keeps it from being fetched`, {
    place: repo.id,
    hint: 'unset HF_HUB_OFFLINE, or fetch it where there is a network and copy the cache',
  });
}

/** The hub's answer; undefined offline, or when the hub cannot be reached and there is a `copy` from an earlier time (which is said). */
async function orCached<T>(
  job: Job,
  o: HubOptions,
  copy: boolean,
  ask: (c: RequestContext) => Promise<T>,
): Promise<T | undefined> {
  const { settings } = job.context;
  if (settings.offline) return undefined;
  try {
    return await ask(
      copy ? { ...job.context, settings: { ...settings, retries: Math.min(1, settings.retries) } } : job.context,
    );
  } catch (e) {
    if (!copy || !isUnreachable(e)) throw e;
    o.onNotice?.(`${(e as Error).message}: working from the copy of ${job.repo.id} that is in the cache`);
    return undefined;
  }
}

/** A file of the cache; `{ file: undefined }` for one that its commit is known to lack; undefined for one that was never asked for. */
async function cachedFile(job: Job, path: string): Promise<string | { commit: string; file: undefined } | undefined> {
  const commit = await cachedCommit(job.cache, job.revision);
  if (commit === undefined) return undefined;
  const pointer = join(job.cache.snapshot(commit), ...path.split('/'));
  if (existsSync(pointer)) return pointer;
  return existsSync(job.cache.noExist(commit, path)) ? { commit, file: undefined } : undefined;
}

/** What the cache has of a repository; undefined where it has no file that is wanted. */
async function cachedRepo(job: Job, wanted: (path: string) => boolean): Promise<DownloadedRepo | undefined> {
  const commit = await cachedCommit(job.cache, job.revision);
  const folder = job.cache.snapshot(commit ?? '');
  const all = commit === undefined ? [] : await readdir(folder, { recursive: true }).catch(() => []);
  const present = all.map((f) => f.replaceAll('\\', '/')).filter((f) => existsSync(join(folder, f)));
  const files = present.filter((f) => wanted(f) && !present.some((g) => g.startsWith(`${f}/`))).sort();
  return commit === undefined || files.length === 0 ? undefined : { folder, commit, files };
}

/** Fetches files into the cache and links them into the commit's snapshot. The first failure stops the others, whose parts are kept. */
async function fetchAll(
  job: Job,
  commit: string,
  files: readonly RemoteFile[],
  parallel: number,
  o: HubOptions,
): Promise<void> {
  const { cache, context, repo } = job;
  const total = files.reduce((n, f) => n + f.size, 0);
  let done = 0;
  const onBytes = (n: number): void => {
    done += n;
    o.onProgress?.({ task: `download ${repo.id}`, done, total, unit: 'bytes' });
  };
  const failed = new AbortController();
  const signal = context.signal ? AbortSignal.any([context.signal, failed.signal]) : failed.signal;
  const queue = [...files];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const blob = cache.blob(file.etag);
      const url = resolveUrl(context.settings.endpoint, repo, commit, file.path);
      const notice = o.onNotice ?? ((): void => {});
      await fetchBlob(
        { file, url, blob, lock: cache.lock(file.etag), onBytes, onNotice: notice },
        { ...context, signal },
      );
      await linkSnapshot(cache, commit, file.path, blob);
    }
  };
  let first: unknown;
  const guarded = async (): Promise<void> => {
    await work().catch((e: unknown) => {
      first ??= e;
      failed.abort();
    });
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(parallel, files.length)) }, guarded));
  if (first !== undefined) throw first;
}
