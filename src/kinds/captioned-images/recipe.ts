/** Captioned images as recipes and command lines name them: the key `data` and its flags. */
import { z } from 'zod';
import { BowError, parseNumber } from '../../base/index.ts';
import type { Json, JsonTree } from '../../train/index.ts';
import { flagText } from '../flags.ts';
import type { Flag, FlagContext, FlagValues } from '../kind.ts';

const count = z.int().positive();

/** Keys that every source has. */
const common = {
  /** Width and height of the images; null: what the variant or the checkpoint sees. */
  size: count.nullable().default(null),
  /** Largest shift of a training image in pixels. */
  shift: z.int().nonnegative().default(2),
  /** Of rendering or of the split. */
  seed: z.int().nonnegative().default(0),
};

/** Keys of images of the tabletop. */
export const tabletopKeys = z.strictObject({
  source: z.literal('tabletop').default('tabletop'),
  /** Images to train on, and to evaluate on. */
  pictures: count.default(8192),
  validation: count.default(256),
  /** Scenes of one object alone. */
  single: z.boolean().default(false),
  ...common,
});

/** What a class name is put into when images have no captions of their own (Radford et al. 2021, §3.1.4); the first is what evaluations use. */
const templates = ['a photo of a {}.', 'a picture of a {}.', 'an image of a {}.', 'a {}.', '{}'];

const share = z.number().min(0).max(1).default(0);

/** How far training images are changed at random, as the image room's `Augmentation` says. */
const augment = z.strictObject({
  crop: z.tuple([z.number().positive().max(1), z.number().positive().max(1)]).optional(),
  scale: z.tuple([z.number().positive(), z.number().positive()]).default([1, 1]),
  shift: share,
  rotate: z.number().min(0).max(180).default(0),
  stretch: share,
  flip: share,
  colour: share,
  stroke: share,
  hue: share,
  grey: share,
});

/** Keys of images of one's own. */
export const imageSetKeys = z.strictObject({
  source: z.literal('pictures'),
  /** Folder, COCO .json, .tar, .parquet. */
  path: z.string().min(1),
  format: z.enum(['folder', 'classes', 'coco', 'webdataset', 'parquet']).nullable().default(null),
  /** Column or key of the captions, where it has none of the usual names. */
  captions: z.string().min(1).nullable().default(null),
  /** The share of the images that is held out by hash, or the path of images of their own; 0: no evaluation. */
  validation: z.union([z.number().min(0).lt(1), z.string().min(1)]).default(0.1),
  /** A field whose equal values stay on one side. */
  splitBy: z.string().min(1).nullable().default(null),
  /** Most images to train on and to evaluate on; null: all, and 1,000. */
  limit: count.nullable().default(null),
  gallery: count.default(1000),
  /** How an image becomes a square; null: as the checkpoint was trained, else `crop`. */
  fit: z.enum(['crop', 'pad', 'stretch']).nullable().default(null),
  templates: z.array(z.string().includes('{}')).min(1).default(templates),
  /** Field (or `label`, `caption`) whose equal values show the same: positives of each other. Null: `label` where captions are made of labels. */
  positives: z.string().min(1).nullable().default(null),
  /** Field (or `label`, `caption`) of which every value comes once at most in a batch. */
  distinct: z.string().min(1).nullable().default(null),
  /** The share of every target that is spread evenly over the batch: label smoothing, while training. */
  smoothing: z.number().min(0).lt(1).default(0),
  /** Changes of training images, by default open_clip's crop; null: `shift` alone. */
  augment: augment.nullable().prefault({ crop: [0.9, 1] }),
  /** Size of the vocabulary that is learned when a model is trained from scratch; null: the variant's, 4,096 at most. */
  vocabulary: z.int().min(514).nullable().default(null),
  ...common,
});

const imageSet = imageSetKeys.describe('images of your own are named by --data <folder>'); // shown where its keys are used without

/** The key `data` of a recipe. */
export const captionedImagesData: z.ZodDiscriminatedUnion<[typeof tabletopKeys, typeof imageSet]> =
  z.discriminatedUnion('source', [tabletopKeys, imageSet]);

/** `data` for images of the tabletop, made on the spot. */
export type TabletopData = z.infer<typeof tabletopKeys>;
/** `data` for images of one's own. */
export type ImageSetData = z.infer<typeof imageSet>;

/** The schema as recipes take it. An optional key is typed `| undefined`, which `Json` is not; none is ever there without a value. */
export const captionedImagesSchema: z.ZodType<Json> = captionedImagesData as unknown as z.ZodType<Json>;

/** What a smoke run sees of each source. */
const smokeData = {
  tabletop: { pictures: 96, validation: 24 },
  pictures: { limit: 96, gallery: 24 },
} as const;

/** Flags that decide keys of `data`. */
export const captionedImagesFlags: readonly Flag[] = [
  {
    flags: '-d, --data <path>',
    description:
      'folder of images with texts or classes, COCO .json, WebDataset .tar, .parquet (default: the tabletop)',
  },
  {
    flags: '--validation <share or path>',
    description: 'images to evaluate on: a share held out by hash, or a set of their own (default: 0.1)',
  },
  { flags: '--split-by <field>', description: 'a field whose equal values stay on one side of the split' },
  {
    flags: '--captions <column>',
    description: 'column or key of the captions, where it has none of the usual names',
  },
  {
    flags: '--size <pixels>',
    description: 'width and height of the images (default: what the variant or checkpoint sees)',
  },
  { flags: '--pictures <n>', description: 'images of the tabletop to train on (default: 8192)' },
];

/** The keys of `data` that flags decide. Error `usage` for flags that exclude each other. */
export function captionedImagesFromFlags(f: FlagValues, o: FlagContext): { readonly data: JsonTree } {
  refuseMixtures(f, o);
  const [path, held, pictures] = [flagText(f, 'data'), flagText(f, 'validation'), flagText(f, 'pictures')];
  const sized = flagText(f, 'size');
  const size = sized === undefined ? {} : { size: parseNumber(sized, '--size') };
  if (path === undefined) {
    const many = pictures === undefined ? {} : { pictures: parseNumber(pictures, '--pictures') };
    return { data: { ...(o.smoke ? smokeData.tabletop : {}), ...many, ...size } };
  }
  const [splitBy, captions] = [flagText(f, 'splitBy'), flagText(f, 'captions')];
  return {
    data: {
      source: 'pictures',
      path,
      ...(o.smoke ? smokeData.pictures : {}),
      ...(held === undefined ? {} : { validation: /^\d*\.?\d+$/.test(held) ? Number(held) : held }),
      ...(splitBy === undefined ? {} : { splitBy }),
      ...(captions === undefined ? {} : { captions }),
      ...size,
    },
  };
}

function refuseMixtures(f: FlagValues, { under, preset }: FlagContext): void {
  const refuse = (what: string, hint: string): BowError => new BowError('usage', what, { hint });
  const own = Object.keys(preset?.data ?? {}).some((key) => !(key in tabletopKeys.shape));
  if (preset && own && f['data'] === undefined && !under)
    throw refuse(
      `--preset ${preset.name} is for images of your own`,
      'name them with --data; bow2bot data icons makes some',
    );
  if (f['data'] !== undefined && f['pictures'] !== undefined)
    throw refuse('--pictures is for the tabletop', 'with --data: --set data.limit=1000');
  for (const [flag, value] of [
    ['--validation', f['validation']],
    ['--split-by', f['splitBy']],
    ['--captions', f['captions']],
  ])
    if (value !== undefined && f['data'] === undefined)
      throw refuse(`${flag} needs --data`, 'the tabletop has its own');
}
