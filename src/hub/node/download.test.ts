import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Progress } from '../../base/index.ts';
import { acquireLock } from '../../base/node/index.ts';
import { files, isWeights, useHub } from '../testing/hub-fixture.ts';
import { downloadFile, downloadRepo, listRepo } from './index.ts';

const f = useHub();

describe('a repository', () => {
  test('lands in the layout that all Hugging Face libraries share', async () => {
    const progress: Progress[] = [];
    const got = await downloadRepo('org/name', { ...f.o, onProgress: (p) => progress.push(p) });
    expect(got).toEqual({
      folder: join(f.root, 'snapshots', f.hub.commit),
      commit: f.hub.commit,
      files: Object.keys(files),
    });
    for (const [path, content] of Object.entries(files))
      expect((await readFile(f.snapshot(path))).equals(content)).toBe(true);
    expect(await readFile(join(f.root, 'refs', 'main'), 'utf8')).toBe(f.hub.commit);
    expect(await readlink(f.snapshot('onnx/model.onnx'))).toBe(
      join('..', '..', '..', 'blobs', f.hub.etags['onnx/model.onnx']!),
    );
    expect((await readdir(join(f.root, 'blobs'))).sort()).toEqual(Object.values(f.hub.etags).sort());
    expect(await readdir(join(f.cacheDir, '.locks', 'models--org--name'))).toEqual([]);
    const total = Object.values(files).reduce((n, f) => n + f.length, 0);
    expect(progress.at(-1)).toMatchObject({ done: total, total, unit: 'bytes' });
    expect(progress.every((p, i) => p.done >= (progress[i - 1]?.done ?? 0))).toBe(true);
    expect(f.notices).toEqual([]);
  });

  test('a second time fetches nothing but the listing', async () => {
    await downloadRepo('org/name', f.o);
    const before = f.gets().length;
    await downloadRepo('org/name', f.o);
    expect(f.gets().length).toBe(before);
  });

  test('patterns choose', async () => {
    const choose = async (include?: string[], exclude?: string[]): Promise<readonly string[]> =>
      (await downloadRepo('org/name', { ...f.o, ...(include ? { include } : {}), ...(exclude ? { exclude } : {}) }))
        .files;
    expect(await choose(['*.json', 'onnx/'])).toEqual(['config.json', 'onnx/model.onnx']);
    expect(await choose(undefined, ['*model*', '[!c]*'])).toEqual(['config.json']);
    expect(await choose(['*.onnx'])).toEqual(['onnx/model.onnx']); // a star crosses folders
    expect(await choose(['[]a-d]onfig.jso?'])).toEqual(['config.json']);
    await expect(choose(['*.bin'])).rejects.toMatchObject({ code: 'download', detail: { files: Object.keys(files) } });
    expect(existsSync(f.snapshot('model.safetensors'))).toBe(false);
  });

  test('is listed over several pages', async () => {
    const { commit, files: listed } = await listRepo('org/name', f.o);
    expect(commit).toBe(f.hub.commit);
    expect(listed.map((f) => [f.path, f.size, f.etag])).toEqual(
      Object.entries(files).map(([path, c]) => [path, c.length, f.hub.etags[path]]),
    );
  });
});

describe('one file', () => {
  test('its path comes back; a pinned commit asks nothing the second time', async () => {
    expect(await downloadFile('org/name', 'config.json', f.o)).toBe(f.snapshot('config.json'));
    f.hub.seen.length = 0;
    expect(await downloadFile('org/name', 'config.json', { ...f.o, revision: f.hub.commit })).toBe(
      f.snapshot('config.json'),
    );
    expect(f.hub.seen).toEqual([]);
  });

  test('one that is not there: an error, or undefined and remembered', async () => {
    await expect(downloadFile('org/name', 'tokenizer.json', f.o)).rejects.toMatchObject({
      code: 'download',
      place: 'org/name@main',
    });
    expect(await downloadFile('org/name', 'tokenizer.json', { ...f.o, optional: true })).toBeUndefined();
    expect(existsSync(join(f.root, '.no_exist', f.hub.commit, 'tokenizer.json'))).toBe(true);
    f.hub.seen.length = 0;
    expect(
      await downloadFile('org/name', 'tokenizer.json', { ...f.o, optional: true, revision: f.hub.commit }),
    ).toBeUndefined();
    expect(f.hub.seen).toEqual([]);
  });
});

test('the token goes to the hub and to no other host', async () => {
  await downloadRepo('org/name', f.o);
  expect(new Set(f.hub.seen.filter((q) => q.server === 'hub').map((q) => q.authorization))).toEqual(
    new Set(['Bearer hf_secret']),
  );
  const elsewhere = f.hub.seen.filter((q) => q.server === 'storage');
  expect(elsewhere.length).toBe(2);
  expect(elsewhere.every((q) => q.authorization === undefined)).toBe(true);
});

describe('without a network', () => {
  test('offline: what is here is used, what is not is an error that says so', async () => {
    await expect(downloadRepo('org/name', { ...f.o, offline: true })).rejects.toMatchObject({
      code: 'download',
      hint: expect.stringContaining('HF_HUB_OFFLINE'),
    });
    await downloadRepo('org/name', { ...f.o, exclude: ['onnx/'] });
    await downloadFile('org/name', 'vocab.txt', { ...f.o, optional: true });
    f.hub.seen.length = 0;
    const offline = { ...f.o, offline: true };
    expect((await downloadRepo('org/name', offline)).files).toEqual([
      'README.md',
      'config.json',
      'empty.txt',
      'model.safetensors',
    ]);
    expect(await downloadFile('org/name', 'config.json', offline)).toBe(f.snapshot('config.json'));
    expect(await downloadFile('org/name', 'vocab.txt', { ...offline, optional: true })).toBeUndefined();
    await expect(downloadFile('org/name', 'onnx/model.onnx', { ...offline, optional: true })).rejects.toMatchObject({
      code: 'download',
    });
    await expect(listRepo('org/name', offline)).rejects.toMatchObject({ code: 'download' });
    expect([f.hub.seen, f.notices]).toEqual([[], []]);
  });

  test('a hub that cannot be reached: the cached copy is used, and that is reported', async () => {
    await downloadRepo('org/name', f.o);
    const gone = { ...f.o, endpoint: 'http://127.0.0.1:9' };
    expect((await downloadRepo('org/name', gone)).commit).toBe(f.hub.commit);
    expect(await downloadFile('org/name', 'config.json', gone)).toBe(f.snapshot('config.json'));
    expect(f.notices.length).toBe(2);
    expect(f.notices[0]).toContain('working from the copy of org/name');
    await expect(downloadRepo('org/unknown', gone)).rejects.toMatchObject({ code: 'download' });
  });
});

test('two at once fetch every file once', async () => {
  await Promise.all([
    downloadRepo('org/name', f.o),
    downloadRepo('org/name', f.o),
    downloadFile('org/name', 'model.safetensors', f.o),
  ]);
  expect(f.gets().filter(isWeights).length).toBe(1);
});

test('a held lock is waited for, and the wait ends with the signal', async () => {
  const lock = join(f.cacheDir, '.locks', 'models--org--name', `${f.hub.etags['config.json']}.lock`);
  await using _ = await acquireLock(lock);
  const controller = new AbortController();
  const onNotice = (text: string): void => {
    f.notices.push(text);
    controller.abort();
  };
  await expect(
    downloadFile('org/name', 'config.json', { ...f.o, onNotice, signal: controller.signal }),
  ).rejects.toMatchObject({ code: 'aborted' });
  expect(f.notices).toEqual(['config.json is already being fetched; waiting for it']);
});

test('the signal stops a download and leaves the part', async () => {
  const controller = new AbortController();
  const onProgress = (p: Progress): void => {
    if (p.done > 30_000) controller.abort();
  };
  await expect(
    downloadFile('org/name', 'model.safetensors', { ...f.o, onProgress, signal: controller.signal }),
  ).rejects.toMatchObject({ code: 'aborted' });
  expect(existsSync(`${f.blob('model.safetensors')}.incomplete`)).toBe(true);
});

test('invalid names are refused before anything is requested', async () => {
  for (const id of ['', '../x', 'a/b/c', 'a/..', 'a b', 'a--b', 'org/name/'])
    await expect(downloadRepo(id, f.o)).rejects.toMatchObject({ code: 'usage' });
  for (const revision of ['../main', '/x', 'a b', 'x/'])
    await expect(downloadRepo('org/name', { ...f.o, revision })).rejects.toMatchObject({ code: 'usage' });
  await expect(downloadFile('org/name', '../x', f.o)).rejects.toMatchObject({ code: 'download' });
  expect(f.hub.seen).toEqual([]);
});
