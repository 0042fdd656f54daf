/** Does it see which of two texts describes the image? The wrong one differs in a single respect. */
import { Rng } from '../../base/index.ts';
import { can, type RgbImage } from '../../capabilities/index.ts';
import {
  colours,
  describe,
  plainCaption,
  RELATION_PHRASES,
  relationOf,
  type Scene,
  type SceneObject,
  withArticle,
} from '../../world/index.ts';
import type { Benchmark } from '../ladder.ts';
import { besideBlind, imageOfScene, type Scenes, shareOf, sharesBy } from './shared.ts';

/** What the wrong text has wrong. */
export type FoilKind = 'colour' | 'shape' | 'swap' | 'relation';

/** An image, a text that is true of it, and one that is not. */
export type FoilItem = {
  readonly kind: FoilKind;
  readonly image: RgbImage;
  readonly right: string;
  readonly wrong: string;
};

const named = (o: SceneObject): string => withArticle(describe(o));

const opposite = {
  'left of': 'right of',
  'right of': 'left of',
  'in front of': 'behind',
  behind: 'in front of',
} as const;

/**
 * Up to four items a scene, as ARO (Yuksekgonul et al. 2023) and Winoground (Thrush et al. 2022) have them, but exact: another colour or shape that
 * the scene does not show; the colours of two things exchanged; a relation turned round. Right and wrong texts are drawn alike, so that words alone do not tell.
 */
export function foilItems(scenes: Scenes, seed: number | string = 0): FoilItem[] {
  const shapes = [...new Set(scenes.flatMap((s) => s.scene.objects.map((o) => o.kind)))].sort();
  return scenes.flatMap((sample) => {
    const rng = new Rng(`${seed}/foils/${sample.index}`);
    const { objects } = sample.scene;
    if (objects.length === 0) return [];
    const image = imageOfScene(sample);
    const right = plainCaption(objects);
    const item = (kind: FoilKind, changed: readonly SceneObject[]): FoilItem[] => {
      const wrong = plainCaption(changed);
      return wrong === right ? [] : [{ kind, image, right, wrong }];
    };
    const one = rng.pick(objects);
    const change = (to: Partial<SceneObject>): SceneObject[] => objects.map((o) => (o === one ? { ...o, ...to } : o));
    const otherColours = colours.filter((c) => !objects.some((o) => o.colour === c));
    const otherShapes = shapes.filter((k) => !objects.some((o) => o.kind === k));
    return [
      ...(otherColours.length > 0 ? item('colour', change({ colour: rng.pick(otherColours) })) : []),
      ...(otherShapes.length > 0 ? item('shape', change({ kind: rng.pick(otherShapes) })) : []),
      ...item('swap', exchanged(objects)),
      ...turned(sample.scene).map((texts) => ({ kind: 'relation' as const, image, ...texts })),
    ];
  });
}

/** The first two things that differ in colour and in kind, with each other's colour. */
export function exchanged(objects: readonly SceneObject[]): readonly SceneObject[] {
  const pair = objects.flatMap((a, i) =>
    objects.slice(i + 1).flatMap((b) => (a.colour !== b.colour && a.kind !== b.kind ? [[a, b] as const] : [])),
  )[0];
  if (!pair) return objects;
  const [a, b] = pair;
  return objects.map((o) => (o === a ? { ...o, colour: b.colour } : o === b ? { ...o, colour: a.colour } : o));
}

/** The first clear direction between two things that have different names, and its opposite. */
function turned({ objects }: Scene): { readonly right: string; readonly wrong: string }[] {
  for (const a of objects)
    for (const b of objects) {
      const relation = a === b || named(a) === named(b) ? undefined : relationOf(a, b);
      if (relation === undefined || !(relation in opposite)) continue;
      const say = (r: keyof typeof RELATION_PHRASES): string => `${named(a)} ${RELATION_PHRASES[r][0]} ${named(b)}`;
      return [{ right: say(relation), wrong: say(opposite[relation as keyof typeof opposite]) }];
    }
  return [];
}

/** Of each two texts the one that scores higher is taken; equal scores count half. `match_accuracy`, `match_<kind>`, `blind_*`. */
export function matching(id: string, title: string, scenes: Scenes, o: { seed?: number | string } = {}): Benchmark {
  const items = foilItems(scenes, o.seed);
  return {
    id,
    title,
    headline: 'match_accuracy',
    chance: 0.5,
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'scorePairs')) return undefined;
      return await besideBlind(async (see) => {
        const pairs = items.flatMap(({ image, right, wrong }) =>
          [right, wrong].map((text) => ({ text, image: see(image) })),
        );
        const scores = await system.scorePairs(pairs, call);
        const hits = items.map((_, i) => {
          const [right, wrong] = [scores[2 * i]!, scores[2 * i + 1]!];
          return right > wrong ? 1 : right === wrong ? 0.5 : 0;
        });
        return { ...shareOf('match_accuracy', hits), ...sharesBy('match', items, hits, (x) => x.kind) };
      });
    },
  };
}
