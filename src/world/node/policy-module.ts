/** Policies of one's own: a module of JavaScript that exports one. */
import { BowError, isBowError } from '../../base/index.ts';
import { isPolicy, type Policy } from '../index.ts';

/** A module by URL, and what is handed to its `policy` where that is a function. */
export type PolicyModule = { readonly module: string; readonly argument?: string };

/**
 * The policy of a module: its export `policy`, an object with `act` or `plan`, or a function that makes one; or the module itself, where it exports
 * `act` or `plan`. Errors `usage` for a module that cannot be loaded, exports none of these, or whose function
 * throws; typed errors of the function stay as they are.
 */
export async function loadPolicy({ module, argument }: PolicyModule): Promise<Policy> {
  const loaded = await import(module).catch((cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause);
    const hint = isTypeScript(cause) ? { hint: 'compile it to JavaScript first, with tsc or esbuild' } : {};
    throw new BowError('usage', `the module cannot be loaded: ${message}`, { ...hint, place: module, cause });
  });
  const made: unknown = isPolicy(loaded)
    ? loaded
    : typeof loaded.policy === 'function' && !isPolicy(loaded.policy)
      ? await madeBy(() => loaded.policy(argument), module)
      : loaded.policy;
  if (isPolicy(made)) return made;
  throw new BowError('usage', 'the module exports no policy', {
    place: module,
    hint: 'export function act(start) or plan(start), or a policy that has one: docs/world.md shows ten lines',
  });
}

/** True when Node refuses a file for its extension: versions before 22.18 load no TypeScript. */
function isTypeScript(e: unknown): boolean {
  return e instanceof Error && 'code' in e && e.code === 'ERR_UNKNOWN_FILE_EXTENSION';
}

async function madeBy(make: () => unknown, module: string): Promise<unknown> {
  try {
    return await make();
  } catch (cause) {
    if (isBowError(cause)) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new BowError('usage', `the module's policy cannot be made: ${message}`, { place: module, cause });
  }
}
