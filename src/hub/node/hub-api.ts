/** What the hub says about repositories and files. */
import { BowError } from '../../base/index.ts';
import { apiUrl, checkedEtag, checkedPath, checkedRevision, isCommit, type Repo, resolveUrl } from './hub-repo.ts';
import { type RequestContext, readJsonBody, request, withRetries } from './hub-request.ts';

/** A file at a commit. `etag` names its blob: SHA-256 for large files, git's SHA-1 for the rest. */
export type RemoteFile = { readonly path: string; readonly size: number; readonly etag: string };

/** A repository's files at a commit. */
export type RemoteListing = { readonly commit: string; readonly files: readonly RemoteFile[] };

/** The commit that a revision stands for now, and all files in it. */
export async function fetchListing(repo: Repo, revision: string, c: RequestContext): Promise<RemoteListing> {
  const { endpoint, etagTimeout } = c.settings;
  const at = encodeURIComponent(checkedRevision(revision));
  const about = apiUrl(endpoint, repo, `revision/${at}`);
  const info = await withRetries(async () => readJsonBody(await request(about, c, { timeout: etagTimeout }), about), c);
  const commit = (info as { sha?: unknown } | null)?.sha;
  if (typeof commit !== 'string' || !isCommit(commit)) throw unclear('no commit', about);
  const files: RemoteFile[] = [];
  let next: string | undefined = apiUrl(endpoint, repo, `tree/${commit}?recursive=true`);
  for (let page = 0; next !== undefined; page++) {
    if (page > 10_000) throw unclear('an endless list of files', about);
    const url: string = next;
    const [rows, link] = await withRetries(async () => {
      const response = await request(url, c, { timeout: etagTimeout });
      return [await readJsonBody(response, url), response.headers.get('link')] as const;
    }, c);
    if (!Array.isArray(rows)) throw unclear('not a list of files', url);
    for (const row of rows) {
      const file = listed(row, url);
      if (file) files.push(file);
    }
    next = nextPage(link, url);
  }
  return { commit, files };
}

function unclear(what: string, place: string): BowError {
  return new BowError('download', `the response holds ${what}`, { place, hint: 'does HF_ENDPOINT lead to a hub?' });
}

/** `{"type": "file", "path": …, "size": …, "oid": git SHA-1, "lfs": {"oid": SHA-256, "size": …}}`; undefined for folders. */
function listed(row: unknown, place: string): RemoteFile | undefined {
  const { type, path, size, oid, lfs } = (row ?? {}) as Record<string, unknown>;
  if (type !== 'file') return undefined;
  const large = (lfs ?? {}) as Record<string, unknown>;
  const [bytes, etag] = [large['size'] ?? size, large['oid'] ?? oid];
  if (typeof path !== 'string' || typeof etag !== 'string' || !Number.isSafeInteger(bytes) || (bytes as number) < 0) {
    throw unclear('a file without path, size or hash', place);
  }
  return { path: checkedPath(path, place), size: bytes as number, etag: checkedEtag(etag, place) };
}

/** The address under `rel="next"`, which must stay with the same server. */
function nextPage(link: string | null, from: string): string | undefined {
  const found = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(link ?? '')?.[1];
  if (found === undefined) return undefined;
  const next = new URL(found, from);
  if (next.origin !== new URL(from).origin) throw unclear('a next page on another server', from);
  return next.href;
}

/** What the hub says about one file: its commit and blob, or that the commit does not have it. */
export type FileAnswer = { readonly commit: string; readonly file: RemoteFile | undefined };

/** Asks for one file at a revision without fetching it. */
export async function fetchFileInfo(
  repo: Repo,
  revision: string,
  path: string,
  c: RequestContext,
): Promise<FileAnswer> {
  const url = resolveUrl(c.settings.endpoint, repo, checkedRevision(revision), checkedPath(path, 'file name'));
  const timeout = c.settings.etagTimeout;
  return await withRetries(async () => {
    const response = await request(url, c, { method: 'HEAD', timeout, follow: 'own', accept: [404] });
    const { status, headers } = response;
    await response.discard();
    const commit = headers.get('x-repo-commit') ?? (isCommit(revision) ? revision : '');
    if (status === 404) {
      if (headers.get('x-error-code') === 'EntryNotFound' && isCommit(commit)) return { commit, file: undefined };
      throw notFound(headers.get('x-error-code'), url);
    }
    if (!isCommit(commit)) throw unclear('no commit', url);
    const etag = checkedEtag(headers.get('x-linked-etag') ?? headers.get('etag') ?? '', url);
    const size = Number(
      headers.get('x-linked-size') ?? (status < 300 ? headers.get('content-length') : null) ?? Number.NaN,
    );
    if (!Number.isSafeInteger(size) || size < 0) throw unclear('no size of the file', url);
    return { commit, file: { path, size, etag } };
  }, c);
}

function notFound(code: string | null, place: string): BowError {
  const what: Record<string, string> = {
    EntryNotFound: 'no such file in this repository',
    RevisionNotFound: 'no such branch, tag or commit in this repository',
    RepoNotFound: 'repository not found, or no permission to read it',
  };
  return new BowError('download', what[code ?? ''] ?? 'not found', { place, detail: { status: 404 } });
}
