/** Where the hub is, where its cache lies, who we are: the environment variables of the Hugging Face libraries, and one of our own. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BowError } from '../../base/index.ts';
import { type Proxies, proxiesOf } from './proxy.ts';

/** How the hub is reached. Every field can be set by an option; what is not comes from the environment. */
export type HubSettings = {
  /** `HF_ENDPOINT`, without a slash at the end. */
  readonly endpoint: string;
  /** `HF_HUB_CACHE`, else `$HF_HOME/hub`, else `$XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`. */
  readonly cacheDir: string;
  /** `HF_TOKEN`, else the file `HF_TOKEN_PATH` (`$HF_HOME/token`). */
  readonly token: string | undefined;
  /** `HF_HUB_OFFLINE`: nothing is asked of the network. */
  readonly offline: boolean;
  /** `HF_HUB_DOWNLOAD_TIMEOUT`: longest silence while data comes, milliseconds. */
  readonly downloadTimeout: number;
  /** `HF_HUB_ETAG_TIMEOUT`: longest wait for an answer about a file or a repository, milliseconds. */
  readonly etagTimeout: number;
  /** How often a request is repeated after a failure that may pass. */
  readonly retries: number;
  /** Wait before the first repetition, milliseconds; doubles each time up to 8 s. A server's `Retry-After` comes first. */
  readonly backoff: number;
  /** `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in upper and lower case. */
  readonly proxies: Proxies;
};

type Env = Readonly<Record<string, string | undefined>>;

/** The settings in force: `given` over the environment over the defaults. */
export function hubSettings(given: Partial<HubSettings> = {}, env: Env = process.env): HubSettings {
  const home = set(env, 'HF_HOME') ?? join(set(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  const fromEnv: HubSettings = {
    endpoint: set(env, 'HF_ENDPOINT') ?? 'https://huggingface.co',
    cacheDir: expand(set(env, 'HF_HUB_CACHE') ?? join(home, 'hub')),
    token:
      'token' in given
        ? undefined
        : (set(env, 'HF_TOKEN') ?? storedToken(set(env, 'HF_TOKEN_PATH') ?? join(home, 'token'))),
    offline: isTrue(env['HF_HUB_OFFLINE']),
    downloadTimeout: seconds(env, 'HF_HUB_DOWNLOAD_TIMEOUT', 10),
    etagTimeout: seconds(env, 'HF_HUB_ETAG_TIMEOUT', 10),
    retries: 5,
    backoff: 1000,
    proxies: proxiesOf(env),
  };
  const known = Object.entries(given).filter(([, v]) => v !== undefined);
  const all: HubSettings = { ...fromEnv, ...Object.fromEntries(known) };
  return { ...all, endpoint: checkedEndpoint(all.endpoint), token: checkedToken(all.token) };
}

/** Where this project keeps what can be made again: `$BOW2BOT_CACHE`, else `$XDG_CACHE_HOME/bow2bot`, else `~/.cache/bow2bot`. */
export function ownCacheDir(env: Env = process.env): string {
  const own = set(env, 'BOW2BOT_CACHE');
  return own === undefined ? join(set(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'bow2bot') : expand(own);
}

/** True for `1 ON YES TRUE` in any case. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && ['1', 'ON', 'YES', 'TRUE'].includes(value.toUpperCase());
}

/** A variable that is set and not empty. */
function set(env: Env, name: string): string | undefined {
  return env[name] || undefined;
}

function expand(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

function storedToken(path: string): string | undefined {
  const file = expand(path);
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  } catch (e) {
    throw new BowError('config', 'the Hugging Face token file cannot be read', {
      place: file,
      detail: { reason: (e as NodeJS.ErrnoException).code ?? '' },
      hint: 'HF_TOKEN_PATH names another file, HF_TOKEN the token itself',
      cause: e,
    });
  }
}

function checkedToken(token: string | undefined): string | undefined {
  const text = token?.trim();
  if (!text) return undefined;
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new BowError('config', 'the Hugging Face token holds characters that no token has', {
    place: 'HF_TOKEN',
    hint: 'copy it again from https://huggingface.co/settings/tokens',
  });
}

function checkedEndpoint(endpoint: string): string {
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return endpoint.replace(/\/+$/, '');
  throw new BowError('config', `not a web address: ${JSON.stringify(endpoint)}`, { place: 'HF_ENDPOINT' });
}

function seconds(env: Env, name: string, fallback: number): number {
  const text = set(env, name);
  if (text === undefined) return fallback * 1000;
  const n = Number(text);
  if (Number.isFinite(n) && n > 0) return n * 1000;
  throw new BowError('config', `not a number of seconds: ${JSON.stringify(text)}`, { place: name });
}
