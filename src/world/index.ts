/** The tabletop world. Runs in Node and in the browser. */

export {
  type CaptionSample,
  type CaptionSampleOptions,
  captionSample,
  captionSamples,
  sceneCamera,
} from './caption-samples.ts';
export { modelOf } from './catalogue.ts';
export { caption, captionsOf } from './language/captions.ts';
export { describe, listing, referringExpressions, withArticle } from './language/phrases.ts';
export { type Question, type QuestionKind, questionKinds, questionsOf } from './language/questions.ts';
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
export * from './vocabulary.ts';
