/**
 * The skills as data: their words, when they may be used, and which ones a scene offers. Planners speak these; `physics/perform.ts` does them with
 * the arm, `symbolic-simulator.ts` symbolically. A skill never repairs its own pre-condition.
 */
import { BowError, unknownName } from '../base/index.ts';
import type { WorldState } from './goals.ts';
import { describe, referringExpressions } from './language/phrases.ts';
import { isClear, isIn, isOn, openness, type RegionName, regionNames } from './relations.ts';
import { modelOfObject, objectById, type Scene, type SceneObject } from './scene.ts';

/** One member per name, so that checking a name narrows the call. */
type Call<Name extends string, Fields> = Name extends string ? { readonly skill: Name } & Fields : never;

/** One call of a skill; objects by id. */
export type SkillCall =
  | Call<'find' | 'touch' | 'pick up' | 'open' | 'close' | 'press', { readonly a: string }>
  | Call<
      'put in' | 'put on' | 'put near' | 'push to' | 'hammer' | 'pour' | 'insert',
      { readonly a: string; readonly b: string }
    >
  | Call<'push', { readonly a: string; readonly region: RegionName }>
  | Call<'place at', { readonly a: string; readonly x: number; readonly y: number; readonly yaw?: number }>
  | Call<'sweep', { readonly a: string; readonly items: readonly string[]; readonly region: RegionName }>
  | Call<'put down' | 'done', unknown>;

/** How a skill ended. */
export type SkillResult = {
  readonly status: 'ok' | 'precondition_failed' | 'execution_failed';
  /** Why it did not succeed. */
  readonly reason: string;
};

export const OK: SkillResult = { status: 'ok', reason: '' };

/** Why a skill cannot be started now, or undefined. */
export function obstacle(call: SkillCall, s: WorldState): string | undefined {
  if (call.skill === 'done') return undefined;
  if (call.skill === 'put down') return s.held ? undefined : 'the hand is empty';
  const a = objectById(s.scene, call.a);
  switch (call.skill) {
    case 'find':
      return undefined;
    case 'pick up':
      return pickObstacle(a, s);
    case 'put in':
    case 'put on':
    case 'put near':
    case 'place at':
      return putObstacle(call, a, s);
    case 'open':
    case 'close':
      return doorObstacle(call.skill, a, s);
    case 'hammer':
    case 'pour':
    case 'insert':
    case 'sweep':
      return s.held === call.a ? undefined : `the hand does not hold the ${a.kind}`;
    case 'press':
      if (a.kind !== 'button') return `the ${a.kind} is not a button`;
      return s.held ? 'the hand is full' : undefined;
    case 'push':
    case 'push to':
      if (modelOfObject(a).fixed) return `the ${a.kind} is fixed`;
      return s.held ? 'the hand is full' : undefined;
    case 'touch':
      return s.held ? 'the hand is full' : undefined;
  }
}

function pickObstacle(a: SceneObject, s: WorldState): string | undefined {
  if (s.held) return 'the hand is full';
  if (modelOfObject(a).fixed) return `the ${a.kind} is fixed`;
  if (!isClear(a, s.scene)) return `something is on the ${a.kind}`;
  if (shutIn(a, s.scene)) return `the ${a.kind} is out of reach inside something closed`;
  return undefined;
}

/** In a drawer or cabinet that is less than 80 % open. */
function shutIn(a: SceneObject, scene: Scene): boolean {
  return scene.objects.some((b) => isContainerWithDoor(b) && isIn(a, b) && openness(b) < 0.8);
}

/** Drawers and cabinets must be open to be used. */
export function isContainerWithDoor(o: SceneObject): boolean {
  return o.kind === 'drawer' || o.kind === 'cabinet';
}

function putObstacle(
  call: Extract<SkillCall, { skill: 'put in' | 'put on' | 'put near' | 'place at' }>,
  a: SceneObject,
  s: WorldState,
): string | undefined {
  if (s.held !== call.a) return `the hand does not hold the ${a.kind}`;
  if (call.skill === 'place at') return undefined;
  const b = objectById(s.scene, call.b);
  if (call.a === call.b) return 'an object cannot be put onto itself';
  const m = modelOfObject(b);
  if (call.skill === 'put in') {
    if (!m.cavity) return `the ${b.kind} holds nothing`;
    if (isContainerWithDoor(b) && openness(b) < 0.8) return `the ${b.kind} is closed`;
    const room = b.kind === 'tray' ? 6 : b.kind === 'cup' || b.kind === 'socket' ? 1 : 3;
    if (s.scene.objects.filter((o) => o.id !== a.id && isIn(o, b)).length >= room) return `the ${b.kind} is full`;
  }
  if (call.skill === 'put on') {
    if (m.platform === 0) return `the ${b.kind} has no flat top`;
    if (s.scene.objects.some((o) => o.id !== a.id && isOn(o, b))) return `something is on the ${b.kind}`;
  }
  return undefined;
}

function doorObstacle(skill: 'open' | 'close', a: SceneObject, s: WorldState): string | undefined {
  if (!isContainerWithDoor(a)) return `the ${a.kind} cannot be opened or closed`;
  if (s.held) return 'the hand is full';
  const open = openness(a);
  if (skill === 'open' ? open >= 0.8 : open <= 0.1) {
    return `the ${a.kind} is ${skill === 'open' ? 'open' : 'closed'} already`;
  }
  return undefined;
}

/** A phrase that singles the object out in the scene, with `the`. */
export function nameOf(id: string, scene: Scene): string {
  const o = objectById(scene, id);
  return referringExpressions(o, scene)[0] ?? `the ${describe(o)}`;
}

/** The canonical wording of a call. */
export function skillText(call: SkillCall, scene: Scene): string {
  const name = (id: string) => nameOf(id, scene);
  switch (call.skill) {
    case 'done':
    case 'put down':
      return call.skill;
    case 'put in':
      return `put ${name(call.a)} in ${name(call.b)}`;
    case 'put on':
      return `put ${name(call.a)} on ${name(call.b)}`;
    case 'put near':
      return `put ${name(call.a)} next to ${name(call.b)}`;
    case 'push to':
      return `push ${name(call.a)} to ${name(call.b)}`;
    case 'push':
      return `push ${name(call.a)} to the ${call.region}`;
    case 'place at': {
      const turn = call.yaw === undefined ? '' : ` turned ${call.yaw.toFixed(2)}`;
      return `place ${name(call.a)} at ${call.x.toFixed(3)} ${call.y.toFixed(3)}${turn}`;
    }
    case 'hammer':
      return `hammer ${name(call.b)} with ${name(call.a)}`;
    case 'pour':
      return `pour from ${name(call.a)} into ${name(call.b)}`;
    case 'insert':
      return `insert ${name(call.a)} into ${name(call.b)}`;
    case 'sweep':
      return `sweep ${call.items.map(name).join(' and ')} to the ${call.region} with ${name(call.a)}`;
    default:
      return `${call.skill} ${name(call.a)}`;
  }
}

/**
 * Every call that a scene offers, feasible now or not, `done` last: the admissible actions of a planner. Only `place at` (its numbers are no words)
 * and `sweep` of some of several items are left out.
 */
export function groundedSkills(scene: Scene): SkillCall[] {
  const out: SkillCall[] = [];
  const movable = scene.objects.filter((o) => !modelOfObject(o).fixed);
  for (const a of scene.objects) out.push({ skill: 'find', a: a.id }, { skill: 'touch', a: a.id });
  for (const a of movable) {
    out.push({ skill: 'pick up', a: a.id });
    for (const b of scene.objects) if (a.id !== b.id) out.push(...ontoSkills(a, b));
    for (const region of regionNames) out.push({ skill: 'push', a: a.id, region });
    out.push(...toolSkills(a, scene));
  }
  for (const f of scene.objects) {
    if (isContainerWithDoor(f)) out.push({ skill: 'open', a: f.id }, { skill: 'close', a: f.id });
    if (f.kind === 'button') out.push({ skill: 'press', a: f.id });
  }
  out.push({ skill: 'put down' }, { skill: 'done' });
  return out;
}

/** What can be done with one thing and another. */
function ontoSkills(a: SceneObject, b: SceneObject): SkillCall[] {
  const [m, to] = [modelOfObject(b), { a: a.id, b: b.id }];
  const out: SkillCall[] = [];
  if (m.cavity) out.push({ skill: b.kind === 'socket' ? 'insert' : 'put in', ...to });
  if (m.platform > 0) out.push({ skill: 'put on', ...to });
  out.push({ skill: modelOfObject(a).steady ? 'put near' : 'push to', ...to });
  return out;
}

/** What a tool is for. */
function toolSkills(tool: SceneObject, scene: Scene): SkillCall[] {
  const others = scene.objects.filter((o) => o.id !== tool.id);
  if (tool.kind === 'hammer')
    return others.filter((o) => o.kind === 'nail').map((b) => ({ skill: 'hammer', a: tool.id, b: b.id }));
  if (tool.kind === 'cup')
    return others.filter((b) => modelOfObject(b).cavity).map((b) => ({ skill: 'pour', a: tool.id, b: b.id }));
  const items = others.filter((o) => o.kind === 'bead').map((o) => o.id);
  if (tool.kind !== 'brush' || items.length === 0) return [];
  return regionNames.map((region) => ({ skill: 'sweep', a: tool.id, items, region }));
}

/** Reads a canonical wording back. A text that no call of the scene has is a `data` error. */
export function parseSkill(text: string, scene: Scene): SkillCall {
  const known = new Map(groundedSkills(scene).map((c) => [skillText(c, scene).toLowerCase(), c]));
  const found = known.get(text.trim().toLowerCase());
  if (found) return found;
  throw new BowError('data', unknownName('skill', text, known.keys()), { hint: 'groundedSkills(scene) lists them' });
}
