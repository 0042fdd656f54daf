import { findChromium } from './chromium.mjs';
import { build } from './ensure-installed.mjs';

/** vitest's global set-up: compiles `dist` once before the tests, and tells them where Chromium is. */
export function setup() {
  build();
  const chromium = findChromium();
  if (chromium) process.env.CHROMIUM = chromium;
}
