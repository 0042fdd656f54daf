// Where Chromium is on this machine: for the tests in a page, which need the packages of tools/ too.
import { existsSync } from 'node:fs';

/** Its path; undefined where there is none. */
export function findChromium() {
  const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return places.find((path) => path && existsSync(path));
}
