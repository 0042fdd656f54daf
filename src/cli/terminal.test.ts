import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { compiledUrl } from '../base/node/index.ts';
import { inlineImage } from './terminal.ts';

const tty = process.stdout.isTTY;
afterEach(() => {
  vi.unstubAllEnvs();
  process.stdout.isTTY = tty;
});

/** What a terminal of some name is sent for an image. */
function sent(env: Record<string, string>, bytes = 9000): string {
  process.stdout.isTTY = true;
  for (const [name, value] of Object.entries({ TERM: 'xterm-256color', TERM_PROGRAM: '', ...env }))
    vi.stubEnv(name, value);
  return inlineImage(new Uint8Array(bytes).fill(7));
}

test('an image goes to terminals that show it, as they want it, and to no others', () => {
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
  expect(inlineImage(new Uint8Array(3))).toBe('');
});

/** What a prompt in a terminal of its own (script, of util-linux) shows for keys typed one after the other, and its exit code. */
async function prompted(...keys: string[]): Promise<{ code: number | null; out: string }> {
  const program = `import(${JSON.stringify(compiledUrl('./terminal.js', import.meta.url).href)}).then((m) => m.askAgain('Hello.', async (l) => console.log('<' + l + '>')))`;
  const child = spawn('script', ['-qec', `"${process.execPath}" -e "$PROGRAM"`, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm', PROGRAM: program },
  });
  let out = '';
  let prompts = 0;
  child.stdout.on('data', (b: Buffer) => {
    out += String(b);
    for (; out.split('> ').length - 1 > prompts; prompts++) child.stdin.write(keys[prompts] ?? '');
  });
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, out: out.replaceAll('\r', '') };
}

test.skipIf(process.platform !== 'linux' || !existsSync('/usr/bin/script'))(
  'a prompt: an empty line or Ctrl-D ends it, Ctrl-C stops it',
  async () => {
    const [enter, end, stop] = ['\r', '\x04', '\x03'];
    const asked = await prompted(`a b${enter}`, enter);
    expect([asked.code, asked.out.includes('<a b>')]).toEqual([0, true]);
    const [ended, stopped] = [await prompted(end), await prompted(`c${enter}`, stop)];
    expect([ended.code, ended.out.endsWith('\n')]).toEqual([0, true]);
    expect([stopped.code, stopped.out.includes('<c>'), stopped.out.endsWith('\n')]).toEqual([130, true, true]);
  },
);
