#!/usr/bin/env node
/** `bow2bot`: the command line. */
import { exitCode, isBowError } from '../base/index.ts';
import { clearProgress, errorLine } from './output.ts';
import { asPrinted, runProgram } from './run-program.ts';
import { UsageMistake } from './usage-errors.ts';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (e: NodeJS.ErrnoException) => {
    if (e.code === 'EPIPE') process.exit(0); // the reader of a pipe has gone
  });
}

const argv = process.argv.slice(2);
try {
  await runProgram(argv);
} catch (e) {
  if (e instanceof UsageMistake && /^commander\.(help|version)/.test(e.found.code)) {
    process.exit(e.found.exitCode === 0 ? 0 : 2); // printed already
  }
  clearProgress();
  const shown = await asPrinted(e, argv);
  process.stderr.write(errorLine(shown, argv.includes('--json')));
  if (!isBowError(shown) && process.env['BOW2BOT_DEBUG']) process.stderr.write(`${(e as Error).stack}\n`);
  process.exit(exitCode(shown));
}
