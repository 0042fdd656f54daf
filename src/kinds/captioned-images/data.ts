/** Captioned images in memory: what is made of decoded image sets before anything is trained. */
import { BowError, Rng } from '../../base/index.ts';
import type { ImageTextPairs, LoadedImages, SkippedImage } from '../../data/index.ts';
import { spoken } from '../../evaluate/index.ts';
import { type Augmentation, type ImageGeometry, squareGeometry } from '../../image/index.ts';
import type { ImageSetData, TabletopData } from './recipe.ts';

/** What loading needs to know of the model. */
export type ImageNeeds = {
  /** Width and height of the images, in pixels. */
  readonly size: number;
  /** What the checkpoint sees of an image, unless the recipe says; default: its middle square. */
  readonly geometry?: ImageGeometry | undefined;
};

/** Images of one side of the split, with what may be said of several of them at once; each one number per image. */
export type CaptionedSide = ImageTextPairs & {
  readonly labels?: readonly (string | undefined)[];
  /** Images with equal numbers show the same: in a batch the captions of one belong to the others too. */
  readonly positives?: ArrayLike<number>;
  /** Images with equal numbers never meet in a training batch. */
  readonly distinct?: ArrayLike<number>;
};

/** Captioned images in memory. */
export type CaptionedImages = {
  readonly train: CaptionedSide;
  /** Held out; has `positives` where `train` has them. */
  readonly validation: CaptionedSide | undefined;
  /** What was taken of each image, and what the model sees from now on. */
  readonly geometry: ImageGeometry;
  /** Largest shift of a training image in pixels, each way. */
  readonly shift: number;
  /** Changes of training images instead of the shift. */
  readonly augment?: Augmentation;
  /** The share of every target that is spread evenly over a training batch. */
  readonly smoothing?: number;
  /** Captions are made from class names. */
  readonly captionsFromLabels: boolean;
  /** How a class is said. */
  readonly templates: readonly string[];
  /** The size of the vocabulary that the recipe asks for; null: what {@link vocabularySize} gives. */
  readonly vocabulary: number | null;
  /** The largest vocabulary that is worth learning from these captions. */
  readonly vocabularyLimit: number;
  readonly skipped: readonly SkippedImage[];
};

/** Data of pairs in memory, images of the tabletop for instance: captions of few words, all of which 1,024 tokens say. */
export function tabletopData(
  train: ImageTextPairs,
  validation: ImageTextPairs | undefined,
  { shift }: Pick<TabletopData, 'shift'>,
): CaptionedImages {
  const rest = {
    smoothing: 0,
    captionsFromLabels: false,
    templates: [],
    vocabulary: null,
    vocabularyLimit: 1024,
    skipped: [],
  };
  return { train, validation, geometry: squareGeometry(train.width), shift, ...rest };
}

/**
 * Data of images of one's own, as decoded. With `captions: 'optional'` images stay as they are, with captions or without. Else images without captions get those made from their class's name; what has neither is left out. The held-out side
 * is shuffled by the recipe's seed: sets are often sorted by class, batches must not be. Errors: `data` where there is nothing to distinguish,
 * `config` for fields that no image has.
 */
export function imageSetData(
  sides: {
    readonly train: LoadedImages;
    readonly validation: LoadedImages | undefined;
    readonly geometry: ImageGeometry;
  },
  recipe: ImageSetData,
  o: { readonly captions?: 'needed' | 'optional' } = {},
): CaptionedImages & {
  readonly ids: { readonly train: readonly string[]; readonly validation: readonly string[] | undefined };
} {
  const { geometry } = sides;
  const captioned = o.captions === 'optional' ? asLoaded : withCaptions;
  const train = captioned(sides.train, recipe, recipe.path);
  const held = recipe.validation;
  const place = typeof held === 'string' ? held : recipe.path;
  const validation = sides.validation && shuffled(captioned(sides.validation, recipe, place), recipe.seed);
  const ids = { train: train.ids, validation: validation?.ids };
  const positives = recipe.positives ?? (train.labelled ? 'label' : null);
  const numbers = numberings(train, validation);
  const grouped = (side: Captioned): CaptionedSide => ({
    ...side,
    ...(positives === null ? {} : { positives: numbers(side, positives, 'data.positives') }),
    ...(recipe.distinct === null ? {} : { distinct: numbers(side, recipe.distinct, 'data.distinct') }),
  });
  return {
    train: grouped(train),
    validation: validation && grouped(validation),
    geometry,
    shift: recipe.shift,
    ...(recipe.augment ? { augment: recipe.augment } : {}),
    ...(recipe.smoothing > 0 ? { smoothing: recipe.smoothing } : {}),
    captionsFromLabels: (validation ?? train).labelled,
    templates: recipe.templates,
    vocabulary: recipe.vocabulary,
    vocabularyLimit: 4096,
    skipped: [...train.skipped, ...(validation?.skipped ?? [])],
    ids,
  };
}

/** How many tokens a vocabulary learned from the captions has, for a model whose variant has `variant`. */
export function vocabularySize(d: CaptionedImages, variant: number): number {
  return d.vocabulary ?? Math.min(d.vocabularyLimit, variant);
}

/** Images with captions; `labelled`: made from class names. */
type Captioned = LoadedImages & { readonly labelled: boolean };

/** Images without a caption get those made from their class's name; what has neither is left out. */
function withCaptions(p: LoadedImages, { templates }: ImageSetData, place: string): Captioned {
  const captions = p.captions.map((own, i) => {
    const label = p.labels[i];
    return own.length > 0 || label === undefined ? own : templates.map((t) => t.replaceAll('{}', spoken(label)));
  });
  const kept = captions.flatMap((list, i) => (list.length > 0 ? [i] : []));
  const skipped = captions.flatMap((list, i) => (list.length > 0 ? [] : [{ place: p.ids[i]!, reason: 'no caption' }]));
  if (kept.length === 0)
    throw new BowError('data', 'no image has a caption or a class', {
      place,
      hint: 'metadata.jsonl or metadata.csv with a column "text", .txt files beside the images, or a folder for each class',
    });
  if (new Set(kept.map((i) => captions[i]!.join('\n'))).size < 2)
    throw new BowError('data', 'all images have the same text: there is nothing to distinguish', { place });
  const labelled = kept.every((i) => p.captions[i]!.length === 0);
  if (skipped.length === 0) return { ...p, captions, labelled };
  return { ...picked({ ...p, captions }, kept), labelled, skipped: [...p.skipped, ...skipped] };
}

/** Images as they are, with and without captions: something else is said about them. */
const asLoaded = (p: LoadedImages): Captioned => ({ ...p, labelled: false });

function shuffled(p: Captioned, seed: number): Captioned {
  const order = new Rng(seed).split('validation').shuffle(p.ids.map((_, i) => i));
  return { ...p, ...picked(p, order) };
}

/** The images of these rows. */
function picked(p: LoadedImages, rows: readonly number[]): LoadedImages {
  const bytes = 3 * p.width * p.height;
  const pixels = new Uint8Array(rows.length * bytes);
  rows.forEach((from, to) => {
    pixels.set(p.pixels.subarray(from * bytes, (from + 1) * bytes), to * bytes);
  });
  const pick = <T>(list: readonly T[]): T[] => rows.map((i) => list[i]!);
  return {
    ...{ width: p.width, height: p.height, fitted: p.fitted, count: rows.length, pixels, skipped: p.skipped },
    ...{ captions: pick(p.captions), ids: pick(p.ids), labels: pick(p.labels), fields: pick(p.fields) },
  };
}

/** Numbers for the values of a field, the same on both sides; images without a value are alone. */
function numberings(
  ...sides: readonly (Captioned | undefined)[]
): (p: Captioned, field: string, place: string) => Int32Array {
  const known = new Map<string, number>();
  const said = (p: Captioned, field: string, i: number): unknown =>
    field === 'label' ? p.labels[i] : field === 'caption' ? p.captions[i]![0] : p.fields[i]![field];
  return (p, field, place) => {
    if (!sides.some((side) => side?.ids.some((_, i) => said(side, field, i) !== undefined)))
      throw new BowError('config', `no image has the field "${field}"`, {
        place,
        detail: { fields: ['label', 'caption', ...new Set(p.fields.flatMap((f) => Object.keys(f)))].slice(0, 20) },
      });
    return Int32Array.from(p.ids, (id, i) => {
      const value = said(p, field, i);
      const key = value === undefined ? `id ${id}` : `${field} ${String(value)}`;
      if (!known.has(key)) known.set(key, known.size);
      return known.get(key)!;
    });
  };
}
