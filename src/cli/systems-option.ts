/** `bow2bot --systems <module> <command> …`: systems of one's own, registered before any command. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BowError } from '../base/index.ts';

/** The modules that are named before the command, and the arguments without them. Error `usage` for a flag without a module. */
export function splitSystems(argv: readonly string[]): { readonly modules: string[]; readonly rest: string[] } {
  const modules: string[] = [];
  let at = 0;
  for (; at < argv.length; at++) {
    const arg = argv[at]!;
    if (arg !== '--systems' && !arg.startsWith('--systems=')) break;
    const named = arg === '--systems' ? argv[++at] : arg.slice('--systems='.length);
    if (!named)
      throw new BowError('usage', '--systems needs a module', { hint: 'bow2bot --systems mine.mjs train --help' });
    modules.push(named);
  }
  return { modules, rest: argv.slice(at) };
}

/**
 * Registers every system that a module exports. Errors: `usage` for a module that exports none, that cannot be found, or whose system has an id
 * that is taken; what the module throws itself has the module as its place.
 */
export async function registerModule(module: string): Promise<void> {
  const { registerSystem } = await import('../systems/index.ts');
  const found = new Set(Object.values(await load(module)).filter(isSystem)); // one may be exported by two names
  if (found.size === 0)
    throw new BowError('usage', 'the module exports no system', {
      place: module,
      hint: 'export what defineSystem of bow2bot/systems gives',
    });
  for (const system of found) registerSystem(system);
}

/** A file, or a package that the working folder finds. */
async function load(module: string): Promise<Record<string, unknown>> {
  const file = /^[./\\]|^[A-Za-z]:[\\/]|\.[cm]?[jt]s$/.test(module);
  try {
    const path = file ? resolve(module) : createRequire(resolve('package.json')).resolve(module);
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (e) {
    const message = e instanceof Error ? e.message : String(e);
    const hint = isTypeScript(e) ? { hint: 'compile it to JavaScript first, with tsc or esbuild' } : {};
    throw new BowError('usage', `a module of systems cannot be loaded: ${message}`, {
      ...hint,
      place: module,
      cause: e,
    });
  }
}

type Registered = Parameters<typeof import('../systems/index.ts')['registerSystem']>[0];

function isSystem(x: unknown): x is Registered {
  if (typeof x !== 'object' || x === null) return false;
  return 'id' in x && typeof x.id === 'string' && 'open' in x && typeof x.open === 'function' && 'recognises' in x;
}

/** True when Node refuses a file for its extension: versions before 22.18 load no TypeScript. */
function isTypeScript(e: unknown): boolean {
  return e instanceof Error && 'code' in e && e.code === 'ERR_UNKNOWN_FILE_EXTENSION';
}
