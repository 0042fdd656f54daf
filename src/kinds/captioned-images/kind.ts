/** Images with captions, or with class names that captions are made from: the kind of data that systems of images and texts learn from. */
import { geometryKey } from '../../image/index.ts';
import { digestOf } from '../fingerprint.ts';
import type { DataKind } from '../kind.ts';
import { captionedImagesBenchmarks } from './benchmarks.ts';
import type { CaptionedImages, ImageNeeds } from './data.ts';
import {
  captionedImagesData,
  captionedImagesFlags,
  captionedImagesFromFlags,
  captionedImagesSchema,
} from './recipe.ts';

/** The kind. `npm start` and trainings without `--data` take images of the tabletop, which are made on the spot. */
export const captionedImages: DataKind<CaptionedImages, ImageNeeds> = {
  id: 'captioned-images',
  title: 'images with texts or classes',
  schema: captionedImagesSchema,
  flags: captionedImagesFlags,
  example: '--data photos/',
  fromFlags: captionedImagesFromFlags,
  imageSize: (data) => captionedImagesData.parse(data).size ?? undefined,
  texts: (d) => d.train.captions.flat(),
  benchmarks: captionedImagesBenchmarks,
  summary: ({ train, validation, skipped }) => {
    const counts = `${train.count} images to train on, ${validation?.count ?? 0} to evaluate on`;
    const lines = skipped.slice(0, 3).map(({ place, reason }) => `\n  left out: ${place}: ${reason}`);
    const more = skipped.length > 3 ? `\n  and ${skipped.length - 3} more` : '';
    return `${counts}${skipped.length > 0 ? `, ${skipped.length} left out` : ''}${lines.join('')}${more}`;
  },
  report: ({ train, validation, skipped }) => ({ train: train.count, validation: validation?.count ?? 0, skipped }),
  fingerprint: ({ train, geometry, shift, augment }) => {
    const groups = [train.positives, train.distinct].map((g) => (g ? Array.from(g) : null));
    return digestOf([train.width, train.captions, groups, geometryKey(geometry), shift, augment ?? null], train.pixels);
  },
};
