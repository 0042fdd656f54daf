import { expect, test } from 'vitest';
import { asStarted, programName } from './program.ts';

const at = (script: string, env: Record<string, string> = {}): string =>
  programName({ env, script, cwd: '/home/me/b' });

test('a program is named as it was started', () => {
  expect(at('/home/me/b/dist/cli/main.js', { BOW2BOT_PROGRAM: 'npm start -s --' })).toBe('npm start -s --');
  expect(at('/home/me/b/dist/cli/main.js', { npm_command: 'exec' })).toBe('npx bow2bot');
  expect(at('/home/me/b/node_modules/.bin/bow2bot')).toBe('npx bow2bot');
  expect(at('C:\\b\\node_modules\\bow2bot\\dist\\cli\\main.js')).toBe('npx bow2bot');
  expect(at('/usr/local/bin/bow2bot')).toBe('bow2bot');
  expect(at('/home/me/b/dist/cli/main.js')).toBe('node dist/cli/main.js');
  expect(at('/opt/b/dist/cli/main.js')).toBe('node /opt/b/dist/cli/main.js');
});

test('commands in a suggestion are named so, other mentions are not', () => {
  const name = (text: string): string => asStarted(text, 'npx bow2bot');
  expect(name('measure it: bow2bot ladder runs/a; or `bow2bot --help`')).toBe(
    'measure it: npx bow2bot ladder runs/a; or `npx bow2bot --help`',
  );
  for (const text of [
    'a bug in bow2bot; see',
    'bow2bot starts',
    "import 'bow2bot/engine'",
    'my-bow2bot start',
    'bow2bot data-set',
  ])
    expect(name(text)).toBe(text);
  expect(asStarted('bow2bot start', 'bow2bot')).toBe('bow2bot start');
});
