/**
 * A small Hugging Face hub on this machine: the API's listing, `resolve` with and without redirect to a second server (another port, as the
 * real hub's storage), ranges, entity tags. `faults` may take over any answer and misbehave.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came, for assertions. */
export type SeenRequest = {
  readonly server: 'hub' | 'storage';
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
};

/** Answers instead of the server when it returns true. */
export type Fault = (q: SeenRequest, response: ServerResponse, content: Buffer | undefined) => boolean;

export type HubServer = {
  readonly endpoint: string;
  readonly storage: string;
  readonly commit: string;
  readonly seen: SeenRequest[];
  /** Names of blobs by path. */
  readonly etags: Readonly<Record<string, string>>;
  fault: Fault | undefined;
  close(): Promise<void>;
};

const commit = '0123456789abcdef0123456789abcdef01234567';

/** Starts a hub with one model repository `org/name`; files of `large` are stored as LFS, that is, redirected to the second server. */
export async function startHub(files: Readonly<Record<string, Buffer>>, large: readonly string[]): Promise<HubServer> {
  const seen: SeenRequest[] = [];
  const etags: Record<string, string> = {};
  for (const [path, content] of Object.entries(files)) {
    const git = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
    etags[path] = large.includes(path) ? createHash('sha256').update(content).digest('hex') : git;
  }
  const state: { fault: Fault | undefined } = { fault: undefined };
  const note = (server: SeenRequest['server'], r: IncomingMessage): SeenRequest => {
    const { range, authorization } = r.headers;
    const q = { server, method: r.method!, path: decodeURIComponent(r.url!), range, authorization };
    seen.push(q);
    return q;
  };
  const storage = createServer((r, response) => {
    const q = note('storage', r);
    const content = files[q.path.split('?')[0]!.slice('/blob/'.length)];
    if (!state.fault?.(q, response, content)) send(q, response, content!);
  });
  const hub = createServer((r, response) => {
    const q = note('hub', r);
    const path = /^\/org\/name\/resolve\/(main|[0-9a-f]{40})\/(.*)$/.exec(q.path)?.[2];
    const content = path === undefined ? undefined : files[path];
    if (state.fault?.(q, response, content)) return;
    if (path === undefined) {
      api(q, response, files, etags, large);
      return;
    }
    response.setHeader('x-repo-commit', commit);
    if (!content) {
      json(response, 404, { error: 'Entry not found' }, { 'x-error-code': 'EntryNotFound' });
      return;
    }
    if (!large.includes(path)) {
      send(q, response, content, { etag: `"${etags[path]}"` });
      return;
    }
    const location = `${address(storage)}/blob/${path}?signature=secret`;
    response.writeHead(302, { location, 'x-linked-etag': `"${etags[path]}"`, 'x-linked-size': content.length });
    response.end();
  });
  await Promise.all([listen(hub), listen(storage)]);
  return {
    endpoint: address(hub),
    storage: address(storage),
    commit,
    seen,
    etags,
    get fault() {
      return state.fault;
    },
    set fault(f) {
      state.fault = f;
    },
    close: async () => {
      for (const s of [hub, storage]) s.closeAllConnections();
      await Promise.all([hub, storage].map((s) => new Promise((done) => s.close(done))));
    },
  };
}

function api(
  q: SeenRequest,
  response: ServerResponse,
  files: Readonly<Record<string, Buffer>>,
  etags: Readonly<Record<string, string>>,
  large: readonly string[],
): void {
  const [path, query] = q.path.split('?');
  if (/^\/api\/models\/org\/name\/revision\/(main|[0-9a-f]{40})$/.test(path!)) {
    json(response, 200, { sha: commit });
    return;
  }
  if (path === `/api/models/org/name/tree/${commit}`) {
    const rows = Object.entries(files).map(([p, content]) =>
      large.includes(p)
        ? {
            type: 'file',
            path: p,
            size: content.length,
            oid: 'f'.repeat(40),
            lfs: { oid: etags[p], size: content.length },
          }
        : { type: 'file', path: p, size: content.length, oid: etags[p] },
    );
    const all = [{ type: 'directory', path: 'onnx', oid: 'e'.repeat(40), size: 0 }, ...rows];
    const at = Number(/cursor=(\d+)/.exec(query ?? '')?.[1] ?? 0); // pages of 3
    const next =
      at + 3 < all.length
        ? { link: `</api/models/org/name/tree/${commit}?recursive=true&cursor=${at + 3}>; rel="next"` }
        : {};
    json(response, 200, all.slice(at, at + 3), next);
    return;
  }
  const code = path!.startsWith('/api/models/org/name/') ? 'RevisionNotFound' : 'RepoNotFound';
  json(response, code === 'RepoNotFound' ? 401 : 404, { error: code }, { 'x-error-code': code });
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Sends content, or the range of it that was asked for. */
function send(q: SeenRequest, response: ServerResponse, content: Buffer, headers: Record<string, string> = {}): void {
  const start = Number(/^bytes=(\d+)-$/.exec(q.range ?? '')?.[1] ?? 0);
  const part = content.subarray(start);
  const range = q.range ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {};
  response.writeHead(q.range ? 206 : 200, { 'content-length': part.length, ...range, ...headers });
  response.end(q.method === 'HEAD' ? undefined : part);
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
}

function address(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
