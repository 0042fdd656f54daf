/** `bow2bot world`: pictures, data sets and demonstrations from the tabletop. */
import { Command } from 'commander';
import { addGenerate } from './world-generate.ts';
import { addRender } from './world-render.ts';

/** `bow2bot world` */
export function command(): Command {
  const world = new Command('world').description('the tabletop world: pictures, data sets, demonstrations, evaluation');
  addRender(world);
  addGenerate(world);
  return world;
}
