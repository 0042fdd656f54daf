import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { BowError, unknownName } from '../../base/index.ts';
import { type CachedRepo, hubSettings, ownCacheDir, removeCached, scanCache } from '../../hub/node/index.ts';
import { examples, type OutputOptions, printResult } from '../output.ts';

type Options = OutputOptions & { cacheDir?: string };

const lines = ['cache ls', 'cache rm openai/clip-vit-base-patch32 --dry-run', 'cache rm gpt2@607a30d'];

/** `bow2bot cache ls|rm` */
export function command(): Command {
  const cache = new Command('cache').description('the cache of downloaded models and data sets');
  cache
    .command('ls')
    .description('list repositories, their commits and sizes, and what else is kept (decoded images, npm packages)')
    .option('--cache-dir <folder>', 'instead of HF_HUB_CACHE')
    .action(list);
  cache
    .command('rm')
    .description('remove repositories, or single commits of them')
    .argument('<repositories...>', 'owner/name, or owner/name@revision (a branch or the first letters of a commit)')
    .option('--cache-dir <folder>', 'instead of HF_HUB_CACHE')
    .option('--dry-run', 'print what would be removed')
    .action(remove);
  for (const c of cache.commands)
    examples(
      c,
      lines.filter((line) => line.startsWith(`cache ${c.name()}`)),
    );
  return examples(cache, lines);
}

async function list(o: Options): Promise<void> {
  const folder = cacheFolder(o);
  const repos = await scanCache(folder);
  const total = repos.reduce((n, r) => n + r.bytes + r.incomplete, 0);
  const own = o.cacheDir === undefined ? await ownParts(ownCacheDir()) : [];
  printResult(o, { cache: folder, bytes: total, repositories: repos.map(asJson), own }, () => {
    const rows = repos.flatMap((r) => [
      `${size(r.bytes).padStart(9)}  ${r.repo.type.padEnd(7)}  ${r.repo.id}${r.incomplete > 0 ? `  (+ ${size(r.incomplete)} unfinished)` : ''}`,
      ...r.revisions.map((v) =>
        `${' '.repeat(22)}${v.commit.slice(0, 12)}  ${v.files.length} files  ${v.refs.join(' ')}`.trimEnd(),
      ),
    ]);
    const others = own.map(
      (p) => `${size(p.bytes).padStart(9)}  in ${p.folder} (can be made again; remove the folder)`,
    );
    return [...rows, `${size(total).padStart(9)}  in ${folder}`, ...others].join('\n');
  });
}

/** The folders of our own cache with what their files take. */
async function ownParts(folder: string): Promise<{ name: string; folder: string; bytes: number }[]> {
  const names = (await readdir(folder).catch(() => [])).sort();
  const parts = names.map(async (name) => {
    const inside = await readdir(join(folder, name), { recursive: true, withFileTypes: true }).catch(() => []);
    const files = inside.filter((e) => e.isFile()).map((e) => stat(join(e.parentPath, e.name)).catch(() => undefined));
    const bytes = (await Promise.all(files)).reduce((n, s) => n + (s?.size ?? 0), 0);
    return { name, folder: join(folder, name), bytes };
  });
  return (await Promise.all(parts)).filter((p) => p.bytes > 0);
}

async function remove(names: string[], o: Options & { dryRun?: boolean }): Promise<void> {
  const repos = await scanCache(cacheFolder(o));
  const chosen = names.map((name) => find(name, repos)); // all names are checked before anything is removed
  let bytes = 0;
  for (const { repo, commit } of chosen) {
    bytes += await removeCached(repo, { dryRun: o.dryRun ?? false, ...(commit === undefined ? {} : { commit }) });
  }
  const what = chosen.map(
    ({ repo, commit }) => `${repo.repo.id}${commit === undefined ? '' : `@${commit.slice(0, 12)}`}`,
  );
  const verb = o.dryRun ? 'would remove' : 'removed';
  printResult(o, { dryRun: o.dryRun ?? false, removed: what, bytes }, () =>
    [...what.map((w) => `${verb} ${w}`), `${size(bytes)} ${o.dryRun ? 'would be freed' : 'freed'}`].join('\n'),
  );
}

function find(name: string, repos: readonly CachedRepo[]): { repo: CachedRepo; commit: string | undefined } {
  const [id, revision] = name.split('@');
  const repo = repos.find((r) => r.repo.id === id);
  if (!repo) {
    throw new BowError(
      'download',
      unknownName(
        'repository',
        id!,
        repos.map((r) => r.repo.id),
      ),
      {
        hint: 'bow2bot cache ls lists what is there',
      },
    );
  }
  if (revision === undefined) return { repo, commit: undefined };
  const hits = repo.revisions.filter(
    (v) => v.refs.includes(revision) || (revision.length >= 6 && v.commit.startsWith(revision)),
  );
  if (hits.length === 1) return { repo, commit: hits[0]!.commit };
  const what = hits.length === 0 ? 'no such revision in the cache' : 'several commits begin with this';
  throw new BowError('download', what, { place: name, detail: { commits: repo.revisions.map((v) => v.commit) } });
}

function cacheFolder(o: Options): string {
  return hubSettings(o.cacheDir === undefined ? {} : { cacheDir: o.cacheDir }).cacheDir;
}

function asJson(r: CachedRepo): object {
  const { repo, ...rest } = r;
  return { id: repo.id, type: repo.type, ...rest };
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [n, i] = [bytes, 0];
  for (; n >= 999.5 && i < units.length - 1; i++) n /= 1000;
  return `${i === 0 ? n : n.toPrecision(3)} ${units[i]}`;
}
