/** What every command does alike: results on stdout, everything else on stderr, `--json`, `--quiet`, progress, Ctrl-C. */
import type { Command } from 'commander';
import colors from 'picocolors';
import { type BowError, isBowError, type OnProgress } from '../base/index.ts';
import { asStarted } from './program.ts';

export { shellWord } from '../base/index.ts';

/** Options that {@link outputOptions} adds to every command. */
export type OutputOptions = { json?: boolean; quiet?: boolean };

/** Adds `--json` and `--quiet` to a command, or to those below it where it has some (a parent would keep the flags from them). */
export function outputOptions(command: Command): Command {
  for (const c of command.commands) outputOptions(c);
  if (command.commands.length > 0) return command;
  return command
    .option('--json', 'one JSON document on stdout')
    .option('-q, --quiet', 'no progress on stderr, no suggestions');
}

/** Shows command lines, each as it follows `bow2bot `, above everything else in a command's help. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('before', `Examples:\n${lines.map((line) => `  bow2bot ${line}`).join('\n')}\n`);
}

/** Is a progress line on the terminal, the cursor at its end? There is one terminal, so this is the process's. */
let standing = false;

/** Clears the progress line of the terminal, for what is to be printed in its place. */
export function clearProgress(): void {
  if (standing) process.stderr.write('\r\x1b[2K');
  standing = false;
}

/** Prints a line for the user, on stderr and in place of a progress line; nothing under `--quiet` and `--json`. */
export function sayLine(o: OutputOptions, line: string): void {
  if (o.quiet || o.json) return;
  clearProgress();
  process.stderr.write(`${asStarted(line)}\n`);
}

/** What the hub says beside a download (a rate limit, a name that has moved): a line on stderr, even under `--json`. */
export function noticeLine(text: string): void {
  clearProgress();
  process.stderr.write(`${text}\n`);
}

/** Writes a command's result: as JSON under `--json`, else as text. */
export function printResult(o: OutputOptions, json: unknown, text: () => string): void {
  clearProgress();
  process.stdout.write(`${o.json ? JSON.stringify(json) : text()}\n`);
}

/** Text of names and captions on one line of a terminal: no line ends, no codes that a terminal obeys. */
export function printable(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** A line without the codes that a terminal obeys: messages quote what files hold. */
const withoutCodes = (line: string): string => line.replace(/\p{Cc}/gu, '?');

/** The text of an error for stderr; one JSON line under `--json`. */
export function errorLine(e: unknown, json: boolean): string {
  if (isBowError(e)) {
    if (json) return `${JSON.stringify({ error: { ...e.toJSON(), hint: e.hint && asStarted(e.hint) } })}\n`;
    const [first, ...rest] = withHint(e).split('\n').map(withoutCodes);
    return `${[colors.isColorSupported ? colors.red(first!) : first!, ...rest].join('\n')}\n`;
  }
  const message = e instanceof Error ? e.message : String(e);
  if (json) return `${JSON.stringify({ error: { code: 'internal', message } })}\n`;
  return `internal error: ${message}\n  hint  this is a bug in bow2bot; BOW2BOT_DEBUG=1 prints where it happened\n`;
}

/** An error's text, its hint as this program was started: not its message, which may quote what somebody wrote. */
function withHint(e: BowError): string {
  const text = e.format();
  return e.hint && text.endsWith(e.hint) ? text.slice(0, -e.hint.length) + asStarted(e.hint) : text;
}

/** A progress line on stderr, redrawn in a terminal, one line every ten seconds elsewhere; silent under `--quiet` and `--json`. */
export function progressLine(o: OutputOptions): OnProgress {
  if (o.quiet || o.json) return () => {};
  const live = process.stderr.isTTY === true && process.env['TERM'] !== 'dumb' && !process.env['CI'];
  const started = new Map<string, { readonly at: number; readonly done: number }>();
  let last = 0;
  return (p) => {
    const now = Date.now();
    const first = started.get(p.task) ?? { at: now, done: p.done }; // a resumed run does not begin at zero
    started.set(p.task, first);
    const finished = p.total !== undefined && p.done >= p.total;
    if (!finished && now - last < (live ? 100 : 10_000)) return;
    last = now;
    const seconds = (now - first.at) / 1000;
    const done = p.done - first.done;
    const rate = seconds > 0.5 ? ` · ${short(done / seconds)}/s` : '';
    const left = p.total && done > 0 && !finished ? ` · ${duration((seconds * (p.total - p.done)) / done)} left` : '';
    const metrics = Object.entries(p.metrics ?? {}).map(([k, v]) => ` · ${k} ${Number(v.toPrecision(4))}`);
    const total = p.total === undefined ? '' : `/${short(p.total)}`;
    const line = `${p.task} ${short(p.done)}${total}${p.unit ? ` ${p.unit}` : ''}${rate}${left}${metrics.join('')}`;
    standing = live && !finished;
    const room = process.stderr.columns || line.length + 1; // a line that wraps cannot be taken away again
    process.stderr.write(live ? `\r\x1b[2K${line.slice(0, room - 1)}${finished ? '\n' : ''}` : `${line}\n`);
  };
}

function short(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)} M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(1)} k`;
  return Number.isInteger(n) ? String(n) : n.toPrecision(3);
}

function duration(seconds: number): string {
  const s = Math.ceil(seconds);
  return s < 90 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}

/** A signal that the first Ctrl-C (or SIGTERM) aborts, so that work can save itself; the second ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      process.stderr.write('\nstopping: saving progress (interrupt again to stop at once)\n');
      controller.abort();
    });
  }
  return controller.signal;
}
