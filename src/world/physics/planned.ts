/** A planner at the robot's controls: it names skills, the world's own skills carry them out. */
import { Rng, unknownName } from '../../base/index.ts';
import { createRenderer } from '../render/frame.ts';
import type { ActSession, PlanEvent, PlanObservation, PlanSession, PlanStep, StepOptions } from '../sessions.ts';
import { groundedSkills, type SkillCall, type SkillResult, skillText } from '../skills.ts';
import { PolicyFault } from './answers.ts';
import type { SkillLog } from './episode.ts';
import type { Motion } from './motion.ts';
import { handState, sightOf } from './observe.ts';
import { type PerformOptions, perform } from './perform.ts';
import type { Simulation } from './simulation.ts';

/** A planner that has not ended by then goes round in circles. */
export const MOST_SKILLS = 32;

/** The skills that a scene offers, by their words: each text once, `done` left out, since it ends the plan and is no skill. */
export function offeredSkills(scene: Parameters<typeof groundedSkills>[0]): Map<string, SkillCall> {
  const offered = new Map<string, SkillCall>();
  for (const call of groundedSkills(scene)) {
    const text = skillText(call, scene);
    if (call.skill !== 'done' && !offered.has(text)) offered.set(text, call);
  }
  return offered;
}

/** What a planner answered, as a skill of those offered; undefined for `done`. Error {@link PolicyFault} for anything else. */
export function chosenSkill(
  step: PlanStep | 'done',
  offered: ReadonlyMap<string, SkillCall>,
): { readonly call: SkillCall; readonly text: string } | undefined {
  const given: unknown = step; // it may come from code that no compiler has seen
  if (given === 'done') return undefined;
  const text = typeof given === 'object' && given !== null && 'skill' in given ? given.skill : undefined;
  if (typeof text !== 'string') throw new PolicyFault("the planner's answer is neither { skill } nor 'done'");
  const call = offered.get(text);
  if (!call) throw new PolicyFault(unknownName('skill', text, offered.keys()));
  return { call, text };
}

export type PlannerOptions = PerformOptions & {
  /** Steps as they went are added here. */
  readonly log?: SkillLog[];
  /** Seeds what observations draw at random. */
  readonly seed?: string;
};

/** A planner as a session that acts: each named skill is performed, then the planner is asked again with the result. */
export function plannerSession(sim: Simulation, plan: PlanSession, o: PlannerOptions = {}): ActSession {
  const history: PlanEvent[] = [];
  const rng = new Rng(`${o.seed ?? ''}/boxes`);
  const renderer = createRenderer();
  let running: { readonly motion: Motion<SkillResult>; readonly entry: SkillLog } | undefined;
  const ask = async (call: StepOptions): Promise<boolean> => {
    if (history.length >= MOST_SKILLS) throw new PolicyFault(`no end after ${MOST_SKILLS} skills`);
    const scene = sim.scene();
    const offered = offeredSkills(scene);
    const observation: PlanObservation = {
      skills: [...offered.keys()],
      images: sightOf(sim, plan.views, { rng, renderer }).images,
      state: Float32Array.from(handState(sim)),
      history: [...history],
    };
    const chosen = chosenSkill(await plan.next(observation, call), offered);
    if (!chosen) return false;
    const entry: SkillLog = { ...chosen, result: 'the episode ended meanwhile' };
    o.log?.push(entry);
    running = { motion: perform(sim, chosen.call, o), entry };
    return true;
  };
  return {
    views: [],
    act: async (_, call = {}) => {
      for (;;) {
        if (!running && !(await ask(call)))
          return { move: [0, 0, 0], turn: [0, 0, 0], grip: sim.hand().grip, done: true };
        const { motion, entry } = running!;
        const next = motion.next();
        if (!next.done) return next.value;
        entry.result = next.value.status === 'ok' ? 'ok' : `${next.value.status}: ${next.value.reason}`;
        history.push({ skill: entry.text, ...next.value });
        running = undefined;
      }
    },
    close: async () => plan.close?.(),
  };
}
