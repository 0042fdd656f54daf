/** `--policy` of the command line: oracle, random, a module of one's own, a checkpoint. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BowError } from '../base/index.ts';
import { statIfThere } from '../base/node/index.ts';
import { type ModelOptions, modelFolder } from '../systems/node/index.ts';
import type { BuiltInPolicy } from '../world/index.ts';
import { loadPolicy, type PolicyModule } from '../world/node/index.ts';
import { type CheckpointPolicy, openPolicy } from './checkpoint-policy.ts';
import { splitSystems } from './systems-option.ts';

/**
 * What worker threads are to load. It is loaded here once as well, so that what is missing or broken is an error before any episode. Errors:
 * `usage` for a module without a policy and for a model that neither acts nor plans; those of opening a model.
 */
export async function policyOption(text: string, o: ModelOptions): Promise<BuiltInPolicy | PolicyModule> {
  if (text === 'oracle' || text === 'random') return text;
  if (/\.[cm]?[jt]sx?$/.test(text)) {
    if (!(await statIfThere(text))?.isFile())
      throw new BowError('usage', 'no such module', { place: text, hint: 'oracle, random, a module, or a model' });
    const module = { module: pathToFileURL(resolve(text)).href };
    await loadPolicy(module);
    return module;
  }
  const folder = await modelFolder(text, o);
  await (await openPolicy(folder)).close();
  const systems = splitSystems(process.argv.slice(2)).modules; // registered in this thread only
  const argument = JSON.stringify({ folder, systems } satisfies CheckpointPolicy);
  return { module: new URL('./checkpoint-policy.js', import.meta.url).href, argument };
}
