/** Names on the hub: repositories, revisions, paths. All that comes from outside is checked here before it becomes part of a path or URL. */
import { BowError } from '../../base/index.ts';

/** Kind of a repository. */
export type RepoType = 'model' | 'dataset' | 'space';

/** A repository on the hub. */
export type Repo = { readonly type: RepoType; readonly id: string };

/** A repository from its name (`openai/clip-vit-base-patch32`, `gpt2`). */
export function repoOf(id: string, type: RepoType = 'model'): Repo {
  const part = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,95})';
  if (new RegExp(`^${part}(?:/${part})?$`).test(id) && !/--|\.\.|\.git$/.test(id)) return { type, id };
  throw new BowError('usage', `not the name of a repository: ${JSON.stringify(id)}`, {
    hint: 'names look like owner/name',
  });
}

/** The repository's folder in the cache: `models--owner--name`. */
export function repoFolderName(repo: Repo): string {
  return `${repo.type}s--${repo.id.replaceAll('/', '--')}`;
}

/** The repository of a cache folder's name, or undefined for another folder. */
export function repoOfFolder(folder: string): Repo | undefined {
  const m = /^(model|dataset|space)s--(.+)$/.exec(folder);
  return m ? { type: m[1] as RepoType, id: m[2]!.replace('--', '/') } : undefined;
}

/** Address of a file's content at a revision. */
export function resolveUrl(endpoint: string, repo: Repo, revision: string, path: string): string {
  const kind = repo.type === 'model' ? '' : `${repo.type}s/`;
  const file = path.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${kind}${repo.id}/resolve/${encodeURIComponent(revision)}/${file}`;
}

/** Address of what the API says about a repository. */
export function apiUrl(endpoint: string, repo: Repo, rest: string): string {
  return `${endpoint}/api/${repo.type}s/${repo.id}/${rest}`;
}

/** True for a full commit hash. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** What no name may hold; a colon means a drive or a stream on Windows only. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a control character in a file name is what is looked for
const unfit = process.platform === 'win32' ? /[\\:\u0000-\u001f]/ : /[\\\u0000-\u001f]/;

/** A path inside a repository, refused when it could leave the folder it is put into. */
export function checkedPath(path: string, place: string): string {
  const parts = path.split('/');
  const bad = parts.some((p) => p === '' || p === '.' || p === '..' || unfit.test(p));
  if (!bad && path.length < 1024) return path;
  throw new BowError('download', `not a path inside a repository: ${JSON.stringify(path.slice(0, 200))}`, { place });
}

/** A branch, tag, commit or `refs/pr/1`. */
export function checkedRevision(revision: string): string {
  if (/^[A-Za-z0-9._/+@-]+$/.test(revision) && !/(^|\/)\.{1,2}(\/|$)|^\/|\/$|\/\//.test(revision)) return revision;
  throw new BowError('usage', `not a revision: ${JSON.stringify(revision)}`, {
    hint: 'give a branch, a tag or a commit',
  });
}

/** An entity tag as a file name: without quotes and weakness mark. */
export function checkedEtag(etag: string, place: string): string {
  const text = etag.replace(/^W\//, '').replace(/^"|"$/g, '');
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(text)) return text;
  throw new BowError('download', 'the server gives no usable entity tag for a file', { place });
}
