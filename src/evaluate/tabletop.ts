/** Tasks of words and pictures on the tabletop: finding scenes by sentences, naming colour and shape. */
import { Rng } from '../base/index.ts';
import { type PicturePairs, pictureOf } from '../data/index.ts';
import { can, type RgbPicture } from '../systems/index.ts';
import {
  type Colour,
  createRenderer,
  type Kind,
  lookPairs,
  plainNoun,
  sceneCamera,
  soloScene,
  themes,
  withArticle,
} from '../world/index.ts';
import type { Benchmark } from './ladder.ts';
import { exchanged, retrievalMetrics, similarities } from './retrieval.ts';
import { classVectors, type Templates, zeroShotMetrics } from './zero-shot.ts';

/** What a person might type to find picture `i`: the second sentence about it, where there is one. */
export function queryOf(pairs: PicturePairs, i: number): string {
  const captions = pairs.captions[i]!;
  return captions[1] ?? captions[0]!;
}

const queries = (pairs: PicturePairs): string[] => pairs.captions.map((_, i) => queryOf(pairs, i));

/** All pictures of a set, as systems take them. */
export function picturesOf(pairs: PicturePairs): RgbPicture[] {
  return pairs.captions.map((_, i) => pictureOf(pairs, i));
}

/** A sentence looks for its scene among the plain descriptions of all: no picture is looked at. */
export function descriptionRetrieval(id: string, title: string, pairs: PicturePairs): Benchmark {
  return {
    id,
    title,
    headline: 'text_to_description_R@1',
    chance: 1 / pairs.count,
    run: async (system, o) => {
      if (!can(system, 'encodeText')) return undefined;
      const found = await system.encodeText(queries(pairs), o);
      const gallery = await system.encodeText(
        pairs.captions.map((c) => c[0]!),
        o,
      );
      return retrievalMetrics('text_to_description', similarities(found, gallery));
    },
  };
}

/** A sentence looks for its picture among all, and a picture for its sentence: nobody has described the pictures. */
export function pictureRetrieval(id: string, title: string, pairs: PicturePairs): Benchmark {
  return {
    id,
    title,
    headline: 'text_to_image_R@1',
    chance: 1 / pairs.count,
    run: async (system, o) => {
      if (!can(system, 'encodeText') || !can(system, 'encodeImages')) return undefined;
      const s = similarities(
        await system.encodeText(queries(pairs), o),
        await system.encodeImages(picturesOf(pairs), o),
      );
      return { ...retrievalMetrics('text_to_image', s), ...retrievalMetrics('image_to_text', exchanged(s)) };
    },
  };
}

/** Ways to say a class; the captions' own. */
export const tabletopTemplates: Templates = [
  'a photo of {}',
  'a picture of {}',
  'a rendering of {}',
  '{} on a table',
  'there is {}',
  '{}',
];

/** One picture of a single object, with what it is. */
export type SoloPicture = {
  readonly picture: RgbPicture;
  readonly colour: Colour;
  readonly kind: Kind;
  /** A colour and shape that no training picture shows together. */
  readonly heldOut: boolean;
};

/** One picture for every colour and shape: plain, of medium size, turned at random. */
export function soloPictures(o: {
  readonly size: number;
  readonly seed?: number;
  readonly limit?: number;
}): SoloPicture[] {
  const rng = new Rng(`${o.seed ?? 0}/solo`);
  const renderer = createRenderer();
  const pairs = rng.split('order').shuffle(lookPairs());
  return pairs.slice(0, o.limit ?? pairs.length).map(({ colour, kind, heldOut }) => {
    const scene = soloScene(
      { kind, colour, pattern: 'plain', size: 'medium' },
      rng.uniform(-Math.PI, Math.PI),
      rng.pick(themes),
    );
    const frame = renderer.render(scene, sceneCamera(scene, rng), { width: o.size, quality: 'fast' });
    return { picture: { width: o.size, height: o.size, data: frame.rgb }, colour, kind, heldOut };
  });
}

/** Which colour and shape is it? Among all pairs, by sentences alone: `top1`, `top5`, parts of it, and one template instead of the ensemble. */
export function colourShapeZeroShot(id: string, title: string, solo: readonly SoloPicture[]): Benchmark {
  const classes = lookPairs().map((c) => ({ ...c, text: withArticle(`${c.colour} ${plainNoun(c.kind)}`) }));
  const names = classes.map((c) => c.text);
  const label = (i: number): number =>
    classes.findIndex((c) => c.colour === solo[i]!.colour && c.kind === solo[i]!.kind);
  return {
    id,
    title,
    headline: 'top1',
    chance: 1 / classes.length,
    run: async (system, o) => {
      if (!can(system, 'encodeText') || !can(system, 'encodeImages')) return undefined;
      const images = await system.encodeImages(
        solo.map((x) => x.picture),
        o,
      );
      if ('indptr' in images) return undefined;
      const s = similarities(images, await classVectors(system, names, tabletopTemplates, o));
      const single = similarities(images, await classVectors(system, names, tabletopTemplates.slice(0, 1), o));
      const best = solo.map((_, i) => classes[bestColumn(s.data.subarray(i * s.columns, (i + 1) * s.columns))]!);
      const share = (hit: (i: number) => boolean, of = (_: number) => true): number => {
        const rows = solo.map((_, i) => i).filter(of);
        return rows.length === 0 ? 0 : rows.filter(hit).length / rows.length;
      };
      const right = (i: number): boolean => best[i]!.colour === solo[i]!.colour && best[i]!.kind === solo[i]!.kind;
      return {
        ...zeroShotMetrics(s, label),
        top1_one_template: zeroShotMetrics(single, label).top1,
        top1_unseen_pairs: share(right, (i) => solo[i]!.heldOut),
        colour_accuracy: share((i) => best[i]!.colour === solo[i]!.colour),
        shape_accuracy: share((i) => best[i]!.kind === solo[i]!.kind),
      };
    },
  };
}

function bestColumn(row: Float64Array): number {
  return row.reduce((best, x, j) => (x > row[best]! ? j : best), 0);
}
