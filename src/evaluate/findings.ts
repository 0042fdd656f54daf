/** What a system finds and how it names things, as rows of images for a report. */

import { type CallOptions, can, type OpenSystem } from '../capabilities/index.ts';
import { imageOf } from '../data/index.ts';
import { classesOf, queryOf, spoken } from './image-benchmarks.ts';
import type { ImageTest } from './image-test.ts';
import type { Finding } from './report.ts';
import { similarities } from './retrieval.ts';
import { classVectors, type Templates } from './zero-shot.ts';

/** The columns of a row from the largest value down. */
function best(row: Float64Array, count: number): number[] {
  return [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, count);
}

/** Some images of a test, spread over it. */
function spread(from: readonly number[], count: number): number[] {
  const n = Math.min(count, from.length);
  return Array.from({ length: n }, (_, i) => from[Math.floor((i * from.length) / n)]!);
}

/** Captions of some images of a test, and the six images nearest to each. Empty for a system that cannot. */
export async function searchFindings(
  system: OpenSystem,
  test: ImageTest,
  o: CallOptions & { readonly count?: number } = {},
): Promise<Finding[]> {
  if (!can(system, 'encodeText', 'encodeImages')) return [];
  const described = test.captions.flatMap((c, i) => (c.length > 0 ? [i] : []));
  const asked = spread(described, o.count ?? 8);
  if (asked.length === 0) return [];
  const texts = asked.map((i) => queryOf(test, i));
  const s = similarities(await system.encodeText(texts, o), await test.encode(system, o));
  return asked.map((own, q) => {
    const row = s.data.subarray(q * s.columns, (q + 1) * s.columns);
    const shown = best(row, 6).map((i) => ({
      image: imageOf(test.small, i),
      note: row[i]!.toFixed(3),
      right: i === own,
    }));
    return { title: texts[q]!, images: shown };
  });
}

/** Some images of a test with the class that the system names first. Empty for a system that cannot, and without classes. */
export async function namingFindings(
  system: OpenSystem,
  test: ImageTest,
  templates: Templates,
  o: CallOptions & { readonly count?: number } = {},
): Promise<Finding[]> {
  const classes = classesOf(test);
  if (!can(system, 'encodeText', 'encodeImages') || classes.length < 2) return [];
  const images = await test.encode(system, o);
  if ('indptr' in images) return [];
  const s = similarities(images, await classVectors(system, classes.map(spoken), templates, o));
  const asked = spread(
    test.labels.flatMap((l, i) => (l === undefined ? [] : [i])),
    o.count ?? 16,
  );
  const shown = asked.map((i) => {
    const [first] = best(s.data.subarray(i * s.columns, (i + 1) * s.columns), 1);
    return {
      image: imageOf(test.small, i),
      note: spoken(classes[first!]!),
      right: classes[first!] === test.labels[i],
    };
  });
  return [{ title: 'zero-shot classification; a green frame where it is correct', images: shown }];
}
