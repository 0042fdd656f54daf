// `npm start`: installs what is missing, compiles, runs the main job.
import { spawnSync } from 'node:child_process';
import { build, ensureInstalled } from './ensure-installed.mjs';

ensureInstalled();
build();
const args = process.argv.slice(2);
const r = spawnSync(process.execPath, ['dist/cli/main.js', ...(args.length > 0 ? args : ['start'])], {
  stdio: 'inherit',
});
process.exit(r.status ?? 1);
