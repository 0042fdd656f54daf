/** Drawings to images: a WebDataset folder of every concept in every style, some styles and some concepts kept for validation. */
import { join } from 'node:path';
import { type OnProgress, throwIfAborted } from '../../../base/index.ts';
import { writeFileAtomic } from '../../../base/node/index.ts';
import { type WebSample, writeWebDataset } from '../webdataset.ts';
import { type IconConcept, readConcepts } from './concepts.ts';
import { creditsPage } from './credits.ts';
import { heldOutThings, thingsToTrain } from './held-out.ts';
import { checkOptions } from './icon-options.ts';
import { iconStyles, namesPackage } from './icon-styles.ts';
import { type IconSet, readIconSet } from './iconify.ts';
import { matchIcons } from './match-icons.ts';
import { type FetchPackagesOptions, fetchPackages } from './npm-packages.ts';
import { type SvgRenderer, svgRenderer } from './svg-renderer.ts';

export type IconOptions = FetchPackagesOptions & {
  /** Width and height of the images in pixels. */
  readonly size?: number | undefined;
  /** Styles to train on, by name in {@link iconStyles}; default all that are not for validation. */
  readonly styles?: readonly string[] | undefined;
  /** Styles that go to the validation folder alone; default `emojione-v1`. */
  readonly validation?: readonly string[] | undefined;
  /**
   * The share of the things, chosen by a hash of their ids, that the training folder does not show; the validation folder shows all. Default 0.2, and 0
   * without validation styles.
   */
  readonly heldOut?: number | undefined;
};

/** A drawing that could not be rendered. */
type Skipped = { readonly place: string; readonly reason: string };

/** What was written. */
export type IconReport = {
  readonly folder: string;
  /** Files of images to train on, and of the held-out styles. */
  readonly train: readonly string[];
  readonly validation: readonly string[];
  /** Images by style. */
  readonly styles: Readonly<Record<string, number>>;
  readonly concepts: number;
  /** Concepts of the validation images that no training image shows: held out, or drawn in the validation styles alone. */
  readonly unseen: number;
  readonly skipped: readonly Skipped[];
};

/** One style with the drawings of concepts: concept id → name in the set. */
type Style = { readonly name: string; readonly set: IconSet; readonly drawings: ReadonlyMap<string, string> };

/** What the samples of all styles share, and what is counted on the way. */
type Work = {
  readonly size: number;
  readonly render: SvgRenderer;
  readonly counts: Record<string, number>;
  readonly skipped: Skipped[];
  readonly total: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: OnProgress | undefined;
};

/**
 * Writes `<folder>/train`, `<folder>/validation` and `<folder>/LICENCES.md`. Samples are `png` (RGB on white) and `json` {caption, keywords,
 * group, subgroup, style, concept, licence}. Equal packages, options and versions of sharp give equal bytes. A drawing that cannot be rendered is
 * counted and left out. Errors: `download` when packages are missing and unavailable, `usage` for wrong options, `backend` without sharp.
 */
export async function renderIcons(folder: string, o: IconOptions): Promise<IconReport> {
  const { size, training, validation, heldOut } = checkOptions(o);
  const render = await svgRenderer();
  const { concepts, styles } = await readStyles(o);
  const [seen, held] = [training, validation].map((names) => styles.filter((s) => names.includes(s.name))) as [
    Style[],
    Style[],
  ];
  const trained = thingsToTrain(concepts, heldOutThings(concepts, heldOut));
  const total = drawnIn(seen, trained).length + drawnIn(held, concepts).length;
  const { signal, onProgress } = o;
  const work: Work = { size, render, counts: {}, skipped: [], total, signal, onProgress };
  const write = (part: string, of: readonly Style[], things: readonly IconConcept[]): Promise<string[]> =>
    writeWebDataset(join(folder, part), samples(of, things, work), { prefix: 'icons' });
  const train = await write('train', seen, trained);
  const rest = await write('validation', held, concepts);
  await writeFileAtomic(join(folder, 'LICENCES.md'), creditsPage([...seen, ...held].map((s) => s.set.credit)));
  const [known, asked] = [new Set(drawnIn(seen, trained)), new Set(drawnIn(held, concepts))];
  return {
    folder,
    train,
    validation: rest,
    styles: work.counts,
    concepts: new Set([...known, ...asked]).size,
    unseen: [...asked].filter((id) => !known.has(id)).length,
    skipped: work.skipped,
  };
}

/** All styles: names are matched across the sets, so the result of one does not depend on which are asked for. */
async function readStyles(o: IconOptions): Promise<{ concepts: IconConcept[]; styles: Style[] }> {
  const names = Object.keys(iconStyles);
  const [about, ...folders] = await fetchPackages([namesPackage, ...Object.values(iconStyles)], o);
  const concepts = await readConcepts(about!);
  const sets = await Promise.all(names.map((name, i) => readIconSet(name, folders[i]!)));
  const matches = matchIcons(sets, concepts);
  return { concepts, styles: names.map((name, i) => ({ name, set: sets[i]!, drawings: matches[i]! })) };
}

/** Ids of the things that styles draw, once for every drawing. */
const drawnIn = (styles: readonly Style[], things: readonly IconConcept[]): string[] =>
  styles.flatMap((s) => things.flatMap(({ id }) => (s.drawings.has(id) ? [id] : [])));

const ATONCE = 16; // sharp renders on threads of its own

async function* samples(styles: readonly Style[], things: readonly IconConcept[], w: Work): AsyncGenerator<WebSample> {
  for (const style of styles) {
    const drawn = things.filter((c) => style.drawings.has(c.id));
    w.counts[style.name] = 0;
    for (let at = 0; at < drawn.length; at += ATONCE) {
      throwIfAborted(w.signal, style.name);
      const part = await Promise.all(drawn.slice(at, at + ATONCE).map((c) => sample(style, c, w)));
      for (const s of part) {
        if (s) yield s;
        if (s) w.counts[style.name]!++;
      }
      const done = Object.values(w.counts).reduce((a, b) => a + b, 0) + w.skipped.length;
      w.onProgress?.({ task: 'icons', done, total: w.total, unit: 'images' });
    }
  }
}

async function sample({ name: style, set, drawings }: Style, c: IconConcept, w: Work): Promise<WebSample | undefined> {
  const name = drawings.get(c.id)!;
  const { id: concept, caption, keywords, group, subgroup } = c;
  try {
    const png = await w.render(set.svg(name, w.size), w.size);
    const about = { caption, keywords, group, subgroup, style, concept, licence: set.credit.licence };
    return { key: `${style}-${concept}`, parts: { png, json: new TextEncoder().encode(JSON.stringify(about)) } };
  } catch (e) {
    w.skipped.push({ place: `${style}/${name}`, reason: (e as Error).message });
    return undefined;
  }
}
