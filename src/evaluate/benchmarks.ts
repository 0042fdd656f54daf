/** The lists of benchmarks: what the main job, `bow2bot ladder` and other callers measure systems on. */
import type { ImageTextPairs } from '../data/index.ts';
import { classesOf, descriptionRetrieval, imageRetrieval, labelProbe, labelZeroShot } from './image-benchmarks.ts';
import { type ImageTest, partOfTest } from './image-test.ts';
import type { Benchmark } from './ladder.ts';
import { colourShapeZeroShot, type SoloImage } from './tabletop.ts';
import type { Templates } from './zero-shot.ts';

/** The tabletop: scenes not trained on, scenes with a colour and shape never seen together, single objects. */
export function tabletopBenchmarks(o: {
  readonly gallery: ImageTextPairs;
  readonly unseen: ImageTextPairs;
  readonly solo: readonly SoloImage[];
}): Benchmark[] {
  return [
    descriptionRetrieval('descriptions', 'described scene R@1', o.gallery),
    imageRetrieval('pictures', 'picture R@1', o.gallery),
    imageRetrieval('unseen-pairs', 'unseen pairs R@1', o.unseen),
    colourShapeZeroShot('colour-shape', 'colour × shape', o.solo),
  ];
}

/**
 * For photographs of anything: the first is the paper's default (§3.1.4), the others are the seven that OpenAI's notebook
 * "Prompt engineering for ImageNet" found to do better together than all eighty.
 */
export const photoTemplates: Templates = [
  'a photo of a {}.',
  'itap of a {}.',
  'a bad photo of the {}.',
  'a origami {}.',
  'a photo of the large {}.',
  'a {} in a video game.',
  'art of the {}.',
  'a photo of the small {}.',
];

/** A set of images to evaluate on, and images of the same set to fit probes on. */
export type ImageTests = {
  /** Prefix of the ids of its benchmarks. */
  readonly id: string;
  /** Stands above its table. */
  readonly title: string;
  readonly test: ImageTest;
  readonly train?: ImageTest | undefined;
  /** Whether training images show what an image shows: retrieval is measured among these and among the others, too. */
  readonly seen?: readonly boolean[] | undefined;
  readonly templates?: Templates | undefined;
};

/**
 * Retrieval among the images that show what training images show (`seen`), and among those that do not (`unseen`), each in a gallery of its own; nothing
 * where all images are of one kind.
 */
export function seenAndUnseen(test: ImageTest, seen: readonly boolean[]): Benchmark[] {
  const rows = (kind: boolean): number[] => test.captions.flatMap((_, i) => (seen[i] === kind ? [i] : []));
  const parts = { seen: rows(true), unseen: rows(false) };
  if (parts.seen.length === 0 || parts.unseen.length === 0) return [];
  return Object.entries(parts).map(([name, of]) =>
    imageRetrieval(name, `${name} things: text → picture R@1`, partOfTest(test, of)),
  );
}

/** What can be asked of a set: retrieval where there are captions, also among captions where there are several, naming where there are labels. */
export function imageSetBenchmarks({ id, title, test, train, seen, templates }: ImageTests): Benchmark[] {
  const list: Benchmark[] = [];
  const most = Math.max(0, ...test.captions.map((c) => c.length));
  if (most > 1) list.push(descriptionRetrieval(`${id}/captions`, 'caption → caption R@1', test, { queries: 'rest' }));
  if (most > 0) {
    const back = { title: 'picture → text R@1', headline: 'image_to_text_R@1' };
    list.push({ ...imageRetrieval(`${id}/pictures`, 'text → picture R@1', test, { queries: 'all' }), also: [back] });
    if (seen) list.push(...seenAndUnseen(test, seen).map((b) => ({ ...b, id: `${id}/${b.id}` })));
  }
  const classes = classesOf(test);
  if (classes.length > 1) {
    const asked = { classes, templates: templates ?? photoTemplates };
    list.push(labelZeroShot(`${id}/zero-shot`, 'zero-shot top-1', test, asked));
  }
  if (train && classes.length > 1 && classesOf(train).length > 1)
    list.push(labelProbe(`${id}/probe`, 'linear probe top-1', train, test));
  return list.map((b) => ({ ...b, group: title }));
}
