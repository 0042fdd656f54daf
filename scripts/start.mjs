// `npm start`: installs what is missing, compiles what has changed, runs the main job or the command that is named.
import { spawnSync } from 'node:child_process';
import { build, ensureInstalled } from './ensure-installed.mjs';

/** Flags of the main job that npm takes for its own when no `--` stands before them (`npm start --fresh`); it hands them on in the environment. */
const keptByNpm = [
  ['npm_config_fresh', 'true', '--fresh'],
  ['npm_config_smoke', 'true', '--smoke'],
  ['npm_config_prompt', '', '--no-prompt'],
  ['npm_config_json', 'true', '--json'],
];

ensureInstalled();
build();
const given = process.argv.slice(2);
const kept = keptByNpm.filter(([name, value, flag]) => process.env[name] === value && !given.includes(flag));
const ofProgram = /^(-h|--help|-V|--version|--systems)\b/; // `npm start -- --fresh` is a flag of the main job, `npm start -- --help` is not
const command = given.length === 0 || (given[0].startsWith('-') && !ofProgram.test(given[0])) ? ['start'] : [];
const r = spawnSync(process.execPath, ['dist/cli/main.js', ...command, ...given, ...kept.map(([, , flag]) => flag)], {
  stdio: 'inherit',
  env: { ...process.env, BOW2BOT_PROGRAM: 'npm start -s --' },
});
process.exit(r.status ?? 1);
