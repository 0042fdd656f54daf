/** Random scenes for images and language. Poses are computed, not simulated, so a scene costs microseconds. */
import { BowError, type Rng } from '../base/index.ts';
import { modelOf } from './catalogue.ts';
import { length, quatYaw, type Vec3 } from './math.ts';
import { modelOfObject, type Scene, type SceneObject, standing, themes } from './scene.ts';
import {
  blockKinds,
  type Colour,
  colours,
  householdKinds,
  isHeldOutPair,
  type Kind,
  kinds,
  type Pattern,
  patterns,
  receptacleKinds,
  type Size,
  type Split,
  toolKinds,
} from './vocabulary.ts';

/** What an object looks like, without a place. */
export type LookSpec = { readonly kind: Kind; readonly colour: Colour; readonly pattern: Pattern; readonly size: Size };

/** A kind as often as scenes show it. */
export function randomKind(rng: Rng): Kind {
  const u = rng.float();
  if (u < 0.46) return rng.pick(blockKinds);
  if (u < 0.76) return rng.pick(householdKinds);
  if (u < 0.93) return rng.pick(receptacleKinds);
  return rng.pick(toolKinds);
}

/** A look allowed in a split: training and validation avoid the held-out pairs. `heldOut` asks for a held-out pair. */
export function randomLook(rng: Rng, o: { kind?: Kind; heldOut?: boolean } = {}): LookSpec {
  const kind = o.kind ?? randomKind(rng);
  const allowed = colours.filter((c) => isHeldOutPair(c, kind) === (o.heldOut ?? false));
  const pattern = rng.float() < 0.62 ? 'plain' : rng.pick(patterns.slice(1));
  const size = rng.float() < 0.6 ? 'medium' : rng.pick(['small', 'large'] as const);
  return { kind, colour: rng.pick(allowed), pattern, size };
}

/** Random places for objects of given radii in a rectangle, `gap` apart; undefined when they do not fit after many tries. */
export function scatter(
  rng: Rng,
  radii: readonly number[],
  area: { x0: number; x1: number; y0: number; y1: number },
  gap: number,
  taken: readonly { readonly x: number; readonly y: number; readonly radius: number }[] = [],
): { x: number; y: number }[] | undefined {
  for (let attempt = 0; attempt < 30; attempt++) {
    const placed = taken.map((t) => ({ ...t }));
    for (const radius of radii) {
      for (let k = 0; k < 40; k++) {
        const x = rng.uniform(area.x0, area.x1);
        const y = rng.uniform(area.y0, area.y1);
        if (placed.every((p) => length(p.x - x, p.y - y) > p.radius + radius + gap)) {
          placed.push({ x, y, radius });
          break;
        }
      }
    }
    if (placed.length === radii.length + taken.length) return placed.slice(taken.length).map(({ x, y }) => ({ x, y }));
  }
  return undefined;
}

/** Puts `a` (a look) into or onto `b`. */
function restingOn(id: string, a: LookSpec, b: SceneObject, rng: Rng): SceneObject {
  const m = modelOfObject(b);
  const height = m.cavity ? m.cavity.floor : m.top;
  const at: Vec3 = [b.pose.pos[0], b.pose.pos[1], b.pose.pos[2] + height];
  return standing(id, a, { x: at[0], y: at[1], z: at[2], yaw: rng.uniform(-Math.PI, Math.PI) });
}

/** How the objects of a scene stand to each other. */
export type Layout = 'single' | 'pair' | 'in' | 'on' | 'group' | 'count';

function randomLayout(rng: Rng): Layout {
  const u = rng.float();
  if (u < 0.24) return 'single';
  if (u < 0.52) return 'pair';
  if (u < 0.66) return 'in';
  if (u < 0.77) return 'on';
  return u < 0.94 ? 'group' : 'count';
}

/** Looks that differ pairwise in kind or colour, so that each can be named. */
function distinctLooks(rng: Rng, n: number, first: LookSpec): LookSpec[] {
  const looks = [first];
  while (looks.length < n) {
    const next = randomLook(rng);
    if (!looks.some((l) => l.kind === next.kind && l.colour === next.colour)) looks.push(next);
  }
  return looks;
}

/** What lies in bowls, on plates and on trays; what carries another thing, and what rests on it. */
export const holdable = [...blockKinds, 'apple', 'key'] as const;
export const stackable = ['cube', 'cylinder', 'can', 'sponge'] as const;
export const restable = ['cube', 'cylinder', 'triangle', 'star', 'apple'] as const;

function baseLooks(layout: Layout, rng: Rng, heldOut: boolean): { looks: LookSpec[]; held?: LookSpec } {
  const first = randomLook(rng, { heldOut });
  const small = (l: LookSpec): LookSpec => ({ ...l, size: l.size === 'large' ? 'medium' : l.size });
  switch (layout) {
    case 'single':
      return { looks: [first] };
    case 'pair':
      return { looks: distinctLooks(rng, 2, first) };
    case 'in':
      return {
        looks: [randomLook(rng, { kind: rng.pick(receptacleKinds) })],
        held: small(randomLook(rng, { kind: rng.pick(holdable), heldOut })),
      };
    case 'on':
      return {
        looks: [randomLook(rng, { kind: rng.pick(stackable), heldOut })],
        held: small(randomLook(rng, { kind: rng.pick(restable) })),
      };
    case 'group':
      return { looks: distinctLooks(rng, 3 + rng.int(2), first) };
    case 'count':
      return { looks: Array.from({ length: 2 + rng.int(3) }, () => first) };
  }
}

/** One attempt at a scene; undefined when its objects do not fit the table. */
function tryScene(rng: Rng, split: Split, layout?: Layout): Scene | undefined {
  const { looks, held } = baseLooks(layout ?? randomLayout(rng), rng, split === 'held-out');
  const reach = looks.length <= 2 ? 0.11 : 0.16;
  const radii = looks.map((l) => modelOf(l.kind, l.size).radius);
  const positions = scatter(rng, radii, { x0: -reach, x1: reach, y0: -0.8 * reach, y1: 0.8 * reach }, 0.008);
  if (!positions) return undefined;
  const objects = looks.map((l, i) =>
    standing(`o${i + 1}`, l, { ...positions[i]!, yaw: rng.uniform(-Math.PI, Math.PI) }),
  );
  if (held) objects.push(restingOn(`o${objects.length + 1}`, held, objects[0]!, rng));
  const light = { azimuth: rng.uniform(-2.4, -0.5), elevation: rng.uniform(0.85, 1.25) };
  return { objects: rng.shuffle(objects), theme: rng.pick(themes), light };
}

/**
 * A random scene of one to five objects for images and language. `held-out` scenes have at least one colour–kind pair that no training scene
 * has; `validation` scenes are like training scenes and must be drawn from another stream. `layout`: of all scenes; default: drawn.
 */
export function sampleScene(rng: Rng, split: Split = 'train', layout?: Layout): Scene {
  for (let attempt = 0; attempt < 50; attempt++) {
    const scene = tryScene(rng, split, layout);
    if (scene) return scene;
  }
  throw new BowError('data', 'no scene fits the table after 50 tries');
}

/** A look on which `kinds` are complete, for enumerating colour × kind. */
export function soloScene(look: LookSpec, yawAngle: number, theme: Scene['theme'] = 'oak'): Scene {
  const o = standing('o1', look, { x: 0, y: 0 });
  return {
    objects: [{ ...o, pose: { pos: o.pose.pos, quat: quatYaw(yawAngle) } }],
    theme,
    light: { azimuth: -0.91, elevation: 1.03 },
  };
}

/** All colour–kind pairs of movable objects, for zero-shot tests. */
export function lookPairs(): { colour: Colour; kind: Kind; heldOut: boolean }[] {
  const movable = kinds.filter((k) => !modelOf(k, 'medium').fixed);
  return movable.flatMap((kind) => colours.map((colour) => ({ colour, kind, heldOut: isHeldOutPair(colour, kind) })));
}
