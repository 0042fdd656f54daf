// Installs the dependencies once on a fresh clone, so that `npm start` and `npm test` are each a single command.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * Installs what the lockfile pins when node_modules is absent or was made from another lockfile. `npm install --no-save` and not `npm ci`: the
 * latter refuses a lockfile that lacks the optional binaries of a platform that its writer's registry did not have.
 */
export function ensureInstalled() {
  const lock = readFileSync('package-lock.json', 'utf8');
  const stamp = 'node_modules/.bow2bot-lock';
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('Installing dependencies (once) ...');
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }; // see .npmrc
  const r = spawnSync('npm', ['install', '--no-save', '--no-fund', '--no-audit', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
    env,
    shell: process.platform === 'win32',
  });
  if (r.status !== 0) process.exit(r.status ?? 1);
  writeFileSync(stamp, lock);
}

/** Compiles `src` to `dist`; incremental, so nothing happens when nothing changed. */
export function build() {
  const r = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: ['ignore', 2, 2],
  });
  if (r.status !== 0) process.exit(r.status ?? 1);
}
