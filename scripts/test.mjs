// `npm test [vitest arguments]`: installs what is missing, compiles, runs the tests.
import { spawnSync } from 'node:child_process';
import { findChromium } from './chromium.mjs';
import { ensureInstalled, ensureTools } from './ensure-installed.mjs';

ensureInstalled();
if (findChromium()) ensureTools();
const r = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(r.status ?? 1);
