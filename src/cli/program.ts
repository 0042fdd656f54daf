/** How the person at the terminal starts this program, so that what is suggested can be pasted as it is. */
import { basename, relative } from 'node:path';
import { shellWord } from '../base/index.ts';
import { commandNames } from './command-names.ts';

/** Where a start leaves its traces. */
type Started = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The script, as Node was given it. */
  readonly script: string;
  readonly cwd: string;
};

/** `bow2bot`, `npx bow2bot`, `npm start -s --` or `node dist/cli/main.js`: what starts this program again. */
export function programName(
  { env, script, cwd }: Started = { env: process.env, script: process.argv[1] ?? '', cwd: process.cwd() },
): string {
  if (env['BOW2BOT_PROGRAM']) return env['BOW2BOT_PROGRAM']; // scripts/start.mjs
  const inModules = script.split(/[\\/]/).includes('node_modules');
  if (env['npm_command'] === 'exec' || inModules) return 'npx bow2bot';
  if (basename(script) !== 'main.js') return 'bow2bot'; // a link of a global installation, or none at all
  const path = relative(cwd, script);
  return `node ${shellWord(path.startsWith('..') ? script : path)}`;
}

const mention = new RegExp(
  `(?<![\\w/.@'-])bow2bot (?=(?:${commandNames.join('|')}|help|--\\w+|<command>)(?![\\w-]))`,
  'g',
);

/** A suggestion with its commands as this program was started: `bow2bot search …` is `npm start -s -- search …` in a clone. */
export function asStarted(text: string, program: string = programName()): string {
  return program === 'bow2bot' ? text : text.replace(mention, `${program} `);
}
