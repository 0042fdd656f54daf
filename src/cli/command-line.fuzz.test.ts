import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { isBowError, Rng } from '../base/index.ts';
import { compiledUrl } from '../base/node/index.ts';
import { fuzzRuns } from '../base/testing/fuzz.ts';
import { encodePng } from '../image/index.ts';
import { commands } from './commands.ts';
import { outputOptions } from './output.ts';

/** The compiled program, whose workers are beside it. */
const { asPrinted, runProgram }: typeof import('./run-program.ts') = await import(
  compiledUrl('./run-program.js', import.meta.url).href
);

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-fuzz-'));
const at = (...parts: string[]): string => join(folder, ...parts);
const cwd = process.cwd();

beforeAll(async () => {
  await mkdir(at('photos'));
  for (const i of [0, 1, 2])
    await writeFile(
      at('photos', `${i}.png`),
      encodePng({ width: 8, height: 8, channels: 3, data: new Uint8Array(192).fill(90 * i) }),
    );
  const rows = ['the red cube', 'a blue bowl', 'the red bowl', 'a blue cube', 'red red cube', 'blue blue bowl'];
  const lines = rows.map((text, i) => JSON.stringify({ text, label: i % 2 ? 'x' : 'y' }));
  await writeFile(at('texts.jsonl'), `${lines.join('\n')}\n`);
  await writeFile(at('v.txt'), '3 2\nred 1 0\nblue 0 1\ncup 1 1\n');
  await writeFile(
    at('binary'),
    Uint8Array.from({ length: 4096 }, (_, i) => (i * 37) % 256),
  );
  await writeFile(at('none'), '');
  await symlink(at('loop'), at('loop'));
  await symlink(at('gone'), at('broken'));
  process.chdir(folder); // some commands have a default place for what they write
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  process.chdir(cwd);
  await rm(folder, { recursive: true, force: true });
});

/** What comes after a command so that it comes far, in a form that takes little. `start` and `data icons` are tried with what they refuse alone. */
const usual: Readonly<Record<string, readonly string[]>> = {
  start: ['--smoke', '--no-prompt', '-o', 'none'],
  'train clip': ['--smoke', '-o', 'OUT'],
  'train vilt': ['--smoke', '-o', 'OUT'],
  'train albef': ['--smoke', '-o', 'OUT'],
  'train vlmo': ['--smoke', '-o', 'OUT'],
  'train beit3': ['--smoke', '-o', 'OUT'],
  'train word2vec': ['texts.jsonl', '-o', 'OUT', '--min-count', '1'],
  ladder: ['photos', '-o', 'OUT', '--data', 'photos'],
  insights: ['idf-keywords', '-s', '1'],
  'data inspect': ['photos', '--workers', '1'],
  'data icons': ['-o', 'none', '--cache-dir', 'none'],
  'zero-shot': ['photos', 'photos', '-l', 'a,b'],
  ask: ['photos/0.png', 'what?', '-m', 'photos'],
  ground: ['photos/0.png', 'a cup', '-m', 'photos'],
  index: ['photos', '-m', 'photos', '-o', 'OUT'],
  search: ['v.txt', 'red'],
  fit: ['tf-idf', 'texts.jsonl', '-o', 'OUT'],
  keywords: ['texts.jsonl'],
  classify: ['texts.jsonl', '-o', 'OUT'],
  similar: ['v.txt', 'red'],
  analogy: ['v.txt', 'red', 'blue', 'cup'],
  'world render': ['-o', 'OUT.png', '--size', '32'],
  'world demo': ['touch the red cube', '-o', 'OUT.png', '--size', '32'],
  'world evaluate': ['-n', '1', '--families', 'T1', '--workers', '1'],
  'world generate captions': ['-o', 'OUT', '-n', '2', '--size', '16', '--workers', '1'],
  'world generate questions': ['-o', 'OUT', '-n', '2', '--size', '16', '--workers', '1'],
  'world generate demonstrations': ['-o', 'OUT', '-n', '1', '--size', '16', '--workers', '1', '--families', 'T1'],
  doctor: ['--matrix-size', '8'],
  download: ['owner/name', '--cache-dir', 'OUT'],
  'cache ls': ['--cache-dir', 'OUT'],
  'cache rm': ['owner/name', '--cache-dir', 'OUT'],
};

const odd = [
  '',
  ' ',
  '0',
  '-1',
  '0.5',
  '1e9',
  '1e400',
  'NaN',
  '0x10',
  '1,2',
  ',',
  '{}',
  '[',
  '__proto__',
  'constructor',
  'é💥\u202e',
  '\u0007',
  '--',
  'new/../x',
].concat([
  'photos',
  'binary',
  'none',
  'loop',
  'broken',
  'none/x',
  'nothing.json',
  'texts.jsonl',
  'v.txt',
  'x'.repeat(5000),
]);

const leaves = (c: Command, above = ''): [string, Command][] => {
  const path = `${above} ${c.name()}`.trim();
  return c.commands.length === 0 ? [[path, c]] : c.commands.flatMap((below) => leaves(below, path));
};
const all = (await Promise.all(Object.values(commands).map(async ({ load }) => outputOptions(await load())))).flatMap(
  (c) => leaves(c),
);

/** The command line, run in this process: undefined where it worked, or the error; interrupted after a second. */
async function ended(args: readonly string[]): Promise<unknown> {
  const before = process.listeners('SIGINT');
  const timer = setTimeout(() => {
    for (const stop of process.listeners('SIGINT')) if (!before.includes(stop)) stop('SIGINT');
  }, 1000);
  try {
    await runProgram(args);
    return undefined;
  } catch (e) {
    return await asPrinted(e, args);
  } finally {
    clearTimeout(timer);
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      for (const stop of process.listeners('SIGINT')) if (!before.includes(stop)) process.removeListener(name, stop);
    process.exitCode = undefined;
  }
}

test('every command is tried', () => {
  expect(all.map(([path]) => path).sort()).toEqual(Object.keys(usual).sort());
});

test('odd values of options and arguments: it works, or the error is typed', async () => {
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  vi.stubEnv('HF_HUB_CACHE', at('hub'));
  vi.stubEnv('npm_config_offline', 'true');
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockReturnValue(true);
  const seed = Number(process.env['BOW2BOT_SEED'] ?? Date.now() % 1e9);
  const rng = new Rng(seed);
  const failures: string[] = [];
  for (let i = 0; i < fuzzRuns(60); i++) {
    const [path, command] = rng.pick(all);
    const args = usual[path]!.map((a) => a.replace('OUT', `out-${i}`));
    const places = args.flatMap((a, k) => (a.startsWith('-') ? [] : [k]));
    const option = rng.pick(command.options);
    if (rng.float() < 0.25 && places.length > 0) args[rng.pick(places)] = rng.pick(odd);
    else args.push(...(option.required || option.optional ? [option.long!, rng.pick(odd)] : [option.long!]));
    const started = performance.now();
    const found = await ended([...path.split(' '), ...args]);
    const seconds = (performance.now() - started) / 1000;
    const bad = found !== undefined && !(isBowError(found) && !/(?<!received )undefined|\[object/.test(found.format()));
    if (bad || seconds > 15)
      failures.push(`${path} ${JSON.stringify(args.map((a) => a.slice(0, 60)))} ${seconds.toFixed(1)} s: ${found}`);
  }
  expect(failures, `BOW2BOT_SEED=${seed}`).toEqual([]);
}, 3_600_000);
