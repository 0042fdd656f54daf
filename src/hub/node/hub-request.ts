/**
 * Requests to a hub over HTTP that may fail in every way: redirects followed by hand, so that the token never reaches another host;
 * silence cut by a timeout; failures that may pass repeated with growing waits; everything else a `download` error that says what to do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BowError, isBowError, throwIfAborted } from '../../base/index.ts';
import type { HubSettings } from './hub-settings.ts';
import { fetchThrough, type HttpProxy, proxyFor } from './proxy.ts';

/** What a request needs to know. */
export type RequestContext = {
  readonly settings: HubSettings;
  readonly signal?: AbortSignal | undefined;
  /** Called for waits long enough to be noticed. */
  readonly onNotice?: ((text: string) => void) | undefined;
};

/** An answer with its headers read. `body` must be read to its end or left by `discard`. */
export type HubResponse = {
  readonly status: number;
  readonly headers: Headers;
  body(): AsyncGenerator<Uint8Array>;
  discard(): Promise<void>;
};

/** Failures that may pass, with the wait the server asked for; `unreachable` when no server answered what was asked, `lasting` when asking again is of no use. */
type Transient = { readonly after: number | undefined; readonly unreachable: boolean; readonly lasting: boolean };
const transients = new WeakMap<BowError, Transient>();

/** Longest wait that a server's `Retry-After` is granted, milliseconds. */
const longestWait = 120_000;
/** Shorter waits are not spoken of. */
const noticedWait = 1000;
const maxRedirects = 10;

/** Marks an error as one that may pass. */
export function transient(
  error: BowError,
  o: { after?: number | undefined; unreachable?: boolean; lasting?: boolean } = {},
): BowError {
  transients.set(error, { after: o.after, unreachable: o.unreachable ?? false, lasting: o.lasting ?? false });
  return error;
}

/** True when the server could not be reached or gave no valid response, so that a cached copy may be used. */
export function isUnreachable(e: unknown): boolean {
  return isBowError(e) && (transients.get(e)?.unreachable ?? false);
}

/** Repeats `work` after failures that may pass. `progress` counts what has been gained: 1 MiB more resets the count of repetitions. */
export async function withRetries<T>(work: () => Promise<T>, c: RequestContext, progress?: () => number): Promise<T> {
  let [attempt, mark] = [0, progress?.() ?? 0];
  for (;;) {
    throwIfAborted(c.signal);
    try {
      return await work();
    } catch (e) {
      const t = isBowError(e) ? transients.get(e) : undefined;
      const now = progress?.() ?? 0;
      if (now - mark >= 1 << 20) [attempt, mark] = [0, now];
      if (!t || t.lasting || attempt >= c.settings.retries || (t.after ?? 0) > longestWait) throw e;
      const wait = t.after ?? Math.min(8000, c.settings.backoff * 2 ** attempt);
      attempt++;
      if (wait >= noticedWait) c.onNotice?.(`${(e as Error).message}: trying again in ${Math.ceil(wait / 1000)} s`);
      await sleep(wait, undefined, c.signal ? { signal: c.signal } : {}).catch(() => throwIfAborted(c.signal));
    }
  }
}

/**
 * One request, redirects followed (`follow: 'own'`: only those within the endpoint; another host's is given back as it is, and so is one that
 * already says all about a file, as a mirror's to its own storage). Answers of 400 and
 * above are errors, unless `accept` names them. `timeout`: longest wait for the headers and between two pieces of the body.
 */
export async function request(
  url: string,
  c: RequestContext,
  o: {
    method?: 'GET' | 'HEAD';
    headers?: Record<string, string>;
    timeout: number;
    follow?: 'all' | 'own';
    accept?: number[];
  },
): Promise<HubResponse> {
  let at = new URL(url);
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const own = at.origin === new URL(c.settings.endpoint).origin;
    const auth = own && c.settings.token ? { authorization: `Bearer ${c.settings.token}` } : {};
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'bow2bot', ...o.headers, ...auth };
    const response = await send(at, { method: o.method ?? 'GET', headers, redirect: 'manual' }, o.timeout, c);
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
      if (response.status < 400 || o.accept?.includes(response.status)) return response;
      await response.discard();
      throw statusError(response, at, c.settings);
    }
    const next = nextUrl(location, at);
    if (o.follow === 'own' && (next.origin !== at.origin || aboutFile.every((h) => response.headers.has(h))))
      return response;
    await response.discard();
    at = next;
  }
  throw new BowError('download', `more than ${maxRedirects} redirects`, { place: url });
}

/** What the hub says about a file whose content lies elsewhere. */
const aboutFile = ['x-repo-commit', 'x-linked-etag', 'x-linked-size'];

function nextUrl(location: string, from: URL): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const safe = next && (next.protocol === 'https:' || (next.protocol === 'http:' && from.protocol === 'http:'));
  if (next && safe) return next;
  throw new BowError('download', 'redirected to an address that is not followed', {
    place: clean(from),
    detail: { location: location.slice(0, 200) },
  });
}

/** Sends one request; the answer's body is watched for silence until it is read or discarded. */
async function send(
  url: URL,
  init: RequestInit,
  timeout: number,
  { signal, settings }: RequestContext,
): Promise<HubResponse> {
  throwIfAborted(signal, clean(url));
  const proxy = proxyFor(url, settings.proxies);
  const ask = proxy ? await fetchThrough(proxy) : fetch;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  let silent = false;
  const watch = (): ReturnType<typeof setTimeout> =>
    setTimeout(() => {
      silent = true;
      controller.abort();
    }, timeout);
  let timer = watch();
  signal?.addEventListener('abort', stop, { once: true });
  const end = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  };
  const failed = (e: unknown): unknown => {
    end();
    if (signal?.aborted) return new BowError('aborted', 'stopped on request', { place: clean(url) });
    return networkError(e, url, silent ? timeout : undefined, proxy);
  };
  const response = await ask(url, { ...init, signal: controller.signal }).catch((e: unknown) => {
    throw failed(e);
  });
  answered.add(proxy?.url.host ?? url.host);
  return {
    status: response.status,
    headers: response.headers,
    body: async function* () {
      try {
        if (response.body === null) return;
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          clearTimeout(timer);
          yield chunk;
          timer = watch();
        }
      } catch (e) {
        throw failed(e);
      } finally {
        end();
      }
    },
    discard: async () => {
      end();
      controller.abort();
    },
  };
}

/** Hosts that have answered: what was reached once may be lost for a moment; what never was has a wrong name, or there is no network. */
const answered = new Set<string>();
const unreached = /^(ENOTFOUND|EAI_\w+|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH)$/;
const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/;

function networkError(e: unknown, url: URL, silence: number | undefined, proxy: HttpProxy | undefined): BowError {
  const { code = '', message } = innermost(e);
  const refused = /\b(\d{3})\b/.exec(/^Proxy /.test(message) ? message : '')?.[1]; // undici has the status in the message alone
  const reason = refused === undefined ? code || message : `status ${refused} of the proxy`;
  const what = silence === undefined ? `the connection failed (${reason})` : `no data for ${silence / 1000} s`;
  const through = proxy ? { detail: { proxy: `${proxy.url.protocol}//${proxy.url.host}` } } : {};
  const error = new BowError('download', what, {
    place: clean(url),
    hint: networkHint(code, refused, proxy),
    ...through,
    cause: e,
  });
  const lasting =
    untrusted.test(code) ||
    message === 'bad port' || // fetch refuses those of other protocols
    (refused !== undefined && refused < '500') ||
    (unreached.test(code) && !answered.has(proxy?.url.host ?? url.host));
  return transient(error, { unreachable: true, lasting });
}

function networkHint(code: string, refused: string | undefined, proxy: HttpProxy | undefined): string {
  if (untrusted.test(code)) return 'NODE_EXTRA_CA_CERTS=<file.pem> names a certificate authority to trust';
  if (!proxy) return 'check the network; behind a proxy set HTTPS_PROXY; HF_HUB_OFFLINE=1 works from the cache alone';
  return refused === '407'
    ? `the proxy wants a name and a password: ${proxy.name}=http://name:password@host:port`
    : `${proxy.name} names this proxy: check it, or name the host in NO_PROXY`;
}

/** What went wrong below what wraps it; of several addresses that were tried, the first. */
function innermost(e: unknown): { readonly code: string | undefined; readonly message: string } {
  let at = e as { cause?: unknown; errors?: unknown[]; code?: string; message?: string };
  for (let next = at; next; next = (at.errors?.[0] ?? at.cause) as typeof at) at = next;
  return { code: at.code, message: at.message ?? String(at) };
}

/** An address without its query, which may hold a signature. */
function clean(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function statusError(r: HubResponse, url: URL, settings: HubSettings): BowError {
  const { status, headers } = r;
  const code = headers.get('x-error-code') ?? '';
  const place = clean(url);
  const said = headers.get('x-error-message')?.slice(0, 300);
  const error = (what: string, hint?: string): BowError =>
    new BowError('download', what, {
      place,
      detail: { status, ...(said ? { server: said } : {}) },
      ...(hint ? { hint } : {}),
    });
  if (status === 429 || status >= 500) {
    const what = status === 429 ? 'the server asks for fewer requests' : 'the server failed';
    const after = retryAfter(headers);
    const hint = after === undefined ? 'try again later' : `try again in ${Math.ceil(after / 1000)} s`;
    return transient(error(what, hint), { after, unreachable: true });
  }
  if (code === 'GatedRepo') {
    return error(
      'access to this repository must be requested',
      'accept its conditions on its web page, then set HF_TOKEN',
    );
  }
  if (code === 'RevisionNotFound') return error('no such branch, tag or commit in this repository');
  if (code === 'EntryNotFound') return error('no such file in this repository');
  if (status === 401 || status === 403 || code === 'RepoNotFound') {
    const hint = settings.token
      ? 'check the name, and that HF_TOKEN may read it'
      : 'check the name; a private repository needs HF_TOKEN';
    return error('repository not found, or no permission to read it', hint);
  }
  return error(status === 404 ? 'not found' : 'the server refuses');
}

/** `Retry-After` in milliseconds: seconds or a date. */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** The body as JSON, at most `limit` bytes of it. */
export async function readJsonBody(r: HubResponse, place: string, limit = 64 * 1024 * 1024): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of r.body()) {
    size += part.length;
    if (size > limit) throw new BowError('download', `a response of more than ${limit} bytes`, { place });
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw transient(new BowError('download', 'the response is not JSON', { place }));
  }
}
