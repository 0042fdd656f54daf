/** CLIP on images of one's own: image sets with captions, or with class names that captions are made from. */
import { availableParallelism } from 'node:os';
import { BowError, type OnProgress, Rng } from '../base/index.ts';
import { can } from '../capabilities/index.ts';
import {
  type ImageSet,
  type LoadedImages,
  type LoadImagesOptions,
  loadImages,
  openImages,
  type SkippedImage,
} from '../data/index.ts';
import {
  type Benchmark,
  classesOf,
  type ImageTest,
  imageRetrieval,
  labelZeroShot,
  memoryTest,
  retrievalMetrics,
  similarities,
  spoken,
} from '../evaluate/index.ts';
import type { SquareFit } from '../image/index.ts';
import { clipTask, type Recipe, type TrainingPairs } from '../train/index.ts';
import type { ImageSetData } from './clip-data.ts';
import { withBenchmarks } from './clip-evaluation.ts';
import { clipStart } from './clip-start.ts';
import type { Prepared } from './training.ts';

type Options = {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** A line of progress for the user. */
  readonly say?: (line: string) => void;
};

/** Images with captions; `labelled`: made from class names. */
type Captioned = LoadedImages & { readonly labelled: boolean };

/**
 * Loads the images of a recipe and gives the task. Errors: `data` for a set without captions or without anything to evaluate on, `config` for
 * fields that are not there and batches that are too large, those of `openImages`, `loadImages` and {@link clipStart}.
 */
export async function imageSetClip(
  recipe: Pick<Recipe, 'variant' | 'from' | 'seed' | 'data' | 'batchSize'>,
  o: Options = {},
): Promise<Prepared> {
  const data = recipe.data as ImageSetData;
  const start = await clipStart(recipe, data.size, o);
  const fit = data.fit ?? start.fit;
  const { train, validation } = await bothSides(data, { size: start.size, fit }, o);
  const positives = data.positives ?? (train.labelled ? 'label' : null);
  const numbers = numberings(train, validation);
  const grouped = (p: Captioned, training: boolean): TrainingPairs => ({
    ...p,
    ...(positives === null ? {} : { positives: numbers(p, positives, 'data.positives') }),
    ...(data.distinct === null || !training ? {} : { distinct: numbers(p, data.distinct, 'data.distinct') }),
  });
  const { model: started, store } = start.parts(() => train.captions.flat(), data.vocabulary);
  const { mean, std } = started.pixels;
  const model = { ...started, pixels: { mean, std, ...(fit === 'crop' ? {} : { fit }) } }; // the checkpoint says what it saw
  const { shift, augment } = data;
  const parts = { ...model, train: grouped(train, true), shift, ...(augment ? { augment } : {}) };
  const task = clipTask(validation ? { ...parts, validation: grouped(validation, false) } : parts);
  const skipped = [...train.skipped, ...(validation?.skipped ?? [])];
  o.say?.(summary(train, validation, skipped));
  return {
    task: withBenchmarks(task, model, validation ? benchmarksOf(train, validation, data) : []),
    data: { train: train.count, validation: validation?.count ?? 0, skipped },
    ...(store ? { store } : {}),
  };
}

async function bothSides(
  data: ImageSetData,
  shape: { readonly size: number; readonly fit: SquareFit },
  o: Options,
): Promise<{ train: Captioned; validation: Captioned | undefined }> {
  const { path, validation: held, seed, limit } = data;
  const workers = Math.min(8, availableParallelism());
  const common = { ...shape, seed, workers, signal: o.signal, onProgress: o.onProgress };
  const options = { format: data.format ?? undefined, captions: data.captions ?? undefined };
  const set = await openImages(path, options);
  const division = typeof held === 'number' && held > 0 ? { validation: held, splitBy: data.splitBy ?? undefined } : {};
  const split = 'validation' in division ? 'train' : 'all';
  const train = captioned(await loadImages(set, { ...common, ...division, split, limit: limit ?? undefined }), data);
  if (held === 0) return { train, validation: undefined };
  const rest = { ...common, ...division, limit: data.gallery };
  const validationSet =
    typeof held === 'number'
      ? captioned(await heldOut(set, { ...rest, split: 'validation' }), data)
      : captioned(await loadImages(await openImages(held, options), rest), { ...data, path: held });
  const order = new Rng(seed).split('validation').shuffle(validationSet.ids.map((_, i) => i)); // sets are often sorted by class, batches must not be
  return { train, validation: { ...validationSet, ...picked(validationSet, order) } };
}

/** The held-out side of a set. A small set may have nothing there, which is reported with ways out. */
async function heldOut(set: ImageSet, o: LoadImagesOptions): Promise<LoadedImages> {
  try {
    return await loadImages(set, o);
  } catch (e) {
    if (!(e instanceof BowError) || !e.message.startsWith('no image can be read for validation')) throw e;
    if (Number(e.detail['skipped']) > 0) throw e; // some are, and none of them can be read
    throw new BowError('data', `none of the images is held out at a share of ${o.validation}`, {
      place: set.path,
      hint: 'a larger share (--validation 0.3), a path of other images, or 0 for no evaluation',
      cause: e,
    });
  }
}

/** Images without a caption get those made from their class's name; what has neither is left out. */
function captioned(p: LoadedImages, data: ImageSetData): Captioned {
  const captions = p.captions.map((own, i) => {
    const label = p.labels[i];
    return own.length > 0 || label === undefined ? own : data.templates.map((t) => t.replaceAll('{}', spoken(label)));
  });
  const kept = captions.flatMap((list, i) => (list.length > 0 ? [i] : []));
  const skipped = captions.flatMap((list, i) => (list.length > 0 ? [] : [{ place: p.ids[i]!, reason: 'no caption' }]));
  if (kept.length === 0)
    throw new BowError('data', 'no image has a caption or a class', {
      place: data.path,
      hint: 'metadata.jsonl or metadata.csv with a column "text", .txt files beside the images, or a folder for each class',
    });
  if (new Set(kept.map((i) => captions[i]!.join('\n'))).size < 2)
    throw new BowError('data', 'all images have the same text: there is nothing to distinguish', {
      place: data.path,
    });
  const labelled = kept.every((i) => p.captions[i]!.length === 0);
  if (skipped.length === 0) return { ...p, captions, labelled };
  return { ...picked({ ...p, captions }, kept), labelled, skipped: [...p.skipped, ...skipped] };
}

/** The images of these rows. */
function picked(p: LoadedImages, rows: readonly number[]): LoadedImages {
  const bytes = 3 * p.size * p.size;
  const pixels = new Uint8Array(rows.length * bytes);
  rows.forEach((from, to) => {
    pixels.set(p.pixels.subarray(from * bytes, (from + 1) * bytes), to * bytes);
  });
  const pick = <T>(list: readonly T[]): T[] => rows.map((i) => list[i]!);
  return {
    ...{ size: p.size, count: rows.length, pixels, skipped: p.skipped },
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

/** Retrieval where images have captions of their own; naming classes where all have labels. */
function benchmarksOf(train: Captioned, validation: Captioned, data: ImageSetData): Benchmark[] {
  const classes = classesOf(train, validation);
  const naming = classes.length > 1 && validation.labels.every((l) => l !== undefined);
  const test = memoryTest(validation);
  return [
    ...(validation.labelled ? [] : [imageRetrieval('validation', 'validation', test)]),
    ...(naming
      ? [named('zero_shot', labelZeroShot('classes', 'classes', test, { classes, templates: data.templates }))]
      : []),
    ...(data.distinct !== null && !validation.labelled ? [allNames(test, train, validation)] : []),
  ];
}

/** Which of all known names is in the image? Among the plainest captions of both sides. */
function allNames(test: ImageTest, train: Captioned, validation: Captioned): Benchmark {
  const names = [...new Set([...train.captions, ...validation.captions].map((own) => own[0]!))].sort();
  const place = new Map(names.map((name, i) => [name, i]));
  return {
    id: 'names',
    title: 'naming images among all names',
    headline: 'image_to_name_R@1',
    chance: 1 / names.length,
    run: async (system, o) => {
      if (!can(system, 'encodeText') || !can(system, 'encodeImages')) return undefined;
      const found = similarities(await test.encode(system, o), await system.encodeText(names, o));
      return retrievalMetrics('image_to_name', found, (row) => [place.get(validation.captions[row]![0]!)!]);
    },
  };
}

/** The benchmark with its metrics under `<name>_…`. */
function named(name: string, benchmark: Benchmark): Benchmark {
  return {
    ...benchmark,
    headline: `${name}_${benchmark.headline}`,
    run: async (system, o) => {
      const metrics = await benchmark.run(system, o);
      return metrics && Object.fromEntries(Object.entries(metrics).map(([key, x]) => [`${name}_${key}`, x]));
    },
  };
}

function summary(train: Captioned, validation: Captioned | undefined, skipped: readonly SkippedImage[]): string {
  const counts = `${train.count} images to train on, ${validation?.count ?? 0} to evaluate on`;
  const lines = skipped.slice(0, 3).map(({ place, reason }) => `\n  left out: ${place}: ${reason}`);
  const more = skipped.length > 3 ? `\n  and ${skipped.length - 3} more` : '';
  return `${counts}${skipped.length > 0 ? `, ${skipped.length} left out` : ''}${lines.join('')}${more}`;
}
