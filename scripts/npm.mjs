// npm as these scripts call it: results on stderr (stdout belongs to the command that was asked for), and the same whichever npm command started us.
import { spawnSync } from 'node:child_process';

/** What an outer `npm install -g …`, `npm pack --dry-run --json`, … would otherwise hand on to the npm commands within it. */
const foreign =
  /^npm_config_(global|location|prefix|local_prefix|dry_run|json|pack_destination|workspaces?|omit|include|save\w*)$/i;

/** Runs npm; what fails is printed. */
export function npm(args, cwd = process.cwd()) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  return spawnSync('npm', [...args, '--loglevel=error', '--no-fund', '--no-audit', '--ignore-scripts'], {
    stdio: ['ignore', 'ignore', 2],
    cwd,
    env,
    shell: process.platform === 'win32',
  });
}
