/** Counting what the records of a set say, one after another. */
import { BowError } from '../base/index.ts';
import type { ImageRecord, SkippedImage } from './images.ts';
import { splitOf } from './split.ts';

/** Smallest, middle and largest of some numbers. */
export type Spread = { readonly min: number; readonly median: number; readonly max: number };
/** A value and how often it comes. */
export type Counted = { readonly value: string; readonly count: number };
/** One further field: images that have it, different values (counted up to 10,000), the most frequent ones. */
export type FieldCounts = {
  readonly name: string;
  readonly pictures: number;
  readonly distinct: number;
  readonly top: readonly Counted[];
};

export type ImageCounts = {
  /** Records of the set, and how many of them are images that can be read. */
  readonly pictures: number;
  readonly readable: number;
  readonly captions: { readonly pictures: number; readonly total: number; readonly examples: readonly string[] };
  /** Classes, the largest first. */
  readonly labels: readonly Counted[];
  readonly fields: readonly FieldCounts[];
  /** In pixels, upright; absent when nothing can be read. */
  readonly width?: Spread;
  readonly height?: Spread;
  readonly split: { readonly train: number; readonly validation: number };
  readonly skipped: readonly SkippedImage[];
};

/** What became of a record: its size in pixels, or why it cannot be read. */
type Outcome = { readonly width: number; readonly height: number } | { readonly reason: string };
type SplitChoice = {
  readonly validation?: number | undefined;
  readonly splitBy?: string | undefined;
  readonly seed?: number | undefined;
};

const mostValues = 10_000;

type Field = { pictures: number; readonly values: Map<string, number> };

/** Counts records as they come; `report` at any time. Images that cannot be read, and ids that come again, count as skipped only. */
export function imageCounter(o: SplitChoice): {
  add(record: ImageRecord, outcome: Outcome): void;
  report(): ImageCounts;
} {
  const ids = new Set<string>();
  const skipped: SkippedImage[] = [];
  const [widths, heights]: [number[], number[]] = [[], []];
  const labels = new Map<string, number>();
  const fields = new Map<string, Field>();
  const split = { train: 0, validation: 0 };
  const captions = { pictures: 0, total: 0, examples: [] as string[] };
  const add = (record: ImageRecord, outcome: Outcome): void => {
    const found: Outcome = ids.has(record.id) ? { reason: `duplicate id "${record.id}"` } : outcome;
    ids.add(record.id);
    if ('reason' in found) {
      skipped.push({ place: record.place, reason: found.reason });
      return;
    }
    widths.push(found.width);
    heights.push(found.height);
    split[splitOf(splitKey(record, o.splitBy), o)]++;
    countCaptions(captions, record.captions);
    if (record.label !== undefined) countUp(labels, record.label);
    for (const [name, value] of Object.entries(record.fields)) countField(fields, name, String(value));
  };
  const report = (): ImageCounts => ({
    pictures: widths.length + skipped.length,
    readable: widths.length,
    captions,
    labels: largest(labels, mostValues),
    fields: [...fields].map(([name, f]) => fieldCounts(name, f)),
    ...(widths.length > 0 ? { width: spread(widths), height: spread(heights) } : {}),
    split,
    skipped,
  });
  return { add, report };
}

function countCaptions(
  counts: { pictures: number; total: number; examples: string[] },
  captions: readonly string[],
): void {
  if (captions.length > 0) counts.pictures++;
  counts.total += captions.length;
  if (counts.examples.length < 3 && captions[0] !== undefined) counts.examples.push(captions[0]);
}

function countField(fields: Map<string, Field>, name: string, value: string): void {
  const field = fields.get(name) ?? { pictures: 0, values: new Map<string, number>() };
  fields.set(name, field);
  field.pictures++;
  countUp(field.values, value);
}

function fieldCounts(name: string, f: Field): FieldCounts {
  return { name, pictures: f.pictures, distinct: f.values.size, top: largest(f.values, 5) };
}

/** A field to divide by that no image has: every image would go its own way, and what belongs together be torn apart. */
export function noField(name: string, place: string, known: readonly string[]): BowError {
  return new BowError('data', `no image has the field "${name}"`, { place, detail: { fields: known } });
}

/** What decides the side of an image: the value of a field, else its id. */
export function splitKey(record: ImageRecord, splitBy: string | undefined): string {
  const value = splitBy === undefined ? undefined : record.fields[splitBy];
  return value === undefined ? record.id : String(value);
}

function countUp(counts: Map<string, number>, value: string): void {
  if (counts.size < mostValues || counts.has(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
}

function largest(counts: ReadonlyMap<string, number>, n: number): Counted[] {
  const all = [...counts].map(([value, count]) => ({ value, count }));
  return all.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)).slice(0, n);
}

function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, max: sorted[sorted.length - 1]! };
}
