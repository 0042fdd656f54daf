import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock, writeFileAtomic } from './index.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-lock-'));
  path = join(folder, 'a', 'x.lock');
});
afterEach(() => rm(folder, { recursive: true }));

test('one holder at a time; the next gets it on release', async () => {
  const lock = await acquireLock(path);
  await expect(acquireLock(path)).rejects.toMatchObject({ code: 'data', place: path, detail: { pid: process.pid } });
  let waited = 0;
  const onWait = (): void => {
    waited++;
    void lock.release();
  };
  await using second = await acquireLock(path, { wait: 10_000, onWait });
  expect(waited).toBe(1);
  await second.release();
  await second.release();
  expect(await readdir(join(folder, 'a'))).toEqual([]);
});

test('many at once never hold it together', async () => {
  let held = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    await using _ = await acquireLock(path, { wait: 20_000 });
    most = Math.max(most, ++held);
    await new Promise((done) => setTimeout(done, 3));
    held--;
  };
  await Promise.all(Array.from({ length: 13 }, work));
  expect([most, held]).toEqual([1, 0]);
});

test('a holder that has died is taken over, one that lives or cannot be asked is not', async () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  await acquireLock(path).then((l) => l.release());
  const hold = (o: object): Promise<void> => writeFile(path, JSON.stringify({ token: 't', ...o }));
  await hold({ pid: dead, host: hostname() });
  await acquireLock(path).then((l) => l.release());
  await hold({ pid: process.pid, host: hostname() });
  await expect(acquireLock(path)).rejects.toMatchObject({ code: 'data' });
  await hold({ pid: dead, host: 'elsewhere' });
  await expect(acquireLock(path)).rejects.toMatchObject({ detail: { host: 'elsewhere' } });
  const longAgo = new Date(Date.now() - 700_000);
  await utimes(path, longAgo, longAgo);
  await acquireLock(path).then((l) => l.release());
});

test('an empty file is a lock being written, until it is old', async () => {
  await acquireLock(path).then((l) => l.release());
  await writeFile(path, '');
  await expect(acquireLock(path)).rejects.toMatchObject({ code: 'data' });
  const old = new Date(Date.now() - 11_000);
  await utimes(path, old, old);
  await using lock = await acquireLock(path);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
  await lock.release();
});

test('waiting stops with the signal', async () => {
  await using _ = await acquireLock(path);
  const controller = new AbortController();
  const waiting = acquireLock(path, { wait: 60_000, signal: controller.signal, onWait: () => controller.abort() });
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
});

test('a file where the folder should be is an error, not a lock to wait for', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(acquireLock(join(folder, 'file', 'x.lock'), { wait: 60_000 })).rejects.toMatchObject({
    code: 'data',
    place: join(folder, 'file'),
  });
});

test('what cannot be written is a typed error with its path', async () => {
  await writeFile(join(folder, 'file'), '');
  for (const path of [join(folder, 'file', 'x'), join(folder, 'file', 'in', 'x')])
    await expect(writeFileAtomic(path, 'x')).rejects.toMatchObject({
      code: 'data',
      place: join(folder, 'file'), // what is in the way
    });
  await expect(writeFileAtomic(folder, 'x')).rejects.toMatchObject({ code: 'data', place: folder });
  await expect(writeFileAtomic(join(folder, 'y'), () => Promise.reject(new Error('own')))).rejects.toThrow(/^own$/);
  expect(await readdir(folder)).toEqual(['file']);
});
