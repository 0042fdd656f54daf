/** A checkpoint as a policy, in the form that worker threads load: a module that makes one of a folder. */
import { BowError } from '../base/index.ts';
import type { OpenSystem } from '../capabilities/index.ts';
import { openModel } from '../systems/node/index.ts';
import { isPolicy, type Policy } from '../world/index.ts';
import { registerModule } from './systems-option.ts';

/** What a thread needs to open a checkpoint: its folder, and the modules of systems that were named on the command line. */
export type CheckpointPolicy = { readonly folder: string; readonly systems: readonly string[] };

/** In a worker thread: registers the systems, then opens the model. */
export async function policy(argument: string): Promise<OpenSystem & Policy> {
  const { folder, systems } = JSON.parse(argument) as CheckpointPolicy;
  for (const module of systems) await registerModule(module);
  return await openPolicy(folder);
}

/** Opens a model that acts or plans. Errors as `openModel`, and `usage` for a model that does neither. */
export async function openPolicy(folder: string): Promise<OpenSystem & Policy> {
  const system = await openModel(folder);
  if (isPolicy(system)) return system;
  await system.close();
  throw new BowError('usage', `a model of ${system.id} neither acts nor plans`, { place: folder });
}
