/** Benchmarks on images with captions or labels: everything a set supports, for every system that can do it. */

import { can, type DenseVectors, type Vectors } from '../capabilities/index.ts';
import type { ImageTextPairs } from '../data/index.ts';
import { type ImageTest, memoryTest } from './image-test.ts';
import type { Benchmark } from './ladder.ts';
import { fitProbe, probeAccuracy } from './linear-probe.ts';
import { retrievalMetrics, similarities, transpose } from './retrieval.ts';
import { classVectors, type Templates, zeroShotMetrics } from './zero-shot.ts';

/** What a person might type to find image `i`: its second caption, where there is one. */
export function queryOf(pairs: Pick<ImageTextPairs, 'captions'>, i: number): string {
  const captions = pairs.captions[i]!;
  return captions[1] ?? captions[0]!;
}

/** Captions and the image that each describes. */
type Queries = { readonly texts: readonly string[]; readonly of: readonly number[] };

/** Which captions are queries: of each image one ({@link queryOf}), all, or all but the first. */
export type QueryChoice = 'one' | 'all' | 'rest';

function queriesOf(captions: ImageTextPairs['captions'], choice: QueryChoice): Queries {
  const chosen = captions.flatMap((list, i) => {
    const one = list.length === 0 ? [] : [queryOf({ captions }, i)];
    return (choice === 'one' ? one : list.slice(choice === 'rest' ? 1 : 0)).map((text) => ({ text, i }));
  });
  return { texts: chosen.map((c) => c.text), of: chosen.map((c) => c.i) };
}

/** Caption → caption retrieval: a caption finds its image among the plain descriptions of all; no image is encoded. */
export function descriptionRetrieval(
  id: string,
  title: string,
  pairs: Pick<ImageTextPairs, 'captions'>,
  o: { readonly queries?: QueryChoice } = {},
): Benchmark {
  const { texts, of } = queriesOf(pairs.captions, o.queries ?? 'one');
  const described = pairs.captions.flatMap((c, i) => (c.length > 0 ? [i] : []));
  const place = new Map(described.map((i, at) => [i, at]));
  return {
    id,
    title,
    headline: 'text_to_description_R@1',
    chance: 1 / described.length,
    run: async (system, call) => {
      if (!can(system, 'encodeText')) return undefined;
      const found = await system.encodeText(texts, call);
      const gallery = await system.encodeText(
        described.map((i) => pairs.captions[i]![0]!),
        call,
      );
      return retrievalMetrics('text_to_description', similarities(found, gallery), (row) => place.get(of[row]!)!);
    },
  };
}

/** Text ↔ image retrieval: a caption finds its image among all, and an image any of its captions, without descriptions. */
export function imageRetrieval(
  id: string,
  title: string,
  pairs: ImageTextPairs | ImageTest,
  o: { readonly queries?: QueryChoice } = {},
): Benchmark {
  const test = 'encode' in pairs ? pairs : memoryTest(pairs);
  const { texts, of } = queriesOf(test.captions, o.queries ?? 'one');
  const said = test.captions.map((): number[] => []);
  of.forEach((image, text) => void said[image]!.push(text));
  const described = said.flatMap((own, i) => (own.length > 0 ? [i] : []));
  return {
    id,
    title,
    headline: 'text_to_image_R@1',
    chance: 1 / test.count,
    run: async (system, call) => {
      if (!can(system, 'encodeText', 'encodeImages')) return undefined;
      const s = similarities(await system.encodeText(texts, call), await test.encode(system, call));
      const back = transpose(s);
      const asked = { ...back, rows: described.length, data: rowsOf(back.data, back.columns, described) };
      return {
        ...retrievalMetrics('text_to_image', s, (row) => of[row]!),
        ...retrievalMetrics('image_to_text', asked, (row) => said[described[row]!]!),
      };
    },
  };
}

function rowsOf(data: Float64Array, columns: number, rows: readonly number[]): Float64Array {
  if (rows.length * columns === data.length) return data;
  const out = new Float64Array(rows.length * columns);
  rows.forEach((r, i) => void out.set(data.subarray(r * columns, (r + 1) * columns), i * columns));
  return out;
}

/** The images of a test that have a label, as rows. */
type LabelledRows = { readonly rows: readonly number[]; readonly labels: readonly string[] };

function labelledRows({ labels }: ImageTest): LabelledRows {
  const rows = labels.flatMap((l, i) => (l === undefined ? [] : [i]));
  return { rows, labels: rows.map((i) => labels[i]!) };
}

function denseRows(x: Vectors, rows: readonly number[]): DenseVectors | undefined {
  if ('indptr' in x) return undefined;
  const data = new Float32Array(rows.length * x.width);
  rows.forEach((r, i) => void data.set(x.data.subarray(r * x.width, (r + 1) * x.width), i * x.width));
  return { rows: rows.length, width: x.width, data };
}

/** The classes of images, in order. */
export function classesOf(...tests: readonly Pick<ImageTest, 'labels'>[]): string[] {
  return [...new Set(tests.flatMap((t) => t.labels.filter((l) => l !== undefined)))].sort();
}

/** A class as it is written in a prompt: `fire_truck` is a fire truck. */
export const spoken = (label: string): string => label.replace(/[_-]+/g, ' ').trim();

/** Which class is it, by prompts alone? `top1`, `top5`, and `top1_one_template` with the first template instead of the ensemble. */
export function labelZeroShot(
  id: string,
  title: string,
  test: ImageTest,
  o: { readonly classes: readonly string[]; readonly templates: Templates },
): Benchmark {
  const { classes, templates } = o;
  const { rows, labels } = labelledRows(test);
  const column = new Map(classes.map((c, i) => [c, i]));
  const label = (row: number): number => column.get(labels[row]!)!;
  return {
    id,
    title,
    headline: 'top1',
    chance: 1 / classes.length,
    run: async (system, call) => {
      if (!can(system, 'encodeText', 'encodeImages')) return undefined;
      const images = denseRows(await test.encode(system, call), rows);
      if (!images) return undefined;
      const by = async (t: Templates): Promise<{ top1: number; top5: number }> =>
        zeroShotMetrics(similarities(images, await classVectors(system, classes.map(spoken), t, call)), label);
      return { ...(await by(templates)), top1_one_template: (await by(templates.slice(0, 1))).top1 };
    },
  };
}

/** Which class is it, by a linear probe on the system's features of other images? `top1`, `train_top1`, the `c` that was chosen. */
export function labelProbe(id: string, title: string, train: ImageTest, test: ImageTest): Benchmark {
  const [fitted, evaluated] = [labelledRows(train), labelledRows(test)];
  return {
    id,
    title,
    headline: 'top1',
    chance: 1 / classesOf(train, test).length,
    run: async (system, call) => {
      if (!can(system, 'encodeImages')) return undefined;
      const x = denseRows(await train.encode(system, call), fitted.rows);
      const y = denseRows(await test.encode(system, call), evaluated.rows);
      if (!x || !y) return undefined;
      const learned = { x, labels: fitted.labels };
      const { model, c } = await fitProbe(learned, { signal: call.signal });
      return {
        top1: probeAccuracy(model, { x: y, labels: evaluated.labels }),
        train_top1: probeAccuracy(model, learned),
        c,
      };
    },
  };
}
