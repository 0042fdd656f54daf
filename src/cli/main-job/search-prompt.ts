/** A person types a sentence and gets pictures: as a file and, in terminals that can, in the terminal. */

import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { writeFileAtomic } from '../../base/node/index.ts';
import type { PicturePairs } from '../../data/index.ts';
import { picturesOf, similarities } from '../../evaluate/index.ts';
import { encodePng, pictureRow } from '../../image/index.ts';
import { topK } from '../../search/index.ts';
import type { EncodesImages, EncodesText, Vectors } from '../../systems/index.ts';

/** A gallery that sentences search. */
export type PictureSearch = {
  /** The best pictures with their cosines, best first. */
  find(sentence: string, k: number): Promise<{ readonly index: number; readonly score: number }[]>;
};

/** Encodes a gallery once. */
export async function pictureSearch(
  system: EncodesText & EncodesImages,
  gallery: PicturePairs,
): Promise<PictureSearch> {
  const images: Vectors = await system.encodeImages(picturesOf(gallery));
  return {
    find: async (sentence, k) => {
      const { data } = similarities(await system.encodeText([sentence]), images);
      return topK(data, k, data.keys()).map(({ document, score }) => ({ index: document, score }));
    },
  };
}

/** Asks until an empty line, Ctrl-D or Ctrl-C. Answers are written to `<folder>/answers/`. */
export async function searchPrompt(search: PictureSearch, gallery: PicturePairs, folder: string): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  process.stderr.write('\nType what you would like to see: "a red cube left of a bowl". An empty line ends.\n');
  lines.on('SIGINT', () => lines.close());
  lines.setPrompt('> ');
  lines.prompt();
  for await (const line of lines) {
    const sentence = line.trim();
    if (sentence === '') break;
    await answer(sentence, search, gallery, folder);
    lines.prompt();
  }
  lines.close();
}

async function answer(sentence: string, search: PictureSearch, gallery: PicturePairs, folder: string): Promise<void> {
  const hits = await search.find(sentence, 5);
  const all = picturesOf(gallery);
  const png = encodePng(
    pictureRow(
      hits.map((h) => all[h.index]!),
      { scale: 2 },
    ),
  );
  const name =
    sentence
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .slice(0, 60) || 'answer';
  const file = join(folder, 'answers', `${name}.png`);
  await writeFileAtomic(file, png);
  const shown = inlinePicture(png);
  const lines = hits.map((h) => `  ${h.score.toFixed(3)}  ${gallery.captions[h.index]![0]}`);
  process.stdout.write(`${shown}${lines.join('\n')}\n  ${file}\n`);
}

/** Escape codes that show a PNG in the terminals known to understand them (iTerm2's protocol and kitty's); nothing elsewhere. */
function inlinePicture(png: Uint8Array): string {
  if (process.stdout.isTTY !== true) return '';
  const base64 = Buffer.from(png).toString('base64');
  const { TERM = '', TERM_PROGRAM = '' } = process.env;
  if (TERM_PROGRAM === 'iTerm.app' || TERM_PROGRAM === 'WezTerm')
    return `\x1b]1337;File=inline=1;size=${png.length}:${base64}\x07\n`;
  if (!TERM.includes('kitty') && TERM_PROGRAM !== 'ghostty') return '';
  const chunks = base64.match(/.{1,4096}/g) ?? [];
  const codes = chunks.map(
    (c, i) => `\x1b_G${i === 0 ? 'a=T,f=100,' : ''}m=${i + 1 < chunks.length ? 1 : 0};${c}\x1b\\`,
  );
  return `${codes.join('')}\n`;
}
