import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

type Manifest = { readonly version: string };

/** The package's own version, read from its package.json. */
export function version(): string {
  return (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest).version;
}

/** Version of an installed dependency, or `not installed`. */
export function packageVersion(name: string): string {
  try {
    const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return (JSON.parse(readFileSync(path, 'utf8')) as Manifest).version;
  } catch {
    return 'not installed';
  }
}
