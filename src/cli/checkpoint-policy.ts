/** A checkpoint as a policy, in the form that worker threads load: a module that makes one of a folder. */
import { BowError } from '../base/index.ts';
import type { OpenSystem } from '../capabilities/index.ts';
import { openModel } from '../systems/node/index.ts';
import { isPolicy, type Policy } from '../world/index.ts';

/** Opens a model that acts or plans. Errors as `openModel`, and `usage` for a model that does neither. */
export async function policy(folder: string): Promise<OpenSystem & Policy> {
  const system = await openModel(folder);
  if (isPolicy(system)) return system;
  await system.close();
  throw new BowError('usage', `a model of ${system.id} neither acts nor plans`, { place: folder });
}
