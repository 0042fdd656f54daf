/** A proxy on this machine, and a server of encrypted requests behind it. */
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';

export type ProxyServer = AsyncDisposable & {
  readonly port: number;
  /** `GET http://hub.test/…`, `CONNECT hub.test:443`. */
  readonly seen: string[];
};

/**
 * Starts a proxy that leads every host to one server on this machine: plain requests to the port `http`, tunnels to the port `https`. `login`: what it
 * wants, as name:password.
 */
export async function startProxy(to: { http?: number; https?: number; login?: string }): Promise<ProxyServer> {
  const seen: string[] = [];
  const isAllowed = ({ method, url, headers }: IncomingMessage): boolean => {
    seen.push(`${method} ${url}`);
    const given = headers['proxy-authorization'];
    return to.login === undefined || given === `Basic ${Buffer.from(to.login).toString('base64')}`;
  };
  const proxy = createServer((q, answer) => {
    if (!isAllowed(q)) {
      answer.writeHead(407, { 'proxy-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const { pathname, search, host } = new URL(q.url!);
    const headers = { ...q.headers, host };
    const onward = request({ port: to.http, path: pathname + search, method: q.method, headers }, (r) => {
      answer.writeHead(r.statusCode!, r.headers);
      r.pipe(answer);
    });
    onward.on('error', () => answer.writeHead(502).end());
    q.pipe(onward);
  });
  proxy.on('connect', (q, socket) => {
    if (!isAllowed(q)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const onward = connect(to.https!, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const s of [onward, socket]) s.on('error', () => {});
  });
  return { port: await listen(proxy), seen, [Symbol.asyncDispose]: () => closed(proxy) };
}

/** Starts a server at `https://hub.test`, as far as a proxy leads there, that answers everything with `text` and the headers of a file on a hub. */
export async function startSecureFile(text: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createSecureServer({ key, cert: certificate }, (q, answer) => {
    const headers = { 'x-repo-commit': '0123456789abcdef0123456789abcdef01234567', etag: '"tag"' };
    answer.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(text) });
    answer.end(q.method === 'HEAD' ? undefined : text);
  });
  return { port: await listen(server), [Symbol.asyncDispose]: () => closed(server) };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

/** Of hub.test, signed by itself, for a hundred years; no one else trusts it. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBkTCCATigAwIBAgIUI4XJJt0ZjCUApIrFtac2hVygVYgwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIaHViLnRlc3QwIBcNMjYxMTMwMTkxMjQwWhgPMjEyNjExMDYx
OTEyNDBaMBMxETAPBgNVBAMMCGh1Yi50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEx9z5RfW9LpeNfQbFjJ9DV29VtKHmpLxXLhCrgSQsuZvaxT/xaVVrwiXA
5+9QxSVx8G04fPkKjkgvlpi02ABO76NoMGYwHQYDVR0OBBYEFOdJ+YMDKJMH2NBt
vgdHJ7HAGAw+MB8GA1UdIwQYMBaAFOdJ+YMDKJMH2NBtvgdHJ7HAGAw+MA8GA1Ud
EwEB/wQFMAMBAf8wEwYDVR0RBAwwCoIIaHViLnRlc3QwCgYIKoZIzj0EAwIDRwAw
RAIga+0CG06B3s8+Rxkp+DPLm7q8s1JIRDuP2C6w1X95zgsCIEgFsTk2AUvZWvmX
GGx8MDeys53mGKriWOBvYuKQP1zs
-----END CERTIFICATE-----
`;

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgX65yvyQVtNXOJ0jm
qwb+aOwSnFbGMc5cnOTgFwHtrXuhRANCAATH3PlF9b0ul419BsWMn0NXb1W0oeak
vFcuEKuBJCy5m9rFP/FpVWvCJcDn71DFJXHwbTh8+QqOSC+WmLTYAE7v
-----END PRIVATE KEY-----
`;
