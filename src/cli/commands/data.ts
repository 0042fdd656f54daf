import { Command } from 'commander';
import { icons } from './data-icons.ts';

/** `bow2bot data`: sets of pictures. */
export function command(): Command {
  return new Command('data').description('sets of pictures with what is said about them').addCommand(icons());
}
