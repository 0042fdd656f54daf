/** Benchmarks of text and images on the tabletop: retrieving scenes by captions, naming colour and shape. */
import { Rng } from '../base/index.ts';
import { can, type RgbImage } from '../capabilities/index.ts';
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
import { similarities } from './retrieval.ts';
import { classVectors, type Templates, zeroShotMetrics } from './zero-shot.ts';

/** Ways to say a class; the captions' own. */
export const tabletopTemplates: Templates = [
  'a photo of {}',
  'a picture of {}',
  'a rendering of {}',
  '{} on a table',
  'there is {}',
  '{}',
];

/** One image of a single object, with what it is. */
export type SoloImage = {
  readonly image: RgbImage;
  readonly colour: Colour;
  readonly kind: Kind;
  /** A colour and shape that no training image shows together. */
  readonly heldOut: boolean;
};

/** One image for every colour and shape: plain, of medium size, turned at random. */
export function soloImages(o: { readonly size: number; readonly seed?: number; readonly limit?: number }): SoloImage[] {
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
    return { image: { width: o.size, height: o.size, data: frame.rgb }, colour, kind, heldOut };
  });
}

/** Which colour and shape is it? Among all pairs, by prompts alone: `top1`, `top5`, parts of it, and one template instead of the ensemble. */
export function colourShapeZeroShot(id: string, title: string, solo: readonly SoloImage[]): Benchmark {
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
      if (!can(system, 'encodeText', 'encodeImages')) return undefined;
      const images = await system.encodeImages(
        solo.map((x) => x.image),
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
