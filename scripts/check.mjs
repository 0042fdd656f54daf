// `npm run check`: the quick checks (format, lint, types, imports) that should pass before every commit.
import { spawnSync } from 'node:child_process';
import { ensureInstalled } from './ensure-installed.mjs';

ensureInstalled();
let failed = false;
for (const [command, ...args] of [
  ['node_modules/.bin/biome', 'check', '--write', '.'],
  ['node_modules/.bin/tsc', '--noEmit'],
  [process.execPath, 'scripts/check-imports.mjs'],
]) {
  if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) failed = true;
}
process.exit(failed ? 1 : 0);
