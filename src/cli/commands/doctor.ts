import { Command } from 'commander';
import { type OutputOptions, printResult } from '../output.ts';

/** `bow2bot doctor` */
export function command(): Command {
  return new Command('doctor')
    .description('what this machine can run, what is missing and why')
    .action((o: OutputOptions) => {
      const found = { node: process.version, platform: `${process.platform} ${process.arch}` };
      printResult(o, found, () =>
        Object.entries(found)
          .map(([k, v]) => `${k}  ${v}`)
          .join('\n'),
      );
    });
}
