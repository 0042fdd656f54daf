/**
 * Proxies between here and the hub, by the environment variables that curl, npm and Python's libraries read: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
 * `NO_PROXY`, in lower case too, which comes first.
 */
import { BlockList, isIP } from 'node:net';
import { BowError } from '../../base/index.ts';

/** The variables in force, each with its name and value. `none`: hosts that are asked directly. */
export type Proxies = {
  readonly http?: Variable | undefined;
  readonly https?: Variable | undefined;
  readonly none: string;
};

/** An environment variable as it was found: its name is said in errors. */
type Variable = { readonly name: string; readonly value: string };

type Env = Readonly<Record<string, string | undefined>>;

/** The proxy variables of an environment. */
export function proxiesOf(env: Env): Proxies {
  const all = variable(env, 'all_proxy');
  return {
    http: variable(env, 'http_proxy') ?? all,
    https: variable(env, 'https_proxy') ?? all,
    none: variable(env, 'no_proxy')?.value ?? '',
  };
}

function variable(env: Env, lower: string): Variable | undefined {
  for (const name of [lower, lower.toUpperCase()]) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

/** A proxy to go through: its address with the credentials in it, and the variable that names it. */
export type HttpProxy = { readonly url: URL; readonly name: string };

const protocols = ['http:', 'https:', 'socks5:'];

/** The proxy for an address; undefined where it is asked directly. Error `config` for a variable that holds no address of a proxy. */
export function proxyFor(address: URL, proxies: Proxies): HttpProxy | undefined {
  const found = address.protocol === 'https:' ? proxies.https : proxies.http;
  if (!found || isDirect(address, proxies.none)) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(found.value) ? found.value : `http://${found.value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && protocols.includes(url.protocol) && url.hostname !== '') return { url, name: found.name };
  throw new BowError('config', 'the variable does not hold the address of a proxy', {
    place: found.name,
    hint: `such as http://proxy.example:3128; ${protocols.map((p) => `${p}//`).join(', ')} are known`,
  });
}

/**
 * Does `NO_PROXY` name the host? Its entries stand between commas or blanks: `*`, a host, which stands for all hosts below it as well (with or without a
 * dot or `*.` before it), an address, a range of addresses (10.0.0.0/8), each of these but the first with a port or without.
 */
function isDirect(address: URL, none: string): boolean {
  const host = bare(address.hostname);
  const port = address.port || (address.protocol === 'https:' ? '443' : '80');
  return none
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry === '*' || (entry !== '' && names(entry, host, port)));
}

function names(entry: string, host: string, port: string): boolean {
  if (entry.includes('/')) return isInRange(entry, host);
  const withPort = isIP(entry) === 6 ? null : /^(.+):(\d+)$/.exec(entry); // the colons of ::1 are no port's
  if (withPort && withPort[2] !== port) return false;
  const name = bare(withPort?.[1] ?? entry).replace(/^\*?\./, '');
  return name !== '' && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

function isInRange(entry: string, host: string): boolean {
  const [net = '', bits = ''] = entry.split('/');
  const [kind, length] = [isIP(net), Number(bits)];
  if (kind === 0 || kind !== isIP(host) || !/^\d+$/.test(bits) || length > (kind === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(net, length, kind === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, kind === 4 ? 'ipv4' : 'ipv6');
}

/** An address of version 6 without brackets, a name without the dot of the root. */
const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** One agent for each proxy, which keeps its connections. */
const agents = new Map<string, Fetch>();

/** `fetch` through a proxy. Plain requests are handed to an http proxy as such, what is encrypted goes through a tunnel. */
export async function fetchThrough({ url }: HttpProxy): Promise<Fetch> {
  const known = agents.get(url.href);
  if (known) return known;
  const { fetch, ProxyAgent } = await import('undici'); // takes time to load, spent only where there is a proxy
  const { username, password } = url;
  const token = `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
  const dispatcher = new ProxyAgent({
    uri: url.href,
    proxyTunnel: false,
    ...(username !== '' || password !== '' ? { token } : {}),
  });
  const through: Fetch = async (address, init) =>
    (await fetch(address, { ...init, dispatcher } as Parameters<typeof fetch>[1])) as unknown as Response;
  agents.set(url.href, through);
  return through;
}

/** A part of an address; as it is where a % in it was meant literally. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
