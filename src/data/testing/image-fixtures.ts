/** Images and folders made for tests: an image of one colour says by its colour which one it is. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodePng } from '../../image/index.ts';

/** A PNG of one colour. */
export function plainPng(colour: readonly [number, number, number], width = 7, height = 5): Uint8Array {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => colour[i % 3]!);
  return encodePng({ width, height, channels: 3, data });
}

/** Writes files by their path relative to a folder. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}
