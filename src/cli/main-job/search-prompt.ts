/** A person types a sentence and gets pictures: as a file and, in terminals that can, in the terminal. */

import { join } from 'node:path';
import { writeFileAtomic } from '../../base/node/index.ts';
import type { PicturePairs } from '../../data/index.ts';
import { type PictureTest, picturesOf, similarities } from '../../evaluate/index.ts';
import { encodePng, pictureRow } from '../../image/index.ts';
import { topK } from '../../search/index.ts';
import type { EncodesImages, EncodesText, OpenSystem } from '../../systems/index.ts';
import { askAgain, inlinePicture } from '../terminal.ts';

/** A gallery that sentences search. */
export type PictureSearch = {
  /** The best pictures with their cosines, best first. */
  find(sentence: string, k: number): Promise<{ readonly index: number; readonly score: number }[]>;
};

/** Encodes a gallery once. */
export async function pictureSearch(
  system: OpenSystem & EncodesText & EncodesImages,
  gallery: PictureTest,
): Promise<PictureSearch> {
  const images = await gallery.encode(system);
  return {
    find: async (sentence, k) => {
      const { data } = similarities(await system.encodeText([sentence]), images);
      return topK(data, k, data.keys()).map(({ document, score }) => ({ index: document, score }));
    },
  };
}

/** Asks for sentences. Answers are written to `<folder>/answers/`. */
export async function searchPrompt(search: PictureSearch, gallery: PicturePairs, folder: string): Promise<void> {
  await askAgain('Type what you would like to see: "a red cube left of a bowl".', (sentence) =>
    answer(sentence, search, gallery, folder),
  );
}

/** The file name of a sentence's answer: its words, at most 60 characters. */
export function answerName(sentence: string): string {
  const words = sentence.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? ['answer'];
  return Array.from(words.join('-')).slice(0, 60).join('');
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
  const file = join(folder, 'answers', `${answerName(sentence)}.png`);
  await writeFileAtomic(file, png);
  const shown = inlinePicture(png);
  const lines = hits.map((h) => `  ${h.score.toFixed(3)}  ${gallery.captions[h.index]![0]}`);
  process.stdout.write(`${shown}${lines.join('\n')}\n  ${file}\n`);
}
