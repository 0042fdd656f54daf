/** `bow2bot world`: images, data sets and demonstrations from the tabletop. */
import { Command } from 'commander';
import { addDemo } from './world-demo.ts';
import { addEvaluate } from './world-evaluate.ts';
import { addGenerate } from './world-generate.ts';
import { addRender } from './world-render.ts';

/** `bow2bot world` */
export function command(): Command {
  const world = new Command('world').description('the tabletop world: images, data sets, demonstrations, evaluation');
  addRender(world);
  addDemo(world);
  addGenerate(world);
  addEvaluate(world);
  return world;
}
