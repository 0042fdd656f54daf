/** The symbolic simulator: the same scenes, skills, pre-conditions and predicates without physics, for planner tests in milliseconds. */
import { BowError, type Rng } from '../base/index.ts';
import type { WorldState } from './goals.ts';
import { quatYaw, type Vec3 } from './math.ts';
import { isIn, type RegionName, regionCell } from './relations.ts';
import { modelOfObject, objectById, type Scene, type SceneObject } from './scene.ts';
import { OK, obstacle, type SkillCall, type SkillResult } from './skills.ts';
import { freeSpot, spotIn, spotNear } from './spots.ts';

const HELD_HEIGHT = 0.2;

export type SymbolicSimulatorOptions = { pFail?: number; rng?: Rng };

/** Scenes, skills and predicates without physics. */
export type SymbolicSimulator = {
  readonly state: () => WorldState;
  /** Does a skill at once; the result is what the arm would report if all went well. */
  readonly perform: (call: SkillCall) => SkillResult;
  /** Puts an object somewhere, as a person's hand would. */
  readonly place: (id: string, pos: Vec3) => void;
};

/** A symbolic simulator of a scene, with an empty hand. */
export function createSymbolicSimulator(scene: Scene, o: SymbolicSimulatorOptions = {}): SymbolicSimulator {
  if (o.pFail && !o.rng) throw new BowError('usage', 'pFail needs an rng');
  let objects: readonly SceneObject[] = scene.objects;
  let held: string | undefined;
  let tip: Vec3 = [0, 0.1, 0.27];
  const state = (): WorldState => ({ scene: { ...scene, objects }, held, tip });
  const change = (id: string, to: Partial<SceneObject>) => {
    objects = objects.map((x) => (x.id === id ? { ...x, ...to } : x));
  };
  const move = (id: string, x: number, y: number, bottom: number, yaw?: number) => {
    const object = objectById({ objects }, id);
    const pos: Vec3 = [x, y, bottom + modelOfObject(object).rest];
    change(id, { pose: { pos, quat: yaw === undefined ? object.pose.quat : quatYaw(yaw) } });
  };
  const letGo = (x: number, y: number, bottom: number, yaw?: number) => {
    move(held!, x, y, bottom, yaw);
    held = undefined;
    tip = [x, y, bottom + 0.15];
  };
  const setJoint = (id: string, share: number) => {
    const object = objectById({ objects }, id);
    const [low, high] = modelOfObject(object).moving!.range;
    if (object.kind === 'drawer') carryAlong(object, low + share * (high - low) - object.joint);
    change(id, { joint: low + share * (high - low) });
  };
  /** What lies in a drawer moves with it. */
  const carryAlong = (drawer: SceneObject, by: number) => {
    for (const x of objects) {
      if (x.id !== drawer.id && isIn(x, drawer))
        move(x.id, x.pose.pos[0], x.pose.pos[1] - by, x.pose.pos[2] - modelOfObject(x).rest);
    }
  };
  const sendTo = (ids: readonly string[], region: RegionName) => {
    const cell = regionCell(region);
    ids.forEach((id, i) => {
      move(id, cell.x + (i % 3) * 0.045 - 0.03 * Math.min(1, ids.length - 1), cell.y + Math.floor(i / 3) * 0.05, 0);
    });
  };

  const put = (call: Extract<SkillCall, { skill: 'put in' | 'put on' | 'put near' | 'insert' }>): SkillResult => {
    const b = objectById({ objects }, call.b);
    const m = modelOfObject(b);
    if (call.skill === 'put near') {
      const spot = spotNear({ objects }, call.a, call.b);
      if (!spot) return { status: 'execution_failed', reason: `there is no room next to the ${b.kind}` };
      letGo(spot[0], spot[1], 0);
    } else if (call.skill === 'put on') letGo(b.pose.pos[0], b.pose.pos[1], b.pose.pos[2] + m.top);
    else {
      const spot = spotIn(b, call.a, objects);
      letGo(spot[0], spot[1], b.pose.pos[2] + m.cavity!.floor);
    }
    return OK;
  };

  const apply = (call: SkillCall): SkillResult => {
    switch (call.skill) {
      case 'find':
      case 'done':
        return OK;
      case 'touch': {
        const a = objectById({ objects }, call.a);
        tip = [a.pose.pos[0], a.pose.pos[1], a.pose.pos[2] + modelOfObject(a).top];
        return OK;
      }
      case 'pick up': {
        const a = objectById({ objects }, call.a);
        held = call.a;
        const inside = objects.filter((x) => x.id !== a.id && isIn(x, a)).map((x) => x.id);
        const from = a.pose.pos[2] - modelOfObject(a).rest;
        for (const id of [call.a, ...inside]) {
          const x = objectById({ objects }, id);
          move(id, x.pose.pos[0], x.pose.pos[1], x.pose.pos[2] - modelOfObject(x).rest - from + HELD_HEIGHT);
        }
        tip = [a.pose.pos[0], a.pose.pos[1], HELD_HEIGHT + 0.05];
        return OK;
      }
      case 'put in':
      case 'put on':
      case 'put near':
      case 'insert':
        return put(call);
      case 'place at':
        letGo(call.x, call.y, 0, call.yaw);
        return OK;
      case 'put down': {
        const spot = freeSpot({ objects }, held!, tip);
        if (!spot) return { status: 'execution_failed', reason: 'there is no free place on the table' };
        letGo(spot[0], spot[1], 0);
        return OK;
      }
      case 'push':
        sendTo([call.a], call.region);
        return OK;
      case 'push to': {
        const spot = spotNear({ objects }, call.a, call.b);
        if (spot) move(call.a, spot[0], spot[1], 0);
        return spot ? OK : { status: 'execution_failed', reason: 'there is no room' };
      }
      case 'open':
      case 'close':
        setJoint(call.a, call.skill === 'open' ? 1 : 0);
        return OK;
      case 'press':
        setJoint(call.a, 1);
        return OK;
      case 'hammer':
        setJoint(call.b, 1);
        return OK;
      case 'sweep':
        sendTo(call.items, call.region);
        return OK;
      case 'pour': {
        const cup = objectById({ objects }, call.a);
        const b = objectById({ objects }, call.b);
        const floor = b.pose.pos[2] + (modelOfObject(b).cavity?.floor ?? modelOfObject(b).top);
        for (const x of objects.filter((y) => y.id !== cup.id && isIn(y, cup)))
          move(x.id, b.pose.pos[0], b.pose.pos[1], floor);
        return OK;
      }
    }
  };

  return {
    state,
    perform: (call) => {
      const reason = obstacle(call, state());
      if (reason) return { status: 'precondition_failed', reason };
      if (o.pFail && o.rng!.float() < o.pFail)
        return { status: 'execution_failed', reason: 'the skill was made to fail' };
      return apply(call);
    },
    place: (id, pos) => change(id, { pose: { pos, quat: objectById({ objects }, id).pose.quat } }),
  };
}
