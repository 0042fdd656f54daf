/** The lists of tasks: what the main job, `bow2bot ladder` and whoever else measures systems ask of them. */
import type { PicturePairs } from '../data/index.ts';
import type { Benchmark } from './ladder.ts';
import { classesOf, descriptionRetrieval, labelProbe, labelZeroShot, pictureRetrieval } from './picture-benchmarks.ts';
import type { PictureTest } from './picture-test.ts';
import { colourShapeZeroShot, type SoloPicture } from './tabletop.ts';
import type { Templates } from './zero-shot.ts';

/** The tabletop: scenes not trained on, scenes with a colour and shape never seen together, single objects. */
export function tabletopBenchmarks(o: {
  readonly gallery: PicturePairs;
  readonly unseen: PicturePairs;
  readonly solo: readonly SoloPicture[];
}): Benchmark[] {
  return [
    descriptionRetrieval('descriptions', 'described scene R@1', o.gallery),
    pictureRetrieval('pictures', 'picture R@1', o.gallery),
    pictureRetrieval('unseen-pairs', 'unseen pairs R@1', o.unseen),
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

/** A set of pictures to be judged by, and pictures of the same set to fit probes on. */
export type PictureTests = {
  /** Begins the ids of its tasks. */
  readonly id: string;
  /** Stands above its table. */
  readonly title: string;
  readonly test: PictureTest;
  readonly train?: PictureTest | undefined;
  readonly templates?: Templates | undefined;
};

/** What can be asked of a set: retrieval where there are captions, also among captions where there are several, naming where there are labels. */
export function pictureSetBenchmarks({ id, title, test, train, templates }: PictureTests): Benchmark[] {
  const list: Benchmark[] = [];
  const most = Math.max(0, ...test.captions.map((c) => c.length));
  if (most > 1) list.push(descriptionRetrieval(`${id}/captions`, 'caption → caption R@1', test, { queries: 'rest' }));
  if (most > 0) {
    const back = { title: 'picture → text R@1', headline: 'image_to_text_R@1' };
    list.push({ ...pictureRetrieval(`${id}/pictures`, 'text → picture R@1', test, { queries: 'all' }), also: [back] });
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
