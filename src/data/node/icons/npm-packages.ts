/**
 * Packages of the npm registry as data: fetched by the user's own npm, so that registry, proxy and credentials are the user's, and npm checks the
 * integrity of every archive. No script of a package runs, and nothing of it is ever imported.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BowError, type OnProgress, throwIfAborted } from '../../../base/index.ts';
import { acquireLock } from '../../../base/node/index.ts';
import type { PinnedPackage } from './icon-styles.ts';

export type FetchPackagesOptions = {
  /** Folder that keeps the packages, one folder for each version; what is there is not fetched again. */
  readonly cache: string;
  /** The program that fetches. */
  readonly npm?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** Folders of the packages, in their order. Error `download` when npm is missing or cannot fetch them. */
export async function fetchPackages(packages: readonly PinnedPackage[], o: FetchPackagesOptions): Promise<string[]> {
  const folderOf = (p: PinnedPackage): string => join(o.cache, `${p.name.replaceAll('/', '+')}@${p.version}`);
  const missing = await without(packages, folderOf);
  if (missing.length > 0) {
    await using _ = await acquireLock(join(o.cache, '.lock'), { wait: 600_000, signal: o.signal });
    const still = await without(missing, folderOf); // another process may have fetched them meanwhile
    if (still.length > 0) await install(still, folderOf, o);
  }
  return packages.map(folderOf);
}

/** The packages whose folder does not hold their version. */
async function without(
  packages: readonly PinnedPackage[],
  folderOf: (p: PinnedPackage) => string,
): Promise<PinnedPackage[]> {
  const there = await Promise.all(packages.map(async (p) => (await versionIn(folderOf(p))) === p.version));
  return packages.filter((_, i) => !there[i]);
}

async function versionIn(folder: string): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version?: string }).version;
  } catch {
    return undefined; // not there, or half of it
  }
}

async function install(
  packages: readonly PinnedPackage[],
  folderOf: (p: PinnedPackage) => string,
  o: FetchPackagesOptions,
): Promise<void> {
  const progress = { task: 'npm packages', total: packages.length, unit: 'packages' };
  o.onProgress?.({ ...progress, done: 0 });
  await mkdir(o.cache, { recursive: true });
  const work = await mkdtemp(join(o.cache, '.npm-'));
  try {
    await runNpm(work, packages, o);
    for (const p of packages) {
      const target = folderOf(p);
      await mkdir(dirname(target), { recursive: true });
      await rm(target, { recursive: true, force: true });
      await rename(join(work, 'node_modules', p.name), target);
      if ((await versionIn(target)) === p.version) continue;
      throw new BowError('download', `npm did not install ${p.name}@${p.version}`, { place: target });
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  o.onProgress?.({ ...progress, done: packages.length });
}

const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error', '--prefix'];

function runNpm(folder: string, packages: readonly PinnedPackage[], o: FetchPackagesOptions): Promise<void> {
  throwIfAborted(o.signal, 'npm');
  const wanted = packages.map((p) => `${p.name}@${p.version}`);
  const args = ['install', '--ignore-scripts', ...quiet, folder, ...wanted];
  const windows = process.platform === 'win32'; // npm is a batch file there, which only a shell starts
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, shell: windows, maxBuffer: 2 ** 24, ...(o.signal ? { signal: o.signal } : {}) };
    execFile(o.npm ?? 'npm', args, options, (e, _out, said) => {
      if (!e) resolve();
      else if (o.signal?.aborted) reject(new BowError('aborted', 'stopped on request', { place: 'npm' }));
      else reject(npmError(e, said, wanted));
    });
  });
}

function npmError(e: Error, said: string, wanted: readonly string[]): BowError {
  if ((e as NodeJS.ErrnoException).code === 'ENOENT')
    return new BowError('download', 'npm was not found; it fetches the packages', {
      detail: { wanted },
      hint: 'install Node.js together with npm, and see that npm is on the path',
      cause: e,
    });
  const lines = said
    .split('\n')
    .filter((line) => line.trim() !== '' && !/complete log of this run|^\s+\S*_logs/.test(line));
  return new BowError('download', 'npm could not fetch the packages', {
    detail: { wanted, npm: lines.slice(0, 6) },
    hint: 'is the network up? `npm ping` asks the registry that npm is set to; what is in the cache needs no network',
    cause: e,
  });
}
