/** A person types a query and gets images: as a file and, in terminals that can, in the terminal. */

import { join } from 'node:path';
import { writeFileAtomic } from '../../base/node/index.ts';
import type { EncodesImages, EncodesText, OpenSystem } from '../../capabilities/index.ts';
import type { ImageTextPairs } from '../../data/index.ts';
import { type ImageTest, imagesOf, similarities } from '../../evaluate/index.ts';
import { encodePng, imageRow } from '../../image/index.ts';
import { topK } from '../../search/index.ts';
import { askAgain, inlineImage } from '../terminal.ts';

/** A gallery that queries search. */
export type ImageSearch = {
  /** The best images with their cosines, best first. */
  find(query: string, k: number): Promise<{ readonly index: number; readonly score: number }[]>;
};

/** Encodes a gallery once. */
export async function imageSearch(
  system: OpenSystem & EncodesText & EncodesImages,
  gallery: ImageTest,
): Promise<ImageSearch> {
  const images = await gallery.encode(system);
  return {
    find: async (query, k) => {
      const { data } = similarities(await system.encodeText([query]), images);
      return topK(data, k, data.keys()).map(({ document, score }) => ({ index: document, score }));
    },
  };
}

/** Prompts for queries, with two that the gallery can answer. Answers are written to `<folder>/answers/`. */
export async function searchPrompt(search: ImageSearch, gallery: ImageTextPairs, folder: string): Promise<void> {
  const known = new Set(gallery.captions.flat().flatMap(wordsOf));
  const examples = (await suggestions(search, gallery)).map((text) => `"${text}"`).join(' or ');
  await askAgain(`Describe what you would like to see: ${examples}.`, async (query) => {
    const unknown = [...new Set(wordsOf(query))].filter((word) => !known.has(word));
    if (unknown.length > 0)
      process.stderr.write(
        `no description of these scenes says ${unknown.map((w) => `"${w}"`).join(', ')}: the nearest images follow, whatever they show\n`,
      );
    await answer(query, search, gallery, folder);
  });
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];

/** Two short captions of the gallery, those first whose image the search ranks first. */
export async function suggestions(search: ImageSearch, { captions }: ImageTextPairs): Promise<string[]> {
  const short = captions
    .map(([text = ''], index) => ({ text, index }))
    .sort((a, b) => a.text.length - b.text.length || a.index - b.index)
    .slice(0, 20);
  const ranked: typeof short = [];
  for (const s of short) if ((await search.find(s.text, 1))[0]?.index === s.index) ranked.push(s);
  return [...new Set([...ranked, ...short].map((s) => s.text))].slice(0, 2);
}

/** The file name of a query's answer: its words, at most 60 characters. */
export function answerName(query: string): string {
  return Array.from(wordsOf(query).join('-') || 'answer')
    .slice(0, 60)
    .join('');
}

async function answer(query: string, search: ImageSearch, gallery: ImageTextPairs, folder: string): Promise<void> {
  const hits = await search.find(query, 5);
  const all = imagesOf(gallery);
  const png = encodePng(
    imageRow(
      hits.map((h) => all[h.index]!),
      { scale: 2 },
    ),
  );
  const file = join(folder, 'answers', `${answerName(query)}.png`);
  await writeFileAtomic(file, png);
  const shown = inlineImage(png);
  const lines = hits.map((h) => `  ${h.score.toFixed(3)}  ${gallery.captions[h.index]![0]}`);
  process.stdout.write(`${shown}${lines.join('\n')}\n  ${file}\n`);
}
