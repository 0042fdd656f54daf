// What a fresh clone needs before a command runs, each part only when it is missing or out of date, so that `npm start` and `npm test` are each a single
// command.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './npm.mjs';
import { hasRuntime } from './runtime.mjs';

/**
 * Installs what a folder's lockfile pins when node_modules is absent or was made from another lockfile. `npm install --no-save` and not `npm ci`: the
 * latter refuses a lockfile that lacks the optional binaries of a platform that its writer's registry did not have.
 */
function install(folder, what) {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const stamp = join(folder, 'node_modules', '.bow2bot-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error(`Installing ${what} (once) ...`);
  const r = npm(['install', '--no-save'], folder);
  if (r.status !== 0) process.exit(r.status ?? 1);
  writeFileSync(stamp, lock);
}

/** The packages of `npm start` and `npm test`, and ONNX Runtime. */
export function ensureInstalled() {
  install('.', 'dependencies');
  if (!hasRuntime()) run(['scripts/runtime.mjs']);
}

/** What checks and browser tests need besides. */
export function ensureTools() {
  install('tools', 'tools');
}

/** Notes that npm itself has just installed what the lockfile pins. */
export function noteInstalled() {
  writeFileSync(join('node_modules', '.bow2bot-lock'), readFileSync('package-lock.json', 'utf8'));
}

function run(args) {
  const r = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] });
  if (r.status !== 0) process.exit(r.status ?? 1);
}

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true }).map((name) => join(folder, name).replaceAll('\\', '/'));

/** Compiles `src` to `dist` when a source was changed, added or removed since, or an output is not there. */
export function build() {
  const sources = filesIn('src').filter((f) => f.endsWith('.ts') && !/\.test\.ts$|\/testing\//.test(f));
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...sources.sort()])
    hash.update(`${file}\n`).update(readFileSync(file));
  const digest = hash.digest('hex');
  const stamp = 'dist/.sources';
  const compiled = sources.filter((f) => !f.endsWith('.d.ts'));
  const outputs = new Set(compiled.map((f) => f.replace(/^src/, 'dist').replace(/ts$/, 'js')));
  const isComplete = [...outputs].every((f) => existsSync(f));
  if (isComplete && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  if (!isComplete) rmSync('dist/.tsbuildinfo', { force: true }); // the compiler believes that its outputs are there
  run(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
  for (const file of filesIn('dist')) {
    // outputs of sources that have gone would be published, and found by a search for files
    const output = file.replace(/\.d\.ts(\.map)?$|\.js\.map$/, '.js');
    if (/^dist\/\w/.test(file) && statSync(file).isFile() && !outputs.has(output)) rmSync(file);
  }
  writeFileSync(stamp, digest);
}
