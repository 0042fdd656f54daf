/** What a session is shown: the images it asked for, boxes without a hint in their order, and what the hand feels. */
import { BowError, type Rng } from '../../base/index.ts';
import type { Pixels } from '../../image/index.ts';
import { cos, sin } from '../math.ts';
import { cameraByName } from '../render/camera.ts';
import { boxesOf, createRenderer, type ObjectBox, type Quality, type Renderer } from '../render/frame.ts';
import type { View } from '../sessions.ts';
import { toolYaw } from './motion.ts';
import type { Simulation } from './simulation.ts';

/** Names of the numbers of {@link handState}. */
export const STATE_NAMES = ['x', 'y', 'z', 'cos_yaw', 'sin_yaw', 'opening', 'held'] as const;

/** What the robot feels: tip x y z (metres), cosine and sine of its heading, half opening of the fingers (metres), 1 when something is held. */
export function handState(sim: Simulation): number[] {
  const hand = sim.hand();
  const yaw = toolYaw(hand.tip.quat);
  return [...hand.tip.pos, cos(yaw), sin(yaw), hand.opening, hand.held === undefined ? 0 : 1];
}

const standard: readonly View[] = [{ camera: 'oblique', size: 64 }];

/** The images of views and the boxes in them. */
export type Sight = { readonly images: readonly Pixels[]; readonly boxes: readonly (readonly ObjectBox[])[] };

/**
 * Draws what views see now. Boxes come in an order drawn anew for every look, since the order of a scene's objects would betray what was placed
 * first. An unknown camera is a `usage` error, and so is a size that cannot be drawn.
 */
export function sightOf(
  sim: Simulation,
  views: readonly View[] = standard,
  o: { readonly rng: Rng; readonly renderer?: Renderer; readonly quality?: Quality },
): Sight {
  const renderer = o.renderer ?? createRenderer();
  const seen = views.map(({ camera, size, hideArm }) => {
    if (!(Number.isInteger(size) && size >= 8 && size <= 512))
      throw new BowError('usage', `a view of ${size} pixels; sizes are whole numbers from 8 to 512`);
    const scene = sim.scene();
    const frame = renderer.render(scene, cameraByName(camera), {
      width: size,
      quality: o.quality ?? 'fast',
      ...(hideArm ? {} : { extras: sim.robot() }),
    });
    const image: Pixels = { width: frame.width, height: frame.height, data: frame.rgb };
    return { image, boxes: o.rng.shuffle([...boxesOf(frame, scene)]) };
  });
  return { images: seen.map((s) => s.image), boxes: seen.map((s) => s.boxes) };
}
