/** Naming what is in an image without having been trained to: classes as prompts. Radford et al. 2021, §3.1. */
import { BowError } from '../base/index.ts';
import type { CallOptions, DenseVectors, EncodesText } from '../capabilities/index.ts';
import { foundWithin, ranksOf, type Similarities, similarities } from './retrieval.ts';

/** A prompt for each class name: `{}` stands for the name. */
export type Templates = readonly string[];

/**
 * A unit vector for each class: every template's prompt encoded, normalised to unit length, averaged, and normalised again (§3.1.4;
 * OpenAI's notebook). Costs nothing when images are classified. Needs dense encodings.
 */
export async function classVectors(
  system: EncodesText,
  classes: readonly string[],
  templates: Templates,
  o: CallOptions = {},
): Promise<DenseVectors> {
  if (templates.length === 0) throw new BowError('usage', 'no template', { hint: "['a photo of {}']" });
  const prompts = classes.flatMap((name) => templates.map((t) => t.replace('{}', name)));
  const found = await system.encodeText(prompts, o);
  if ('indptr' in found) throw new BowError('usage', 'classes need dense vectors');
  const { width: d } = found;
  const data = new Float32Array(classes.length * d);
  classes.forEach((_, c) => {
    const row = data.subarray(c * d, (c + 1) * d);
    for (let t = 0; t < templates.length; t++) {
      const at = (c * templates.length + t) * d;
      const each = found.data.subarray(at, at + d);
      const length = Math.hypot(...each) || 1;
      for (let k = 0; k < d; k++) row[k]! += each[k]! / length;
    }
    const length = Math.hypot(...row) || 1;
    for (let k = 0; k < d; k++) row[k]! /= length;
  });
  return { rows: classes.length, width: d, data };
}

/** `top1` and `top5` of images (rows) among classes (columns); equal scores count as if in random order. */
export function zeroShotMetrics(s: Similarities, label: (row: number) => number): { top1: number; top5: number } {
  const ranks = ranksOf(s, label);
  const top = (k: number): number => ranks.reduce((sum, p) => sum + foundWithin(k, p), 0) / ranks.length;
  return { top1: top(1), top5: top(5) };
}

/** A class with the cosine of an image, and its probability among the classes asked for, where the system has a scale. */
export type NamedClass = { readonly label: string; readonly similarity: number; readonly probability?: number };

/** The classes of each image (a row of `images`), the likeliest first: softmax of scale · cosine over them all (§3.1.2, figure 1). */
export function nameClasses(
  images: DenseVectors,
  classes: DenseVectors,
  labels: readonly string[],
  scale?: number,
): NamedClass[][] {
  const s = similarities(images, classes);
  return Array.from({ length: s.rows }, (_, i) => {
    const row = s.data.subarray(i * s.columns, (i + 1) * s.columns);
    const most = Math.max(...row);
    const weights = row.map((x) => Math.exp((scale ?? 0) * (x - most)));
    const sum = weights.reduce((a, b) => a + b, 0);
    const named = labels.map((label, c) => ({
      label,
      similarity: row[c]!,
      ...(scale === undefined ? {} : { probability: weights[c]! / sum }),
    }));
    return named.sort((a, b) => b.similarity - a.similarity);
  });
}
