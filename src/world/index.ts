/** The tabletop world. Runs in Node and in the browser. */

export {
  type CaptionSample,
  type CaptionSampleOptions,
  captionSample,
  captionSamples,
  sceneCamera,
} from './caption-samples.ts';
export { modelOf } from './catalogue.ts';
export {
  ACTION_NAMES,
  type Demonstration,
  type DemonstrationOptions,
  type DemonstrationStep,
  demonstration,
  demonstrations,
} from './demonstrations.ts';
export {
  createEnvironment,
  createVectorEnvironment,
  type Environment,
  type EnvironmentOptions,
  type Observation,
  type StepResult,
  type VectorEnvironment,
} from './environment.ts';
export {
  type BuiltInPolicy,
  type EpisodeReport,
  type EvaluationOptions,
  evaluateEpisode,
  evaluationTask,
  isPolicy,
  type Policy,
  wilson,
} from './evaluation.ts';
export { achieved, type Goal, holds, type Predicate, type WorldState } from './goals.ts';
export { caption, captionsOf, plainCaption } from './language/captions.ts';
export {
  groundInstruction,
  type Instruction,
  type ObjectQuery,
  parseInstruction,
  parsePhrase,
} from './language/instructions.ts';
export { type FactCounts, factCounts, mentionsOf } from './language/mentions.ts';
export { describe, listing, RELATION_PHRASES, referringExpressions, withArticle } from './language/phrases.ts';
export { type Question, type QuestionKind, questionKinds, questionsOf } from './language/questions.ts';
export {
  createEpisodeMonitor,
  type EpisodeMonitor,
  type EpisodeOptions,
  motionSession,
  type Outcome,
  oracle,
  randomPolicy,
  runEpisode,
  type SkillLog,
} from './physics/episode.ts';
export type { Motion } from './physics/motion.ts';
export { type Engine, loadEngine } from './physics/mujoco.ts';
export { handState, STATE_NAMES } from './physics/observe.ts';
export { type PerformOptions, perform, stateOf } from './physics/perform.ts';
export { plannerSession } from './physics/planned.ts';
export type { PlanarPose, PoseAction } from './physics/pose-action.ts';
export { inverseKinematics, type Tool, tipPose, toolDown, tools } from './physics/robot.ts';
export {
  type Action,
  CONTROL_PERIOD,
  createSimulation,
  disposeModels,
  type HandState,
  type Simulation,
  type Snapshot,
} from './physics/simulation.ts';
export { nextSkill } from './planner.ts';
export { momentScene, type Recording, readRecording, recordEpisode, recordingFrames, replay } from './recording.ts';
export {
  inRegion,
  isIn,
  isOn,
  openness,
  type RegionName,
  type Relation,
  type RelationName,
  regionNames,
  regionOf,
  relationOf,
  relationsOf,
} from './relations.ts';
export { type Camera, type CameraName, cameraByName, cameras, framing, lookAt, project } from './render/camera.ts';
export {
  boxesOf,
  createRenderer,
  type ExtraBody,
  type Frame,
  type ObjectBox,
  type Quality,
  type Renderer,
  type RenderOptions,
  ROBOT,
  SCENERY,
} from './render/frame.ts';
export { type LookSpec, lookPairs, randomLook, sampleScene, soloScene } from './sample.ts';
export { checkScene, readScene, type Scene, type SceneObject, standing, type Theme, themes } from './scene.ts';
export type {
  ActAnswer,
  ActObservation,
  ActSession,
  ActStart,
  Acts,
  PlanEvent,
  PlanObservation,
  PlanSession,
  PlanStart,
  PlanStep,
  Plans,
  SkillScore,
  StepOptions,
  View,
} from './sessions.ts';
export { groundedSkills, nameOf, obstacle, parseSkill, type SkillCall, type SkillResult, skillText } from './skills.ts';
export { type PlanOutcome, runPlan, type SymbolicOptions } from './symbolic-episode.ts';
export {
  createSymbolicSimulator,
  type SymbolicSimulator,
  type SymbolicSimulatorOptions,
} from './symbolic-simulator.ts';
export { families, sampleTask } from './tasks/families.ts';
export { taskFor } from './tasks/from-instruction.ts';
export { type Family, familyNames, type Level, levels, type Task, type TaskOptions } from './tasks/task.ts';
export * from './vocabulary.ts';
