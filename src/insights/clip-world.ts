/** The small world of the CLIP insights: one or two plain objects of eight kinds in ten colours, seen at 48 pixels, and what is said about them. */
import { Rng, throwIfAborted } from '../base/index.ts';
import type { RgbImage } from '../capabilities/index.ts';
import type { ImageTextPairs } from '../data/index.ts';
import {
  colours as allColours,
  boxesOf,
  type Colour,
  createRenderer,
  isHeldOutPair,
  type Kind,
  modelOf,
  NOUNS,
  plainNoun,
  relationOf,
  type Scene,
  type SceneObject,
  sceneCamera,
  standing,
  themes,
  withArticle,
} from '../world/index.ts';

/** Shapes that can be distinguished at 48 pixels, if not easily; with the world's ten colours they make 80 classes. */
export const labKinds = ['cube', 'ball', 'star', 'ring', 'bowl', 'cup', 'bottle', 'hammer'] as const;

/** Ways to say what is in an image, all of which training texts use. */
export const seenTemplates = [
  'a photo of {}',
  'a picture of {}',
  'a rendering of {}',
  '{} on a table',
  'there is {}',
  'this is {}',
  'we see {}',
  '{}',
] as const;

/** Ways that no training text uses; most of their words are not even in the vocabulary and are read in pieces. */
export const unseenTemplates = [
  'an image of {}',
  'a snapshot of {}',
  'look at {}',
  'a drawing of {}',
  'here stands {}',
  'someone left {}',
  'a close view of {}',
  '{} in a scene',
] as const;

/** A class of the zero-shot tests. */
export type LookClass = { readonly colour: Colour; readonly kind: Kind; readonly heldOut: boolean };

/** All 80 pairs of colour and kind; one in ten is never shown in training. */
export const labClasses: readonly LookClass[] = labKinds.flatMap((kind) =>
  allColours.map((colour) => ({ colour, kind, heldOut: isHeldOutPair(colour, kind) })),
);

/** `a red cube`, by the plainest noun. */
export function className({ colour, kind }: Pick<LookClass, 'colour' | 'kind'>): string {
  return withArticle(`${colour} ${plainNoun(kind)}`);
}

/** Images with captions and the scenes behind them. */
export type LabPairs = ImageTextPairs & { readonly scenes: readonly Scene[] };

const look = (c: Pick<LookClass, 'colour' | 'kind'>): string => `${c.colour} ${c.kind}`;

/** One object, or two beside each other, turned and lit at random. */
function labScene(classes: readonly LookClass[], rng: Rng): Scene {
  const turned = (id: string, c: LookClass, x: number, y: number): SceneObject =>
    standing(id, c, { x, y, yaw: rng.uniform(-Math.PI, Math.PI) });
  const radius = (c: LookClass): number => modelOf(c.kind, 'medium').radius;
  const [a, b] = [classes[0]!, classes[1]];
  const objects: SceneObject[] = [];
  if (b) {
    const half = 0.5 * Math.max(0.075, radius(a) + radius(b) + rng.uniform(0.005, 0.03));
    const angle = rng.uniform(-Math.PI, Math.PI);
    const [x, y] = [half * Math.cos(angle), half * Math.sin(angle)];
    objects.push(turned('o1', a, x, y), turned('o2', b, -x, -y));
  } else objects.push(turned('o1', a, 0, 0));
  const light = { azimuth: rng.uniform(-2.4, -0.5), elevation: rng.uniform(0.85, 1.25) };
  return { objects, theme: rng.pick(themes), light };
}

/** What a scene holds, whatever is said about it: looks in a fixed order. */
export function contentOf(scene: Pick<Scene, 'objects'>): string {
  return scene.objects.map(look).sort().join(' + ');
}

/** Captions of a scene: the plainest first, then `count` − 1 with other words, orders and templates. */
export function labCaptions(scene: Scene, rng: Rng, count: number): string[] {
  const [a, b] = [scene.objects[0]!, scene.objects[1]];
  const plain = (o: SceneObject): string => className(o);
  const named = (o: SceneObject): string => withArticle(`${o.colour} ${rng.pick(NOUNS[o.kind].train)}`);
  const caption = (): string => {
    if (!b) return rng.pick(seenTemplates).replace('{}', named(a));
    const [first, second] = rng.float() < 0.5 ? [a, b] : [b, a];
    const relation = rng.float() < 0.7 ? relationOf(first, second) : undefined;
    return rng.pick(seenTemplates).replace('{}', `${named(first)} ${relation ?? 'and'} ${named(second)}`);
  };
  return [b ? `${plain(a)} and ${plain(b)}` : plain(a), ...Array.from({ length: count - 1 }, caption)];
}

/** What decides a set of images. */
export type LabPairsOptions = {
  readonly count: number;
  readonly size: number;
  readonly seed: string;
  /** Share of scenes with one object instead of two. */
  readonly solo?: number;
  /** No two scenes with the same content. */
  readonly distinct?: boolean;
  /** Scenes to show again, with the same content otherwise placed, turned and lit. */
  readonly like?: readonly Scene[];
  readonly signal?: AbortSignal | undefined;
};

/** Images of random scenes, half of them of two objects; pairs of colour and kind that are held out never occur. */
export function labPairs(o: LabPairsOptions): LabPairs {
  const { count, size, solo = 0.5 } = o;
  const rng = new Rng(o.seed);
  const seen = labClasses.filter((c) => !c.heldOut);
  const [pixels, contents] = [new Uint8Array(count * 3 * size * size), new Set<string>()];
  const [captions, scenes]: [string[][], Scene[]] = [[], []];
  const draw = labRenderer(size);
  for (let i = 0; scenes.length < count; i++) {
    throwIfAborted(o.signal, 'images of the small world');
    const own = rng.split(i);
    const again = o.like?.[scenes.length]?.objects as readonly LookClass[] | undefined;
    const classes = again ?? Array.from({ length: own.float() < solo ? 1 : 2 }, () => own.pick(seen));
    if (classes.length === 2 && look(classes[0]!) === look(classes[1]!)) continue;
    const shown = draw(() => labScene(classes, own), own);
    if (o.distinct && contents.has(contentOf(shown.scene))) continue;
    contents.add(contentOf(shown.scene));
    pixels.set(shown.rgb, scenes.length * 3 * size * size);
    scenes.push(shown.scene);
    captions.push(labCaptions(shown.scene, own, 5));
  }
  return { count, width: size, height: size, pixels, captions, scenes };
}

/** Renders scenes until one shows all its objects. */
function labRenderer(size: number): (make: () => Scene, rng: Rng) => { scene: Scene; rgb: Uint8Array } {
  const renderer = createRenderer();
  return (make, rng) => {
    for (;;) {
      const scene = make();
      const frame = renderer.render(scene, sceneCamera(scene, rng), { width: size, quality: 'fast' });
      if (boxesOf(frame, scene, Math.ceil(0.008 * size * size)).length === scene.objects.length)
        return { scene, rgb: frame.rgb };
    }
  };
}

/** Images of single objects with their classes. */
export type LabSolos = { readonly images: readonly RgbImage[]; readonly classes: readonly LookClass[] };

/** Every class `views` times, three times as often where its pair is held out: those are few. */
export function labSolos(o: { readonly views: number; readonly size: number; readonly seed: string }): LabSolos {
  const rng = new Rng(o.seed);
  const draw = labRenderer(o.size);
  const classes = labClasses.flatMap((c) => Array.from({ length: c.heldOut ? 3 * o.views : o.views }, () => c));
  const images = classes.map((c, i) => {
    const own = rng.split(i);
    return { width: o.size, height: o.size, data: draw(() => labScene([c], own), own).rgb };
  });
  return { images, classes };
}
