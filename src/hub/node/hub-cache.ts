/**
 * The cache on disk, shared with the Hugging Face libraries: `models--owner--name/{blobs/<etag>, refs/<ref>, snapshots/<commit>/<path>,
 * .no_exist/<commit>/<path>}`. Snapshots link to blobs; where links are refused they hold the files themselves.
 */
import { existsSync } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileError, statIfThere, writeFileAtomic } from '../../base/node/index.ts';
import { isCommit, type Repo, repoFolderName, repoOfFolder } from './hub-repo.ts';

/** Paths of one repository in the cache. */
export type RepoCache = {
  readonly root: string;
  blob(etag: string): string;
  lock(etag: string): string;
  snapshot(commit: string): string;
  ref(revision: string): string;
  noExist(commit: string, path: string): string;
};

/** The repository's place under a cache folder. */
export function repoCache(cacheDir: string, repo: Repo): RepoCache {
  const folder = repoFolderName(repo);
  const root = join(cacheDir, folder);
  return {
    root,
    blob: (etag) => join(root, 'blobs', etag),
    lock: (etag) => join(cacheDir, '.locks', folder, `${etag}.lock`),
    snapshot: (commit) => join(root, 'snapshots', commit),
    ref: (revision) => join(root, 'refs', ...revision.split('/')),
    noExist: (commit, path) => join(root, '.no_exist', commit, ...path.split('/')),
  };
}

/** The commit that a revision stood for when it was last fetched. */
export async function cachedCommit(cache: RepoCache, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const text = (await readFile(cache.ref(revision), 'utf8').catch(() => '')).trim();
  return isCommit(text) ? text : undefined;
}

/** Remembers what a branch or tag stands for. */
export async function writeRef(cache: RepoCache, revision: string, commit: string): Promise<void> {
  if (!isCommit(revision) && (await cachedCommit(cache, revision)) !== commit) {
    await writeFileAtomic(cache.ref(revision), commit);
  }
}

/** Remembers that a commit lacks a file, so that asking again costs nothing. */
export async function writeNoExist(cache: RepoCache, commit: string, path: string): Promise<void> {
  const marker = cache.noExist(commit, path);
  await mkdir(dirname(marker), { recursive: true });
  await writeFile(marker, '');
}

/** Makes a blob appear in a snapshot: a relative link, or where links are refused the file itself. Returns the path. */
export async function linkSnapshot(cache: RepoCache, commit: string, path: string, blob: string): Promise<string> {
  const pointer = join(cache.snapshot(commit), ...path.split('/'));
  if (existsSync(pointer)) return pointer;
  await mkdir(dirname(pointer), { recursive: true });
  await rm(pointer, { force: true }); // a link whose blob is gone
  const target = relative(dirname(pointer), blob);
  try {
    await symlink(target, pointer);
  } catch (e) {
    if ((e as { code?: string }).code === 'EEXIST') return pointer; // another process was as fast
    const aside = `${pointer}.${process.pid}.tmp`;
    await link(blob, aside).catch(() => copyFile(blob, aside));
    await rename(aside, pointer);
  }
  return pointer;
}

/** A commit of a repository in the cache. */
export type CachedRevision = {
  readonly commit: string;
  readonly refs: readonly string[];
  readonly files: readonly string[];
};

/** A repository in the cache. `bytes`: what its blobs take; `incomplete`: what unfinished downloads take. */
export type CachedRepo = {
  readonly repo: Repo;
  readonly folder: string;
  readonly bytes: number;
  readonly incomplete: number;
  /** When a file was last added, milliseconds since 1970. */
  readonly modified: number;
  readonly revisions: readonly CachedRevision[];
};

/** All repositories in a cache folder, by name; other folders are skipped. */
export async function scanCache(cacheDir: string): Promise<CachedRepo[]> {
  const out: CachedRepo[] = [];
  const names = (await statIfThere(cacheDir))
    ? await readdir(cacheDir).catch((e) => Promise.reject(fileError(e, cacheDir)))
    : [];
  for (const name of names.sort()) {
    const repo = repoOfFolder(name);
    if (repo) out.push(await scanRepo(join(cacheDir, name), repo));
  }
  return out;
}

async function scanRepo(folder: string, repo: Repo): Promise<CachedRepo> {
  const refs = new Map<string, string[]>();
  for (const ref of await filesUnder(join(folder, 'refs'))) {
    const commit = (await readFile(join(folder, 'refs', ref), 'utf8').catch(() => '')).trim(); // a link to nothing
    refs.set(commit, [...(refs.get(commit) ?? []), ref]);
  }
  const revisions: CachedRevision[] = [];
  const real = new Set<string>();
  for (const commit of (await entries(join(folder, 'snapshots'))).sort()) {
    const files = await filesUnder(join(folder, 'snapshots', commit));
    const revision = { commit, refs: refs.get(commit) ?? [], files };
    revisions.push(revision);
    for (const f of await realFiles(folder, revision)) real.add(f);
  }
  let [bytes, incomplete, modified] = [0, 0, 0];
  const blobs = (await entries(join(folder, 'blobs'))).map((b) => join(folder, 'blobs', b));
  const seen = new Set<number>();
  for (const file of new Set([...blobs, ...real])) {
    const s = await stat(file).catch(() => undefined);
    if (!s || seen.has(s.ino)) continue; // hard links of one file count once
    seen.add(s.ino);
    if (file.endsWith('.incomplete')) incomplete += s.size;
    else bytes += s.size;
    modified = Math.max(modified, s.mtimeMs);
  }
  return { repo, folder, bytes, incomplete, modified, revisions };
}

async function entries(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

/** Files below a folder as `/`-separated paths, sorted; links count as files. */
async function filesUnder(folder: string): Promise<string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = all.filter((e) => !e.isDirectory()).map((e) => relative(folder, join(e.parentPath, e.name)));
  return files.map((f) => f.replaceAll('\\', '/')).sort();
}

/**
 * Removes a repository from the cache, or one of its commits with the blobs that no other commit needs. Returns the bytes set free
 * (with `dryRun`, that would be). A removal that is interrupted leaves links without blobs, which the next download repairs.
 */
export async function removeCached(cached: CachedRepo, o: { commit?: string; dryRun?: boolean } = {}): Promise<number> {
  const remove = async (path: string): Promise<void> => {
    if (!o.dryRun) await rm(path, { recursive: true, force: true });
  };
  const { folder, revisions } = cached;
  if (o.commit === undefined) {
    await remove(folder);
    await remove(join(dirname(folder), '.locks', basename(folder)));
    return cached.bytes + cached.incomplete;
  }
  const { commit } = o;
  const used = new Set<string>();
  for (const other of revisions) {
    if (other.commit !== commit) for (const f of await realFiles(folder, other)) used.add(f);
  }
  const gone = revisions.find((r) => r.commit === commit);
  let freed = 0;
  for (const file of gone ? await realFiles(folder, gone) : []) {
    if (used.has(file)) continue;
    freed += (await stat(file)).size;
    await remove(file);
  }
  for (const ref of gone?.refs ?? []) await remove(join(folder, 'refs', ...ref.split('/')));
  for (const part of ['snapshots', '.no_exist']) await remove(join(folder, part, commit));
  return freed;
}

/** The files behind a snapshot's links, each once; links without a blob are skipped. */
async function realFiles(folder: string, r: CachedRevision): Promise<Set<string>> {
  const paths = r.files.map((f) => realpath(join(folder, 'snapshots', r.commit, f)).catch(() => undefined));
  return new Set((await Promise.all(paths)).filter((f) => f !== undefined));
}
