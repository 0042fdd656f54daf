/** Packages of tools/, which tests use where they are installed. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** Folder of an installed package of tools/; undefined where it is not installed. */
export function toolFolder(name: string): string | undefined {
  const folder = resolve('tools/node_modules', name);
  return existsSync(folder) ? folder : undefined;
}
