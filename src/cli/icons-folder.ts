/** Where `data icons` puts its images by default, and where `ladder` finds them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const iconsFolder: string = join('runs', 'icons');

/** The icons, if `data icons` has made them: its list of licences is written last. */
export function iconsThatAreThere(): string[] {
  return existsSync(join(iconsFolder, 'LICENCES.md')) ? [iconsFolder] : [];
}
