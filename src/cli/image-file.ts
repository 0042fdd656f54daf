/** An image file that a command is given. */
import { readFile } from 'node:fs/promises';
import { fileError } from '../base/node/index.ts';
import { decodeImage } from '../image/node/index.ts';

/** Decodes a file. Error `data` with its place for what cannot be read. */
export async function readImage(file: string): ReturnType<typeof decodeImage> {
  const bytes = await readFile(file).catch((e: unknown) => {
    throw fileError(e, file);
  });
  return await decodeImage(bytes, { place: file });
}
