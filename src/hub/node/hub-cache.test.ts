import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { files, useHub } from '../testing/hub-fixture.ts';
import { linkSnapshot, repoCache } from './hub-cache.ts';
import { downloadFile, downloadRepo, removeCached, scanCache } from './index.ts';

const f = useHub();
const size = (...paths: string[]): number => paths.reduce((n, p) => n + files[p]!.length, 0);
const other = 'b'.repeat(40);

/** A second commit in the cache that shares the configuration with the first and has a file of its own. */
async function addCommit(): Promise<void> {
  const cache = repoCache(f.cacheDir, { type: 'model', id: 'org/name' });
  await writeFile(cache.blob('a'.repeat(40)), 'new weights');
  await linkSnapshot(cache, other, 'model.safetensors', cache.blob('a'.repeat(40)));
  await linkSnapshot(cache, other, 'config.json', f.blob('config.json'));
  await mkdir(join(f.root, 'refs', 'refs', 'pr'), { recursive: true });
  await writeFile(join(f.root, 'refs', 'refs', 'pr', '1'), other);
}

test('a cache is listed with sizes, commits and what points to them', async () => {
  await downloadRepo('org/name', f.o);
  await addCommit();
  await writeFile(`${f.blob('config.json')}x.incomplete`, 'half');
  await mkdir(join(f.cacheDir, 'something-else'));
  const [repo, ...rest] = await scanCache(f.cacheDir);
  expect(rest).toEqual([]);
  expect(repo).toMatchObject({
    repo: { type: 'model', id: 'org/name' },
    bytes: size(...Object.keys(files)) + 11,
    incomplete: 4,
  });
  expect(repo!.revisions).toEqual([
    { commit: f.hub.commit, refs: ['main'], files: Object.keys(files).sort() },
    { commit: other, refs: ['refs/pr/1'], files: ['config.json', 'model.safetensors'] },
  ]);
});

test('a commit is removed with what only it needs', async () => {
  await downloadRepo('org/name', f.o);
  await addCommit();
  const [repo] = await scanCache(f.cacheDir);
  const freed = size(...Object.keys(files)) - size('config.json');
  expect(await removeCached(repo!, { commit: f.hub.commit, dryRun: true })).toBe(freed);
  expect((await scanCache(f.cacheDir))[0]!.revisions.length).toBe(2);
  expect(await removeCached(repo!, { commit: f.hub.commit })).toBe(freed);
  expect(await scanCache(f.cacheDir)).toMatchObject([
    { bytes: size('config.json') + 11, revisions: [{ commit: other }] },
  ]);
  expect(existsSync(join(f.root, 'refs', 'main'))).toBe(false);
  expect(await readFile(join(f.root, 'snapshots', other, 'config.json'), 'utf8')).toContain('clip');
});

test('a repository is removed as a whole', async () => {
  await downloadRepo('org/name', f.o);
  const [repo] = await scanCache(f.cacheDir);
  expect(await removeCached(repo!)).toBe(size(...Object.keys(files)));
  expect(await readdir(f.cacheDir)).toEqual(['.locks']);
  expect(await readdir(join(f.cacheDir, '.locks'))).toEqual([]);
});

test('a link whose blob is gone is repaired by the next download', async () => {
  await downloadRepo('org/name', f.o);
  const [repo] = await scanCache(f.cacheDir);
  await removeCached(
    { ...repo!, revisions: repo!.revisions.map((r) => ({ ...r, refs: [] })) },
    { commit: f.hub.commit },
  );
  const cache = repoCache(f.cacheDir, repo!.repo);
  await linkSnapshot(cache, f.hub.commit, 'config.json', f.blob('config.json'));
  expect(existsSync(f.snapshot('config.json'))).toBe(false);
  expect(await readFile(await downloadFile('org/name', 'config.json', f.o), 'utf8')).toContain('clip');
});

test('no cache at all is an empty list', async () => {
  expect(await scanCache(join(f.cacheDir, 'nowhere'))).toEqual([]);
});

test('a reference that leads nowhere hides nothing', async () => {
  await downloadFile('org/name', 'config.json', f.o);
  await symlink('nowhere', join(f.root, 'refs', 'lost'));
  const [found] = await scanCache(f.cacheDir);
  expect(found!.revisions.map((r) => r.refs)).toEqual([['main']]);
});
