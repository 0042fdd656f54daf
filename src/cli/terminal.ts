/** What a terminal can do beyond lines: ask again and again, show images. */
import { createInterface } from 'node:readline/promises';

/**
 * Asks until an empty line, `exit`, Ctrl-D or Ctrl-C; after Ctrl-C the process's exit code is that of what was stopped. `help` says again what can be
 * typed.
 */
export async function askAgain(hello: string, answer: (line: string) => Promise<void>): Promise<void> {
  let ended = false;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const help = `${hello} An empty line or "exit" ends.\n`;
  process.stderr.write(`\n${help}`);
  lines.on('SIGINT', () => {
    process.exitCode = 130;
    lines.close();
  });
  lines.once('close', () => {
    if (!ended) process.stderr.write('\n'); // what the shell says next begins its own line
  });
  lines.setPrompt('> ');
  lines.prompt();
  for await (const line of lines) {
    const text = line.trim();
    ended = /^(|exit|quit|:q)$/i.test(text);
    if (ended) break;
    if (/^(help|\?)$/i.test(text)) process.stderr.write(help);
    else await answer(text);
    lines.prompt();
  }
  lines.close();
}

/** Escape codes that show a PNG in the terminals known to understand them (iTerm2's protocol and kitty's); nothing elsewhere. */
export function inlineImage(png: Uint8Array): string {
  if (process.stdout.isTTY !== true) return '';
  const base64 = Buffer.from(png).toString('base64');
  const { TERM = '', TERM_PROGRAM = '' } = process.env;
  if (TERM_PROGRAM === 'iTerm.app' || TERM_PROGRAM === 'WezTerm')
    return `\x1b]1337;File=inline=1;size=${png.length}:${base64}\x07\n`;
  if (!TERM.includes('kitty') && TERM_PROGRAM !== 'ghostty') return '';
  const chunks = base64.match(/.{1,4096}/g) ?? [];
  const codes = chunks.map(
    (c, i) => `\x1b_G${i === 0 ? 'a=T,f=100,' : ''}m=${i + 1 < chunks.length ? 1 : 0};${c}\x1b\\`,
  );
  return `${codes.join('')}\n`;
}
