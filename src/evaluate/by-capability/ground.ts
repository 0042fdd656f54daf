/** Does it find what a phrase means? */
import { type Box, can } from '../../capabilities/index.ts';
import type { Benchmark } from '../ladder.ts';
import { besideBlind, imageOfScene, mean, type Scenes, shareOf } from './shared.ts';

/** Area in common over area in all (intersection over union) of two boxes. */
export function overlap(a: Box, b: Box): number {
  const side = (p: number, n: number, q: number, m: number): number =>
    Math.max(0, Math.min(p + n, q + m) - Math.max(p, q));
  const common = side(a.x, a.width, b.x, b.width) * side(a.y, a.height, b.y, b.height);
  const all = a.width * a.height + b.width * b.height - common;
  return all > 0 ? common / all : 0;
}

/**
 * Referring expressions in scenes of several things; a hit overlaps the thing's box by half or more (RefCOCO's measure). `ground_accuracy`,
 * `ground_mean_iou`, `ground_pointing` (the box's middle lies on the thing's box), `blind_*`. Chance is taking any of the things that are there, with a perfect box.
 */
export function grounding(id: string, title: string, scenes: Scenes): Benchmark {
  const asked = scenes.flatMap((s) =>
    s.boxes.length < 2
      ? []
      : s.references.flatMap(({ phrase, objectId }) => {
          const target = s.boxes.find((b) => b.id === objectId);
          return target ? [{ text: phrase, image: imageOfScene(s), target, boxes: s.boxes }] : [];
        }),
  );
  const guess = asked.map(({ target, boxes }) => mean(boxes.map((b) => (overlap(b, target) >= 0.5 ? 1 : 0))));
  return {
    id,
    title,
    headline: 'ground_accuracy',
    chance: mean(guess),
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'ground')) return undefined;
      return await besideBlind(async (see) => {
        const found = await system.ground(
          asked.map(({ text, image }) => ({ text, image: see(image) })),
          call,
        );
        const ious = asked.map(({ target }, i) => (found[i]?.[0] ? overlap(found[i][0], target) : 0));
        const pointed = asked.map(({ target: t }, i) => {
          const b = found[i]?.[0];
          if (!b) return 0;
          const [x, y] = [b.x + b.width / 2, b.y + b.height / 2];
          return x >= t.x && x <= t.x + t.width && y >= t.y && y <= t.y + t.height ? 1 : 0;
        });
        const hits = ious.map((iou) => (iou >= 0.5 ? 1 : 0));
        return { ...shareOf('ground_accuracy', hits), ground_mean_iou: mean(ious), ground_pointing: mean(pointed) };
      });
    },
  };
}
