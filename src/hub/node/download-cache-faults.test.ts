/** What can be wrong with the machine rather than the server: disks, caches and rate limits that a download meets. */
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { files, isWeights, useHub, weights } from '../testing/hub-fixture.ts';
import { json } from '../testing/hub-server.ts';
import { downloadFile, downloadRepo, hubSettings } from './index.ts';

const f = useHub();

test('space is asked for what is missing, not for what an earlier attempt has left', async () => {
  const size = 2 ** 42; // more than a disk has; the part that is here is a file with a hole
  f.hub.fault = (q, response) => {
    if (q.path.includes('/tree/')) json(response, 200, [{ type: 'file', path: 'a.bin', size, oid: 'mirror-tag' }]);
    else if (q.range === `bytes=${size - 7}-`)
      response.writeHead(206, { 'content-range': `bytes ${size - 7}-${size - 1}/${size}` }).end('0123456');
    else return false;
    return true;
  };
  await expect(downloadRepo('org/name', f.o)).rejects.toThrow(/the disk has no room for a.bin/);
  const part = join(f.root, 'blobs', 'mirror-tag.incomplete');
  await writeFile(part, '');
  await truncate(part, size - 7);
  expect((await downloadRepo('org/name', f.o)).files).toEqual(['a.bin']);
});

test('a cache that cannot be written is a typed error with the place', async () => {
  await writeFile(f.root, 'in the way');
  await expect(downloadFile('org/name', 'config.json', f.o)).rejects.toMatchObject({
    code: 'data',
    place: expect.stringContaining('models--org--name'),
  });
  await expect(downloadRepo('org/name', f.o)).rejects.toMatchObject({ code: 'data' });
});

test('a cache that cannot remember what is missing: optional files are still absent', async () => {
  await mkdir(f.root, { recursive: true });
  await writeFile(join(f.root, '.no_exist'), 'in the way');
  expect(await downloadFile('org/name', 'nothing.json', { ...f.o, optional: true })).toBeUndefined();
  await expect(downloadFile('org/name', 'nothing.json', f.o)).rejects.toThrow(/no file nothing.json/);
});

test('half a blob, as a copied cache may hold, is fetched again', async () => {
  const blob = f.blob('model.safetensors');
  await mkdir(dirname(blob), { recursive: true });
  await writeFile(blob, weights.subarray(0, 1009));
  const path = await downloadFile('org/name', 'model.safetensors', f.o);
  expect((await readFile(path)).equals(weights)).toBe(true);
  expect(f.notices).toEqual(['model.safetensors in the cache has 1009 bytes of 300007; fetching it again']);
});

test('too many requests: the cached copy is used; without one the wait is reported', async () => {
  const { folder } = await downloadRepo('org/name', f.o);
  f.hub.fault = (_q, response) => {
    response.writeHead(429, { 'retry-after': '500' }).end();
    return true;
  };
  expect((await downloadRepo('org/name', f.o)).folder).toBe(folder);
  expect(f.notices).toEqual([expect.stringMatching(/fewer requests.*working from the copy/)]);
  await rm(f.root, { recursive: true });
  await expect(downloadRepo('org/name', f.o)).rejects.toMatchObject({ hint: 'try again in 500 s' });
});

test('long waits are reported', async () => {
  let left = 1;
  f.hub.fault = (_q, response) => {
    if (left-- <= 0) return false;
    response.writeHead(503, { 'retry-after': '1' }).end();
    return true;
  };
  await downloadFile('org/name', 'config.json', f.o);
  expect(f.notices).toEqual([expect.stringMatching(/the server failed .*: trying again in 1 s$/)]);
});

test('a mirror that sends large files to a place on its own host', async () => {
  f.hub.fault = (q, response, content) => {
    if (q.server !== 'hub' || !content || !q.path.includes('model.safetensors')) return false;
    const about = { 'x-repo-commit': f.hub.commit, 'x-linked-size': content.length };
    const etag = `"${f.hub.etags['model.safetensors']}"`;
    if (q.path.includes('/resolve/'))
      response.writeHead(302, {
        location: `${f.hub.endpoint}/store/model.safetensors`,
        'x-linked-etag': etag,
        ...about,
      });
    response.end();
    return true;
  };
  const stored = f.hub.fault;
  f.hub.fault = (q, response, content) => {
    if (q.path !== '/store/model.safetensors') return stored(q, response, content);
    response.writeHead(200, { etag: '"another"', 'content-length': weights.length });
    response.end(q.method === 'HEAD' ? undefined : weights);
    return true;
  };
  const path = await downloadFile('org/name', 'model.safetensors', f.o);
  expect((await readFile(path)).equals(weights)).toBe(true);
  expect(f.gets().some(isWeights)).toBe(false);
});

test.skipIf(process.platform === 'win32')('colons in names are names outside Windows', async () => {
  f.hub.fault = (q, response) => {
    const oid = f.hub.etags['config.json'];
    const size = files['config.json']!.length;
    if (q.path.includes('/tree/')) json(response, 200, [{ type: 'file', path: 'log 12:30.json', size, oid }]);
    else if (q.path.includes('12:30')) response.end(files['config.json']);
    else return false;
    return true;
  };
  expect((await downloadRepo('org/name', f.o)).files).toEqual(['log 12:30.json']);
});

test('a token file that cannot be read is an error that names it', () => {
  expect(() => hubSettings({}, { HF_TOKEN_PATH: f.cacheDir })).toThrow(/token file cannot be read/);
});
