import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { isWeights, useHub, weights } from '../testing/hub-fixture.ts';
import { type Fault, json } from '../testing/hub-server.ts';
import { downloadFile, downloadRepo } from './index.ts';

const f = useHub();

/** A fault for the weights' content alone, the first `times` times. */
function onWeights(times: number, fault: Fault): Fault {
  let left = times;
  return (q, response, content) => isWeights(q) && left-- > 0 && fault(q, response, content);
}

/** Sends the first `n` bytes of what was asked for and cuts the connection. */
const dropAfter =
  (n: number): Fault =>
  (q, response, content) => {
    const start = Number(/=(\d+)-/.exec(q.range ?? '')?.[1] ?? 0);
    response.writeHead(q.range ? 206 : 200, {
      'content-length': content!.length - start,
      ...(q.range ? { 'content-range': `bytes ${start}-${content!.length - 1}/${content!.length}` } : {}),
    });
    response.write(content!.subarray(start, start + n), () => setTimeout(() => response.destroy(), 5));
    return true;
  };

describe('a server that misbehaves', () => {
  const fetched = async (): Promise<boolean> => {
    const got = (await readFile(await downloadFile('org/name', 'model.safetensors', f.o))).equals(weights);
    expect(await readdir(join(f.root, 'blobs'))).toEqual([f.hub.etags['model.safetensors']]);
    return got;
  };
  const ranges = () =>
    f
      .gets()
      .filter(isWeights)
      .map((q) => q.range);

  test('drops the connection: resumes where it ended', async () => {
    f.hub.fault = onWeights(2, dropAfter(100_000));
    expect(await fetched()).toBe(true);
    expect(ranges()[0]).toBeUndefined();
    expect(
      ranges()
        .slice(1)
        .every((r) => /^bytes=[1-9]\d+-$/.test(r!)),
    ).toBe(true);
    expect(ranges().length).toBe(3);
  });

  test('drops every time: an error, the part is kept, a later call resumes', async () => {
    f.hub.fault = onWeights(6, dropAfter(20_000));
    await expect(fetched()).rejects.toMatchObject({ code: 'download' });
    expect((await lstat(`${f.blob('model.safetensors')}.incomplete`)).size).toBeGreaterThan(20_000);
    expect(existsSync(f.snapshot('model.safetensors'))).toBe(false);
    f.hub.seen.length = 0;
    expect(await fetched()).toBe(true);
    expect(ranges()).toEqual([expect.stringMatching(/^bytes=[1-9]\d+-$/)]);
  });

  test('ignores ranges: starts over', async () => {
    const whole: Fault = (_q, response, content) => {
      response.end(content);
      return true;
    };
    const drop = onWeights(1, dropAfter(50_000));
    const ignore = onWeights(2, whole);
    f.hub.fault = (...a) => drop(...a) || ignore(...a);
    expect(await fetched()).toBe(true);
  });

  test('answers another range than asked for, or 416: starts over', async () => {
    const wrongRange: Fault = (_q, response, content) => {
      response.writeHead(206, { 'content-range': `bytes 7-${content!.length - 1}/${content!.length}` });
      response.end(content!.subarray(7));
      return true;
    };
    const refuse: Fault = (_q, response) => {
      response.writeHead(416).end();
      return true;
    };
    for (const answer of [wrongRange, refuse]) {
      await rm(f.root, { recursive: true, force: true });
      const drop = onWeights(1, dropAfter(50_000));
      const then = onWeights(1, answer);
      f.hub.fault = (...a) => drop(...a) || then(...a);
      expect(await fetched()).toBe(true);
    }
  });

  test('sends other bytes: refused, and nothing is left', async () => {
    const other = Buffer.from(weights);
    other[777]! ^= 1;
    f.hub.fault = onWeights(9, (_q, response) => {
      response.end(other);
      return true;
    });
    await expect(fetched()).rejects.toMatchObject({
      code: 'download',
      message: expect.stringContaining('hash'),
      detail: { expected: f.hub.etags['model.safetensors'] },
    });
    expect(await readdir(join(f.root, 'blobs'))).toEqual([]);
  });

  test('small files are checked too', async () => {
    f.hub.fault = (q, response) => {
      if (q.method !== 'GET' || !q.path.endsWith('config.json')) return false;
      response.end('{"model_type": "blip"}');
      return true;
    };
    await expect(downloadFile('org/name', 'config.json', f.o)).rejects.toThrow('hash');
  });

  test('what an earlier attempt left is damaged: once more from the start', async () => {
    await mkdir(join(f.root, 'blobs'), { recursive: true });
    await writeFile(`${f.blob('model.safetensors')}.incomplete`, 'rubbish');
    expect(await fetched()).toBe(true);
    await rm(f.root, { recursive: true });
    await mkdir(join(f.root, 'blobs'), { recursive: true });
    await writeFile(`${f.blob('model.safetensors')}.incomplete`, weights);
    await appendFile(`${f.blob('model.safetensors')}.incomplete`, 'too long');
    expect(await fetched()).toBe(true);
  });

  test('sends less or more than it lists', async () => {
    f.hub.fault = onWeights(99, (_q, response) => {
      response.end(weights.subarray(0, 5));
      return true;
    });
    await expect(fetched()).rejects.toThrow('closed before the end of the file');
    await rm(f.root, { recursive: true });
    f.hub.fault = onWeights(99, (_q, response) => {
      response.end(Buffer.concat([weights, weights]));
      return true;
    });
    await expect(fetched()).rejects.toThrow('more than the 300007 bytes');
  });

  test('429 and 503: waits as long as the server asks, then continues', async () => {
    for (const [status, header] of [
      [429, '0'],
      [503, new Date(Date.now() + 20).toUTCString()],
      [500, undefined],
    ] as const) {
      await rm(f.root, { recursive: true, force: true });
      let left = 3;
      f.hub.fault = (_q, response) => {
        if (left-- <= 0) return false;
        response.writeHead(status, header === undefined ? {} : { 'retry-after': header }).end();
        return true;
      };
      expect(await fetched()).toBe(true);
    }
  });

  test('429 with a wait beyond reason: says so at once', async () => {
    f.hub.fault = (_q, response) => {
      response.writeHead(429, { 'retry-after': '100000' }).end();
      return true;
    };
    await expect(fetched()).rejects.toMatchObject({ code: 'download', detail: { status: 429 } });
    expect(f.hub.seen.length).toBe(1);
  });

  test('falls silent: cut off by the timeout, then resumed', async () => {
    f.hub.fault = onWeights(1, (_q, response, content) => {
      response.writeHead(200, { 'content-length': content!.length });
      response.write(content!.subarray(0, 100_000));
      return true;
    });
    expect(await fetched()).toBe(true);
    expect(ranges().length).toBe(2);
  });

  test('never answers', async () => {
    f.hub.fault = () => true;
    await expect(downloadRepo('org/name', { ...f.o, retries: 1, etagTimeout: 50 })).rejects.toThrow(
      'no data for 0.05 s',
    );
    expect(f.hub.seen.length).toBe(2);
  });

  test('gated, private, unknown', async () => {
    f.hub.fault = (q, response) => {
      if (q.path.startsWith('/api')) return false;
      response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end();
      return true;
    };
    await expect(downloadRepo('org/name', f.o)).rejects.toMatchObject({
      code: 'download',
      hint: expect.stringContaining('conditions'),
    });
    f.hub.fault = undefined;
    await expect(downloadRepo('org/other', f.o)).rejects.toMatchObject({
      hint: expect.stringContaining('HF_TOKEN may read'),
    });
    await expect(downloadRepo('org/other', { ...f.o, token: undefined })).rejects.toMatchObject({
      hint: expect.stringContaining('needs HF_TOKEN'),
    });
    await expect(downloadRepo('org/name', { ...f.o, revision: 'nope' })).rejects.toThrow('no such branch');
    expect(f.hub.seen.every((q) => q.method === 'GET')).toBe(true); // nothing was tried twice by other means
  });

  test('redirects for ever, or away from http', async () => {
    f.hub.fault = (q, response) => {
      response.writeHead(307, { location: q.path }).end();
      return true;
    };
    await expect(downloadRepo('org/name', f.o)).rejects.toThrow('more than 10 redirects');
    f.hub.fault = (_q, response) => {
      response.writeHead(307, { location: 'file:///etc/passwd' }).end();
      return true;
    };
    await expect(downloadRepo('org/name', f.o)).rejects.toThrow('not followed');
  });

  test('lists paths and hashes that would leave the cache', async () => {
    for (const row of [
      { path: '../../evil' },
      { path: '/etc/evil' },
      { path: 'a/./b' },
      { path: 'a\\..\\b' },
      { oid: '../x' },
      { size: -1 },
      { size: '5' },
    ]) {
      f.hub.fault = (q, response) => {
        if (!q.path.includes('/tree/')) return false;
        json(response, 200, [{ type: 'file', path: 'a', size: 5, oid: 'a'.repeat(40), ...row }]);
        return true;
      };
      await expect(downloadRepo('org/name', f.o)).rejects.toMatchObject({ code: 'download' });
    }
    expect(await readdir(f.cacheDir)).toEqual([]);
  });

  test('is not a hub at all', async () => {
    for (const body of ['<html>', 'null', '[]', '{"sha": 5}', '{"sha": "../.."}']) {
      f.hub.fault = (_q, response) => {
        response.end(body);
        return true;
      };
      await expect(downloadRepo('org/name', f.o)).rejects.toMatchObject({ code: 'download' });
    }
  });
});

test('kill -9 in the middle of a download: the next one fetches only what is missing', async () => {
  const module = pathToFileURL(resolve('dist/hub/node/index.js')).href;
  const script = `
    const { downloadFile } = await import(process.argv[1]);
    const [endpoint, cacheDir] = process.argv.slice(2);
    const onProgress = (p) => p.done > 50_000 && process.kill(process.pid, 'SIGKILL');
    await downloadFile('org/name', 'model.safetensors', { endpoint, cacheDir, token: undefined, onProgress });
  `;
  const slow: Fault = (_q, response, content) => {
    response.writeHead(200, { 'content-length': content!.length });
    response.write(content!.subarray(0, 70_001));
    return true;
  };
  f.hub.fault = onWeights(1, slow);
  const p = spawn(process.execPath, ['--input-type=module', '-e', script, module, f.hub.endpoint, f.cacheDir]);
  expect(await new Promise((done) => p.on('close', (_code, signal) => done(signal)))).toBe('SIGKILL');
  expect(existsSync(f.blob('model.safetensors'))).toBe(false);
  const path = await downloadFile('org/name', 'model.safetensors', f.o); // the dead process's lock does not hold it up
  expect((await readFile(path)).equals(weights)).toBe(true);
  expect(f.gets().filter(isWeights).at(-1)!.range).toMatch(/^bytes=[1-9]\d+-$/);
});
