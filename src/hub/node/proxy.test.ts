import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { compiledUrl } from '../../base/node/index.ts';
import { useHub } from '../testing/hub-fixture.ts';
import { certificate, startProxy, startSecureFile } from '../testing/proxy-server.ts';
import { downloadFile, downloadRepo } from './index.ts';
import { proxiesOf, proxyFor } from './proxy.ts';

const f = useHub();
const portOf = (address: string): number => Number(new URL(address).port);

/** The proxy chosen for an address, or none. */
function chosen(address: string, env: Record<string, string>): string | undefined {
  const found = proxyFor(new URL(address), proxiesOf(env));
  return found && `${found.name} ${found.url.href}`;
}

test('the variable of the protocol, lower case first, then that of all', () => {
  const env = { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: 'https://b:2', ALL_PROXY: 'c' };
  expect(chosen('http://x', env)).toBe('HTTP_PROXY http://a:1/');
  expect(chosen('https://x', env)).toBe('HTTPS_PROXY https://b:2/');
  expect(chosen('https://x', { ...env, https_proxy: 'd:3128' })).toBe('https_proxy http://d:3128/');
  expect(chosen('https://x', { ...env, HTTPS_PROXY: ' ' })).toBe('ALL_PROXY http://c/');
  expect(chosen('https://x', { all_proxy: 'socks5://n:p@s:1080' })).toBe('all_proxy socks5://n:p@s:1080');
  expect(chosen('https://x', { HTTP_PROXY: 'http://a:1' })).toBeUndefined();
  for (const wrong of ['http://', 'http://[', 'ftp://a', 'socks4://a', 'a b', 'http://a:99999'])
    expect(() => chosen('https://x', { HTTPS_PROXY: wrong }), wrong).toThrow(/not hold the address.*HTTPS_PROXY/);
});

test.each([
  ['*', ['http://x', 'https://y:8443'], []],
  ['example.com', ['http://example.com', 'https://hub.example.com:8443'], ['http://notexample.com', 'http://com']],
  ['.example.com', ['http://hub.example.com', 'http://example.com'], ['http://notexample.com']],
  ['*.Example.com , other', ['http://hub.EXAMPLE.com', 'http://other'], ['http://another']],
  ['a:8080 b:443', ['http://a:8080', 'https://b', 'https://sub.b'], ['http://a', 'https://a', 'http://b']],
  ['127.0.0.1', ['http://127.0.0.1:5000'], ['http://1.127.0.0.1.example', 'http://127.0.0.2']],
  ['10.0.0.0/8,192.168.0.0/33', ['http://10.20.30.40'], ['http://11.0.0.1', 'http://192.168.0.1', 'http://10.example']],
  ['::1', ['http://[::1]:9'], ['http://[::2]']],
  ['[::1]:9,fd00::/8', ['http://[::1]:9', 'http://[fd12::1]'], ['http://[::1]:8', 'http://[fe80::1]']],
  [', ,.,/', [], ['http://x']],
])('NO_PROXY=%s', (none, direct, through) => {
  const of = (a: string) => chosen(a, { ALL_PROXY: 'p', NO_PROXY: none });
  for (const address of direct) expect(of(address), address).toBeUndefined();
  for (const address of through) expect(of(address), address).toBe('ALL_PROXY http://p/');
});

test('plain requests go to the proxy, redirects too; its credentials go to it and to no other', async () => {
  await using proxy = await startProxy({ http: portOf(f.hub.endpoint), login: 'né:p@ss' });
  const o = { ...f.o, endpoint: 'http://hub.test', retries: 0, etagTimeout: 9000, downloadTimeout: 9000 };
  const by = (url: string) => ({ ...o, proxies: proxiesOf({ HTTP_PROXY: url, NO_PROXY: '127.0.0.1' }) });
  const { files } = await downloadRepo('org/name', by(`http://n%C3%A9:p%40ss@127.0.0.1:${proxy.port}`));
  expect(files).toContain('model.safetensors');
  expect(proxy.seen[0]).toBe('GET http://hub.test/api/models/org/name/revision/main');
  expect(f.gets().some((q) => q.server === 'storage')).toBe(true); // named in NO_PROXY
  const refused = downloadFile('org/name', 'other.json', by(`http://n:wrong@127.0.0.1:${proxy.port}`));
  await expect(refused).rejects.toMatchObject({
    code: 'download',
    message: expect.stringContaining('status 407 of the proxy'),
    hint: expect.stringContaining('HTTP_PROXY'),
    detail: { proxy: `http://127.0.0.1:${proxy.port}` },
  });
});

test('a proxy that cannot be found is named, once and without its password', async () => {
  const proxies = proxiesOf({ HTTP_PROXY: 'http://n:secret@proxy.invalid:3128' });
  const failed = await downloadFile('org/name', 'x', { ...f.o, backoff: 60_000, proxies }).catch((e: unknown) => e);
  expect(failed).toMatchObject({ code: 'download', detail: { proxy: 'http://proxy.invalid:3128' } });
  expect(JSON.stringify(failed) + String(failed)).not.toContain('secret');
  expect(f.notices).toEqual([]);
});

/** The command line's own process: what undici and Node read of the environment is part of the promise. */
async function downloadBy(env: Record<string, string>): Promise<{ stdout: string; stderr: string }> {
  const main = compiledUrl('../../cli/main.js', import.meta.url);
  const clear = Object.fromEntries(['http', 'https', 'all', 'no'].map((name) => [`${name}_proxy`, '']));
  const upper = Object.fromEntries(Object.keys(clear).map((name) => [name.toUpperCase(), '']));
  return await promisify(execFile)(process.execPath, [main.pathname, 'download', 'org/name', 'a.txt'], {
    env: { ...process.env, ...clear, ...upper, HF_HUB_CACHE: f.cacheDir, NO_COLOR: '1', ...env },
  }).catch((e: { stdout: string; stderr: string }) => e);
}

test('what is encrypted goes through a tunnel; NODE_EXTRA_CA_CERTS names who is trusted', async () => {
  await using file = await startSecureFile('text');
  await using proxy = await startProxy({ https: file.port, login: 'a:b' });
  const ca = join(f.cacheDir, 'ca.pem');
  await writeFile(ca, certificate);
  const env = { HF_ENDPOINT: 'https://hub.test', https_proxy: `http://a:b@127.0.0.1:${proxy.port}` };
  const { stdout, stderr } = await downloadBy({ ...env, NODE_EXTRA_CA_CERTS: ca });
  expect([stdout.trim().endsWith('a.txt'), stderr]).toEqual([true, expect.not.stringContaining('BowError')]);
  expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT hub.test:443']));
  const untrusted = await downloadBy({ ...env, HF_HUB_CACHE: join(f.cacheDir, 'other') });
  expect(untrusted.stderr).toContain('NODE_EXTRA_CA_CERTS');
  const wrong = await downloadBy({ ...env, NODE_EXTRA_CA_CERTS: ca, https_proxy: `127.0.0.1:${proxy.port}` });
  expect(wrong.stderr).toContain('status 407 of the proxy');
}, 30_000);

test.each([
  ['http://hub.invalid', /the connection failed \((ENOTFOUND|EAI_AGAIN)\)/],
  ['http://127.0.0.1:1023', /the connection failed \(ECONNREFUSED\)/],
  ['http://127.0.0.1:25', /the connection failed \(bad port\)/],
])('%s, where nobody answers, is reported at once', async (endpoint, expected) => {
  const { stderr } = await downloadBy({ HF_ENDPOINT: endpoint });
  expect(stderr).toMatch(expected);
  expect(stderr).not.toContain('trying again');
});

test('a proxy that drops the connection is asked again', async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const proxies = proxiesOf({ HTTP_PROXY: `127.0.0.1:${port}` });
  await expect(downloadFile('org/name', 'x', { ...f.o, retries: 2, proxies })).rejects.toMatchObject({
    code: 'download',
  });
  await new Promise((done) => server.close(done));
  expect([asked]).toEqual([3]);
});
