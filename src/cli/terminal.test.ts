import { afterEach, expect, test, vi } from 'vitest';
import { inlinePicture } from './terminal.ts';

const tty = process.stdout.isTTY;
afterEach(() => {
  vi.unstubAllEnvs();
  process.stdout.isTTY = tty;
});

/** What a terminal of some name is sent for a picture. */
function sent(env: Record<string, string>, bytes = 9000): string {
  process.stdout.isTTY = true;
  for (const [name, value] of Object.entries({ TERM: 'xterm-256color', TERM_PROGRAM: '', ...env }))
    vi.stubEnv(name, value);
  return inlinePicture(new Uint8Array(bytes).fill(7));
}

test('a picture goes to terminals that show it, as they want it, and to no others', () => {
  const base64 = Buffer.from(new Uint8Array(9000).fill(7)).toString('base64');
  expect(sent({ TERM_PROGRAM: 'iTerm.app' })).toBe(`\x1b]1337;File=inline=1;size=9000:${base64}\x07\n`);
  const kitty = sent({ TERM: 'xterm-kitty' });
  const chunks = kitty
    .split('\x1b_G')
    .slice(1)
    .map((c) => c.replace('\x1b\\', '').trimEnd().split(';'));
  expect(chunks.map((c) => c[0])).toEqual(['a=T,f=100,m=1', 'm=1', 'm=0']);
  expect(chunks.map((c) => c[1]).join('')).toBe(base64);
  expect(sent({ TERM_PROGRAM: 'ghostty' }, 3)).toBe('\x1b_Ga=T,f=100,m=0;BwcH\x1b\\\n');
  expect(sent({})).toBe('');
  process.stdout.isTTY = false;
  vi.stubEnv('TERM_PROGRAM', 'iTerm.app');
  expect(inlinePicture(new Uint8Array(3))).toBe('');
});
