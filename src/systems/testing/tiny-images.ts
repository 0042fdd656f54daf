/** A folder of small images with captions, and an encoder that needs no training: the mean colour. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EncodesImages, EncodesText, OpenSystem } from '../../capabilities/index.ts';
import { encodePng } from '../../image/index.ts';

/** Colours by name, and how much of red, green, blue they are. */
export const colours = {
  red: [200, 20, 30],
  green: [10, 190, 40],
  blue: [30, 40, 210],
  yellow: [220, 210, 20],
  grey: [120, 120, 120],
} as const;

/** Names of {@link colours}. */
export type Colour = keyof typeof colours;

/** A PNG of one colour, `shade` brighter. */
export function colourPng(colour: Colour, shade = 0): Uint8Array {
  const pixel = colours[colour].map((x) => Math.min(255, x + shade));
  const data = Uint8Array.from({ length: 3 * 11 * 13 }, (_, i) => pixel[i % 3]!);
  return encodePng({ width: 13, height: 11, channels: 3, data });
}

/** What an image of the folder says: `metadata.jsonl` beside the images. */
export type TinyImage = { readonly name: string; readonly colour: Colour; readonly shade: number };

/** Five colours in three shades each. */
export const tinyImages: readonly TinyImage[] = Object.keys(colours).flatMap((colour) =>
  [0, 7, 19].map((shade) => ({ name: `${colour}-${shade}.png`, colour: colour as Colour, shade })),
);

/** Writes a folder of images with captions ("a red square"), shade and colour as fields; and a broken one when asked. */
export async function writeTinyImages(
  folder: string,
  o: { readonly images?: readonly TinyImage[]; readonly broken?: boolean } = {},
): Promise<void> {
  const { images = tinyImages, broken = false } = o;
  await mkdir(folder, { recursive: true });
  for (const p of images) await writeFile(join(folder, p.name), colourPng(p.colour, p.shade));
  if (broken) await writeFile(join(folder, 'broken.png'), 'not an image');
  const rows = images.map(({ name, colour, shade }) =>
    JSON.stringify({ file_name: name, text: `a ${colour} square`, colour, shade, bright: shade > 10 }),
  );
  await writeFile(join(folder, 'metadata.jsonl'), `${rows.join('\n')}\n`);
}

/** Mean colours as vectors of width 3, and colour words as texts; counts how many images it has seen. */
export function colourEncoder(): OpenSystem & EncodesImages & EncodesText & { seen: number } {
  const encoder = {
    id: 'colours',
    seen: 0,
    close: async (): Promise<void> => {},
    encodeImages: async (images: Parameters<EncodesImages['encodeImages']>[0]) => {
      encoder.seen += images.length;
      const rows = images.map(({ data }) =>
        [0, 1, 2].map((c) => Array.from(data).reduce((sum, x, i) => (i % 3 === c ? sum + x : sum), 0)),
      );
      return { rows: images.length, width: 3, data: Float32Array.from(rows.flat()) };
    },
    encodeText: async (texts: readonly string[]) => ({
      rows: texts.length,
      width: 3,
      data: Float32Array.from(texts.flatMap((t) => colours[t as Colour])),
    }),
  };
  return encoder;
}
