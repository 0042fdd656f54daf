import { Command } from 'commander';
import { icons } from './data-icons.ts';
import { inspect } from './data-inspect.ts';

/** `bow2bot data`: sets of images. */
export function command(): Command {
  return new Command('data')
    .description('image sets with captions and labels')
    .addCommand(inspect())
    .addCommand(icons());
}
