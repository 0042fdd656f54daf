// Makes a benchmark run on a fresh clone: installs and compiles bow2bot, then installs this package with the peers.
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureInstalled } from '../scripts/ensure-installed.mjs';
import { npm } from '../scripts/npm.mjs';

export const benchFolder = fileURLToPath(new URL('.', import.meta.url));

/** Installs what is missing. Without the peers (no registry) it says so and goes on: their sides are then skipped. */
export function prepare() {
  process.chdir(join(benchFolder, '..'));
  ensureInstalled();
  build();
  process.chdir(benchFolder);
  const lock = readFileSync('package-lock.json', 'utf8');
  const stamp = join('node_modules', '.bow2bot-lock');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    console.error('Installing the peers (once) ...');
    if (npm(['install', '--no-save']).status === 0) writeFileSync(stamp, lock);
    else console.error('The peers could not be installed; their sides are skipped.');
  }
  linkThisCheckout();
}

/** What is measured is this checkout: npm may have put a copy of it here, which would be another library with another runtime. */
function linkThisCheckout() {
  const link = join('node_modules', 'bow2bot');
  if (existsSync(link) && realpathSync(link) === realpathSync('..')) return;
  mkdirSync('node_modules', { recursive: true });
  rmSync(link, { recursive: true, force: true });
  symlinkSync('../..', link, 'junction');
}
