/**
 * Images of random scenes with captions, boxes, questions and referring expressions. Sample `i` of a split depends on the seed, the split and
 * `i` alone, so that workers can share the work and a data set can be read from any place.
 */
import { BowError, Rng, throwIfAborted } from '../base/index.ts';
import { caption, captionsOf } from './language/captions.ts';
import { referringExpressions } from './language/phrases.ts';
import { type Question, questionsOf } from './language/questions.ts';
import { type Camera, framing } from './render/camera.ts';
import { boxesOf, createRenderer, type Frame, type ObjectBox, type Quality, type Renderer } from './render/frame.ts';
import { sampleScene } from './sample.ts';
import { modelOfObject, type Scene } from './scene.ts';
import { type Split, splits } from './vocabulary.ts';

export type CaptionSampleOptions = {
  seed?: number | string;
  split?: Split;
  /** Width and height in pixels. */
  size?: number;
  quality?: Quality;
  /** Scenes of one object alone: where shapes and colours are learned from. */
  single?: boolean;
};

/** One image with everything that can be said about it. */
export type CaptionSample = {
  readonly index: number;
  readonly width: number;
  readonly height: number;
  /** height × width × 3, 0 to 255. */
  readonly image: Uint8Array;
  readonly caption: string;
  /** Up to five captions; the first lists the objects plainly. */
  readonly captions: readonly string[];
  readonly scene: Scene;
  readonly boxes: readonly ObjectBox[];
  readonly questions: readonly Question[];
  /** Phrases that pick out one object each. */
  readonly references: readonly { readonly phrase: string; readonly objectId: string }[];
};

const LEAST_PIXELS = 0.0035; // share of the image that every object must show

/** A camera that looks at all objects of a scene from the viewer's side, a little varied. */
export function sceneCamera(scene: Scene, rng: Rng): Camera {
  const spheres = scene.objects.map((o) => ({ at: o.pose.pos, radius: modelOfObject(o).radius }));
  return framing(spheres, {
    azimuth: -Math.PI / 2 + rng.uniform(-0.2, 0.2),
    elevation: rng.uniform(0.62, 1.12),
    fovy: 32,
    margin: rng.uniform(0.02, 0.16),
    least: 0.075,
  });
}

function allVisible(frame: Frame, scene: Scene): ObjectBox[] | undefined {
  const boxes = boxesOf(frame, scene);
  const least = Math.max(5, LEAST_PIXELS * frame.width * frame.height);
  return boxes.length === scene.objects.length && boxes.every((b) => b.visible >= least) ? boxes : undefined;
}

/** Sample number `index`; `renderer` may be shared by many calls. Scenes in which an object is hidden are drawn again. */
export function captionSample(
  index: number,
  o: CaptionSampleOptions = {},
  renderer: Renderer = createRenderer(),
): CaptionSample {
  const { seed = 0, split = 'train', size = 64, quality = 'standard', single = false } = o;
  if (!splits.includes(split))
    throw new BowError('usage', `no split "${split}"`, { hint: `splits: ${splits.join(', ')}` });
  const rng = new Rng(`${seed}/captions/${split}`).split(index);
  for (let attempt = 0; ; attempt++) {
    const scene = sampleScene(rng, split, single ? 'single' : undefined);
    const frame = renderer.render(scene, sceneCamera(scene, rng), { width: size, quality });
    const boxes = allVisible(frame, scene);
    if (!boxes && attempt < 20) continue;
    const shown = boxes ?? boxesOf(frame, scene);
    return {
      index,
      width: size,
      height: size,
      image: frame.rgb,
      caption: caption(scene, rng),
      captions: captionsOf(scene, rng, 5),
      scene,
      boxes: shown,
      questions: questionsOf({ scene, boxes: shown, width: size }, rng, 5),
      references: scene.objects.flatMap((x) => {
        const phrases = referringExpressions(x, scene);
        return phrases.length ? [{ phrase: rng.pick(phrases), objectId: x.id }] : [];
      }),
    };
  }
}

/** Samples `start` to `start + count − 1` in order, made in this thread; see `world/node` for several threads. */
export async function* captionSamples(
  o: CaptionSampleOptions & { count: number; start?: number; signal?: AbortSignal },
): AsyncGenerator<CaptionSample> {
  const renderer = createRenderer();
  const start = o.start ?? 0;
  for (let i = start; i < start + o.count; i++) {
    throwIfAborted(o.signal, 'caption samples');
    yield captionSample(i, o, renderer);
  }
}
