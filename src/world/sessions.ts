/**
 * What the world offers to whoever acts or plans in it, and what it expects back. One session is one episode: it begins with the instruction, is
 * asked again and again with what is seen by then, and keeps in itself whatever it wants to remember. Sessions do not share anything, so several may
 * be open at once.
 */
import type { Pixels } from '../image/index.ts';
import type { PoseAction } from './physics/pose-action.ts';
import type { Action } from './physics/simulation.ts';
import type { CameraName } from './render/camera.ts';
import type { ObjectBox } from './render/frame.ts';
import type { SkillResult } from './skills.ts';

/** An image that a session wants with every observation. */
export type View = {
  readonly camera: CameraName;
  /** Width and height in pixels, 8 to 512. */
  readonly size: number;
  /** Leaves the robot out, as VIMABench does for pose policies. */
  readonly hideArm?: boolean;
};

/** What can be asked for besides the instruction. */
type Wishes = {
  /** The images of every observation, in this order; default one, `oblique` at 64 pixels; none: nothing is drawn. */
  readonly views?: readonly View[];
  /** Frees what the session holds; called once, however the episode ended. */
  close?(): Promise<void> | void;
};

/** How an episode begins. */
export type ActStart = {
  /** What is to be done, in words. */
  readonly instruction: string;
  readonly tool: 'suction' | 'gripper';
  /** All randomness of the session is drawn from this, so that an episode can be repeated. */
  readonly seed: string;
};

/** What a policy sees and feels before it acts. */
export type ActObservation = {
  /** Control steps done so far in this episode, from 0. */
  readonly step: number;
  /** RGB, one a view, in the order of the session's `views`. */
  readonly images: readonly Pixels[];
  /** Boxes of the objects in view, pixels, one list a view, in random order: what a perfect detector would give. */
  readonly boxes: readonly (readonly ObjectBox[])[];
  /** Seven numbers, as `STATE_NAMES` says: tip x y z (metres), cosine and sine of its heading, half opening of the fingers (metres), 1 when something is held. */
  readonly state: Float32Array;
};

/** Options of every question to a session. `signal`: the answer is not wanted any more. */
export type StepOptions = { readonly signal?: AbortSignal | undefined };

/**
 * An action of 0.1 s, a pose action (a whole pick and place), or several of them: a chunk is done open-loop, one after another, and the session
 * asked again when it is through.
 */
export type ActAnswer = Action | PoseAction | readonly (Action | PoseAction)[];

/** A policy at work on one episode. */
export type ActSession = Wishes & {
  act(observation: ActObservation, o?: StepOptions): Promise<ActAnswer>;
};

/** How a planner's episode begins. */
export type PlanStart = {
  /** What is to be reached, in words. */
  readonly goal: string;
  /** All randomness of the session is drawn from this. */
  readonly seed: string;
};

/** A step that was done, and how it ended. */
export type PlanEvent = SkillResult & { readonly skill: string };

/** What a planner knows before its next step. */
export type PlanObservation = {
  /** The skills that the scene offers now, in words, feasible or not, each once; the wording is what `skillText` writes. `done` is not among them. */
  readonly skills: readonly string[];
  /** RGB, one a view, in the order of the session's `views`; none where the world is symbolic. */
  readonly images: readonly Pixels[];
  /** As of {@link ActObservation}. */
  readonly state: Float32Array;
  /** All steps so far, the first one first, with their results. */
  readonly history: readonly PlanEvent[];
};

/** A skill with what spoke for it: log-probability of its words (nats), chance that it would succeed now. */
export type SkillScore = {
  readonly skill: string;
  readonly score: number;
  readonly language?: number;
  readonly affordance?: number;
};

/** The next step. Only `skill` is used; the rest is for records. */
export type PlanStep = {
  /** One of the offered skills, word for word. */
  readonly skill: string;
  readonly scores?: readonly SkillScore[];
  /** What the planner wrote before it decided. */
  readonly thought?: string;
};

/** A planner at work on one episode. */
export type PlanSession = Wishes & {
  next(observation: PlanObservation, o?: StepOptions): Promise<PlanStep | 'done'>;
};

/** An instruction → a session that acts on it. */
export type Acts = { act(start: ActStart, o?: StepOptions): Promise<ActSession> };

/** A goal in words → a session that says which skill comes next. */
export type Plans = { plan(start: PlanStart, o?: StepOptions): Promise<PlanSession> };
