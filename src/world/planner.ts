/** The oracle's next skill: regression from the goal's first unmet fact. It sees the true state and is asked again after every skill. */
import { achieved, type Goal, holds, type Predicate, type WorldState } from './goals.ts';
import { isClear, isIn, isOn, openness } from './relations.ts';
import { modelOfObject, objectById, type SceneObject, spanOf } from './scene.ts';
import { obstacle, type SkillCall } from './skills.ts';

/** The skill to do next; `done` when all facts hold. */
export function nextSkill(goal: Goal, s: WorldState): SkillCall {
  if (achieved(goal, s)) return { skill: 'done' };
  // what must be closed in the end is closed last, what is stacked is built from below
  const open = goal.all.filter((p) => !holds(p, s)).sort((a, b) => rank(a, goal) - rank(b, goal));
  return towards(open[0]!, goal, s);
}

/** Order of work: doors shut last; `on(a, b)` after whatever b itself must be put on. */
function rank(p: Predicate, goal: Goal): number {
  if (p.is === 'closed' || p.is === 'held') return 100;
  if (p.is !== 'on') return 10;
  const below = goal.all.find((q) => q.is === 'on' && q.a === p.b);
  return below ? rank(below, goal) + 1 : 10;
}

function towards(p: Predicate, goal: Goal, s: WorldState): SkillCall {
  const at = (id: string) => objectById(s.scene, id);
  switch (p.is) {
    case 'touched':
      return freeHand(s, undefined) ?? { skill: 'touch', a: p.a };
    case 'held':
      return acquire(p.a, s) ?? { skill: 'pick up', a: p.a };
    case 'open':
      return freeHand(s, undefined) ?? { skill: 'open', a: p.a };
    case 'closed':
      return freeHand(s, undefined) ?? { skill: 'close', a: p.a };
    case 'pressed':
      return freeHand(s, undefined) ?? { skill: 'press', a: p.a };
    case 'clear':
      return uncover(at(p.a), s) ?? { skill: 'done' };
    case 'empty': {
      const inside = s.scene.objects.find((o) => isIn(o, at(p.a)));
      return (
        freeHand(s, undefined) ?? (inside ? (acquire(inside.id, s) ?? { skill: 'put down' }) : { skill: 'put down' })
      );
    }
    case 'in':
      return at(p.b).kind === 'socket'
        ? (acquire(p.a, s) ?? { skill: 'insert', a: p.a, b: p.b })
        : putIn(p.a, at(p.b), s);
    case 'on':
      return putOn(p.a, at(p.b), s);
    case 'near':
      return s.held === p.a || modelOfObject(at(p.a)).steady
        ? (acquire(p.a, s) ?? { skill: 'put near', a: p.a, b: p.b })
        : (freeHand(s, undefined) ?? { skill: 'push to', a: p.a, b: p.b });
    case 'region':
      return freeHand(s, undefined) ?? { skill: 'push', a: p.a, region: p.region };
    case 'at':
      return (
        acquire(p.a, s) ?? { skill: 'place at', a: p.a, x: p.x, y: p.y, ...(p.yaw === undefined ? {} : { yaw: p.yaw }) }
      );
    default:
      return withTool(p, goal, s);
  }
}

function withTool(p: Predicate, _: Goal, s: WorldState): SkillCall {
  const tool = (kind: SceneObject['kind']) => s.scene.objects.find((o) => o.kind === kind);
  if (p.is === 'nailed') {
    const hammer = tool('hammer');
    return hammer ? (acquire(hammer.id, s) ?? { skill: 'hammer', a: hammer.id, b: p.a }) : { skill: 'done' };
  }
  if (p.is === 'poured') {
    const cup = s.scene.objects.find(
      (o) => o.kind === 'cup' && (o.id === s.held || p.balls.some((b) => isIn(objectById(s.scene, b), o))),
    );
    return cup ? (acquire(cup.id, s) ?? { skill: 'pour', a: cup.id, b: p.b }) : { skill: 'done' };
  }
  if (p.is === 'swept') {
    const brush = tool('brush');
    return brush
      ? (acquire(brush.id, s) ?? { skill: 'sweep', a: brush.id, items: p.items, region: p.region })
      : { skill: 'done' };
  }
  if (p.is === 'apart') return freeHand(s, undefined) ?? { skill: 'push', a: p.a, region: awayFrom(p.a, p.b, s) };
  return { skill: 'done' };
}

/** A corner on the far side of `b` from `a`. */
function awayFrom(a: string, b: string, s: WorldState): 'top left' | 'top right' | 'bottom left' | 'bottom right' {
  const [oa, ob] = [objectById(s.scene, a), objectById(s.scene, b)];
  const vertical = oa.pose.pos[1] >= ob.pose.pos[1] ? 'top' : 'bottom';
  return `${vertical} ${oa.pose.pos[0] >= ob.pose.pos[0] ? 'right' : 'left'}` as const;
}

/** Puts away what is held, unless it is what is wanted. */
function freeHand(s: WorldState, wanted: string | undefined): SkillCall | undefined {
  return s.held !== undefined && s.held !== wanted ? { skill: 'put down' } : undefined;
}

/** Steps until `id` is held: free the hand, open what it is in, take off what is on it; undefined once held. */
function acquire(id: string, s: WorldState): SkillCall | undefined {
  if (s.held === id) return undefined;
  const busy = freeHand(s, id);
  if (busy) return busy;
  const o = objectById(s.scene, id);
  const around = s.scene.objects.find(
    (b) => (b.kind === 'drawer' || b.kind === 'cabinet') && isIn(o, b) && openness(b) < 0.8,
  );
  if (around) return { skill: 'open', a: around.id };
  return uncover(o, s) ?? { skill: 'pick up', a: id };
}

/** Takes the topmost thing off `o`; undefined when it is clear. */
function uncover(o: SceneObject, s: WorldState): SkillCall | undefined {
  if (isClear(o, s.scene)) return undefined;
  const above = s.scene.objects.filter((b) => b.id !== o.id && b.id !== s.held && isOn(b, o));
  const top =
    above[0] ??
    [...s.scene.objects].filter(
      (b) => b.id !== o.id && spanOf(b).low > spanOf(o).high - 0.012 && !modelOfObject(b).fixed,
    )[0];
  if (!top) return undefined;
  return freeHand(s, undefined) ?? uncover(top, s) ?? { skill: 'pick up', a: top.id };
}

function putIn(a: string, b: SceneObject, s: WorldState): SkillCall {
  if ((b.kind === 'drawer' || b.kind === 'cabinet') && openness(b) < 0.8) {
    return freeHand(s, undefined) ?? { skill: 'open', a: b.id };
  }
  return acquire(a, s) ?? { skill: 'put in', a, b: b.id };
}

function putOn(a: string, b: SceneObject, s: WorldState): SkillCall {
  const call: SkillCall = { skill: 'put on', a, b: b.id };
  if (s.held === a && obstacle(call, s) === undefined) return call;
  const covering = s.scene.objects.find((o) => o.id !== a && o.id !== s.held && isOn(o, b));
  if (covering) return freeHand(s, undefined) ?? uncover(b, s) ?? { skill: 'pick up', a: covering.id };
  return acquire(a, s) ?? call;
}
