/** The MuJoCo model of a scene's structure: which kinds in which sizes, and which tool. Colours, poses and names of objects are not in it. */
import { modelOf } from '../catalogue.ts';
import type { Geom, Solid } from '../geometry.ts';
import { atan2, compose, cos, type Pose, quatAbout, quatMul, quatYaw, sin, tan, type Vec3 } from '../math.ts';
import type { MovingPart, ObjectModel } from '../object-model.ts';
import type { Kind, Size } from '../vocabulary.ts';
import { armJoints, type Link, robotLinks, type Tool } from './robot.ts';

/** Kind and size of the object in each slot of a model. */
export type Slot = { readonly kind: Kind; readonly size: Size };

export const TIMESTEP = 0.002;
const SHELL_PIECES = 12;

const num = (x: number): string => String(Math.round(x * 1e7) / 1e7);
const list = (v: readonly number[]): string => v.map(num).join(' ');

/** Attributes of a solid for MJCF; prisms and shells are cut into convex pieces first. */
function solidXml(s: Solid): string {
  switch (s.solid) {
    case 'box':
    case 'ellipsoid':
      return `type="${s.solid}" size="${list(s.size)}"`;
    case 'sphere':
      return `type="sphere" size="${num(s.radius)}"`;
    case 'capsule':
    case 'cylinder':
      return `type="${s.solid}" size="${num(s.radius)} ${num(s.half)}"`;
    default:
      throw new TypeError(`${s.solid} is not a MuJoCo solid`);
  }
}

/** A convex piece: solid and local pose, or a triangle of a prism given by its corners. */
type Piece = { readonly xml: string; readonly pose: Pose; readonly share: number };

/** A hollow frustum as a ring of boxes that lean with its wall. */
function shellPieces(g: Geom & { solid: 'shell' }): Piece[] {
  const lean = (g.top - g.bottom) / (2 * g.half);
  const slope = quatAbout([0, 1, 0], atan2(lean, 1));
  const middle = (g.top + g.bottom) / 2 - g.wall / 2;
  const tangent = middle * tan(Math.PI / SHELL_PIECES) + 0.001;
  const tall = g.half * Math.sqrt(1 + lean * lean) - 0.3 * g.wall * Math.abs(lean);
  return Array.from({ length: SHELL_PIECES }, (_, i) => {
    const a = (2 * Math.PI * i) / SHELL_PIECES;
    return {
      xml: `type="box" size="${list([g.wall / 2, tangent, tall])}"`,
      pose: { pos: [middle * cos(a), middle * sin(a), 0] as Vec3, quat: quatMul(quatYaw(a), slope) },
      share: 1 / SHELL_PIECES,
    };
  });
}

/** Ear clipping of a simple counter-clockwise polygon into triangles of x y pairs. */
export function triangulate(polygon: readonly number[]): number[][] {
  const at = (i: number): [number, number] => [polygon[2 * i]!, polygon[2 * i + 1]!];
  const left = Array.from({ length: polygon.length / 2 }, (_, i) => i);
  const area = (a: number[], b: number[], c: number[]) =>
    (b[0]! - a[0]!) * (c[1]! - a[1]!) - (b[1]! - a[1]!) * (c[0]! - a[0]!);
  const out: number[][] = [];
  while (left.length > 3) {
    const k = left.findIndex((_, i) => {
      const a = at(left.at(i - 1)!);
      const b = at(left[i]!);
      const c = at(left[(i + 1) % left.length]!);
      if (area(a, b, c) <= 1e-12) return false;
      return !left.some((p) => {
        const x = at(p);
        if ([a, b, c].some((v) => v[0] === x[0] && v[1] === x[1])) return false;
        return area(a, b, x) >= -1e-12 && area(b, c, x) >= -1e-12 && area(c, a, x) >= -1e-12;
      });
    });
    if (k < 0) throw new TypeError('the polygon is not simple');
    out.push([left.at(k - 1)!, left[k]!, left[(k + 1) % left.length]!].flatMap(at));
    left.splice(k, 1);
  }
  out.push(left.flatMap(at));
  return out;
}

/** Collects the meshes that prisms need. */
type Assets = { readonly meshes: string[] };

function prismPieces(g: Geom & { solid: 'prism' }, assets: Assets): Piece[] {
  const convex = g.polygon.length === 6 ? [[...g.polygon]] : triangulate(g.polygon);
  return convex.map((corners) => {
    const name = `mesh${assets.meshes.length}`;
    const vertices: number[] = [];
    for (let i = 0; i < corners.length; i += 2) {
      for (const z of [-g.half, g.half]) vertices.push(corners[i]!, corners[i + 1]!, z);
    }
    assets.meshes.push(`<mesh name="${name}" vertex="${list(vertices)}"/>`);
    return {
      xml: `type="mesh" mesh="${name}"`,
      pose: { pos: [0, 0, 0], quat: [1, 0, 0, 0] },
      share: 1 / convex.length,
    };
  });
}

function geomXml(g: Geom, mass: number, attributes: string, assets: Assets): string {
  if (!g.collides) return '';
  const own: Pose = { pos: g.pos, quat: g.quat };
  const pieces: Piece[] =
    g.solid === 'shell'
      ? shellPieces(g)
      : g.solid === 'prism'
        ? prismPieces(g, assets)
        : [{ xml: solidXml(g), pose: { pos: [0, 0, 0], quat: [1, 0, 0, 0] }, share: 1 }];
  return pieces
    .map((p) => {
      const pose = compose(own, p.pose);
      return `<geom ${p.xml} pos="${list(pose.pos)}" quat="${list(pose.quat)}" mass="${num(mass * p.share)}" ${attributes}/>`;
    })
    .join('');
}

function geomsXml(geoms: readonly Geom[], mass: number, attributes: string, assets: Assets): string {
  const total = geoms.reduce((s, g) => s + (g.collides ? g.weight : 0), 0);
  return geoms.map((g) => geomXml(g, (mass * g.weight) / total, attributes, assets)).join('');
}

function movingXml(m: MovingPart, slot: number, attributes: string, assets: Assets): string {
  const spring = m.spring > 0 ? `stiffness="${m.spring}" springref="${num(m.range[0])}"` : '';
  return (
    `<body name="m${slot}" pos="${list(m.pos)}"${m.joint === 'slide' ? ' gravcomp="1"' : ''}>` +
    `<joint name="d${slot}" type="${m.joint}" axis="${list(m.axis)}" range="${list(m.range)}" damping="${m.damping}" ` +
    `frictionloss="${m.friction}" ${spring}/>${geomsXml(m.geoms, 0.3, attributes, assets)}</body>`
  );
}

/** Rolling things stop by rolling friction; the rest slide and spin as usual. */
function frictionOf(kind: Kind, model: ObjectModel): string {
  if (kind === 'bead') return 'condim="3"'; // many, and always caught by something
  if (!model.steady) return 'condim="6" friction="1 0.01 0.003"';
  return kind === 'hammer' || kind === 'brush' ? 'friction="1.2 0.02 0.0005"' : '';
}

/** Beads spin down by damping, which is cheaper than rolling friction in every one of their many contacts. */
function freeJoint(kind: Kind, i: number): string {
  return kind === 'bead' ? `<joint name="j${i}" type="free" damping="0.00002"/>` : `<freejoint name="j${i}"/>`;
}

function bodyXml(slot: Slot, i: number, fixedPose: Pose | undefined, assets: Assets): string {
  const model = modelOf(slot.kind, slot.size);
  const attributes = frictionOf(slot.kind, model);
  const geoms = geomsXml(model.geoms, model.mass, attributes, assets);
  const moving = model.moving ? movingXml(model.moving, i, attributes, assets) : '';
  if (fixedPose)
    return `<body name="o${i}" pos="${list(fixedPose.pos)}" quat="${list(fixedPose.quat)}">${geoms}${moving}</body>`;
  // waits beside the table until a reset places it
  return `<body name="o${i}" pos="${num(1 + 0.3 * i)} 1 0">${freeJoint(slot.kind, i)}${geoms}</body>`;
}

function linkXml(link: Link, links: readonly Link[], assets: Assets): string {
  const j = link.joint;
  const joint = j
    ? `<joint name="${link.name}" class="${j.strength}" type="${j.type}" axis="${list(j.axis)}" range="${list(j.range)}"/>`
    : '';
  // DIFFERS from a real arm: links before the wrist do not collide; the waypoints keep them above the objects
  const touches = link.name === 'hand' || link.name === 'pitch' || j?.strength === 'finger';
  const attributes = `class="${j?.strength ?? 'arm'}"${touches ? '' : ' contype="0" conaffinity="0"'}`;
  const mass = link.geoms.reduce((s, g) => s + g.weight, 0);
  const children = links.filter((c) => c.parent === link.name).map((c) => linkXml(c, links, assets));
  return (
    `<body name="${link.name}" pos="${list(link.pos)}" quat="${list(link.quat)}" gravcomp="1">${joint}` +
    `${geomsXml(link.geoms, mass, attributes, assets)}${children.join('')}</body>`
  );
}

const DEFAULTS = `<default>
<geom friction="1 0.01 0.0005" solref="0.005 1" condim="4"/>
<default class="arm"><joint damping="1" armature="0.05"/><geom friction="0.5 0.01 0.0005" condim="3"/><position kp="1200" dampratio="1" forcerange="-160 160"/></default>
<default class="wrist"><joint damping="0.3" armature="0.01"/><geom friction="0.5 0.01 0.0005" condim="3"/><position kp="300" dampratio="1" forcerange="-50 50"/></default>
<default class="finger"><joint damping="5" armature="0.05"/><geom friction="2 0.05 0.001" condim="4" solref="0.004 1" priority="1"/><position kp="1200" kv="30" forcerange="-40 40"/></default>
</default>`;

/** Complete MJCF for the objects in the slots and a robot with a tool. Fixed objects stand at `fixedPoses`. */
export function mjcf(slots: readonly Slot[], tool: Tool, fixedPoses: readonly (Pose | undefined)[]): string {
  const assets: Assets = { meshes: [] };
  const links = robotLinks(tool);
  const bodies = slots.map((s, i) => bodyXml(s, i, fixedPoses[i], assets)).join('\n');
  const robot = linkXml(links[0]!, links, assets);
  const free = slots.flatMap((s, i) => (modelOf(s.kind, s.size).fixed ? [] : [i]));
  const welds = free.map(
    (i) => `<weld name="w${i}" body1="hand" body2="o${i}" active="false" solref="0.008 1" solimp="0.95 0.99 0.001"/>`,
  );
  const excludes = slots.flatMap((s, i) =>
    modelOf(s.kind, s.size).moving ? [`<exclude body1="o${i}" body2="m${i}"/>`] : [],
  );
  const fingers = tool === 'gripper' ? ['left finger', 'right finger'] : [];
  const strength = (j: string) => (j === 'pitch' || j === 'hand' ? 'wrist' : 'arm');
  const actuators = [
    ...armJoints.map((j) => `<position name="${j}" class="${strength(j)}" joint="${j}" inheritrange="1"/>`),
    ...fingers.map((j) => `<position name="${j}" class="finger" joint="${j}" inheritrange="1"/>`),
  ];
  return `<mujoco model="tabletop"><size memory="12M"/><compiler angle="radian" autolimits="true"/>
<option timestep="${TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="10"/>
${DEFAULTS}
<asset>${assets.meshes.join('')}</asset>
<worldbody>
<geom name="table" type="box" size="0.46 0.44 0.02" pos="0 0.12 -0.02"/>
<geom name="floor" type="plane" size="4 4 0.1" pos="0 0 -0.72"/>
${robot}
${bodies}
</worldbody>
<contact>${excludes.join('')}</contact>
<equality>${welds.join('')}</equality>
<actuator>${actuators.join('')}</actuator>
</mujoco>`;
}
