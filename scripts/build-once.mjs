import { build } from './ensure-installed.mjs';

/** vitest's global set-up: compiles `dist` once before the tests. */
export function setup() {
  build();
}
