/** Kinds of data that systems learn from: schemas, flags, batches, benchmarks. Runs in Node and in a browser; loaders are in `kinds/node`. */
export { captionedImageBatches, captionedImageSources, type ImageTextInputs } from './captioned-images/batches.ts';
export {
  type CaptionedImages,
  type CaptionedSide,
  type ImageNeeds,
  imageSetData,
  tabletopData,
  vocabularySize,
} from './captioned-images/data.ts';
export { captionedImages } from './captioned-images/kind.ts';
export { captionedImagesData, type ImageSetData, type TabletopData } from './captioned-images/recipe.ts';
export { digestOf } from './fingerprint.ts';
export { flagText } from './flags.ts';
export { askable, type QuestionInputs, questionBatches, questionSources } from './image-tasks/batches.ts';
export {
  type AskedQuestion,
  allCaptioned,
  answersToOne,
  type ImageTasks,
  type TaskSide,
  TRUTH,
  tabletopTasks,
  withQuestions,
} from './image-tasks/data.ts';
export { imageTasks } from './image-tasks/kind.ts';
export { imageTasksData } from './image-tasks/recipe.ts';
export type {
  DataInput,
  DataKind,
  Flag,
  FlagContext,
  FlagValues,
  LoadData,
  Loader,
  LoadOptions,
} from './kind.ts';
export { dataInMemory } from './memory.ts';
export { idFlag, type TextsData, textFlags, textOptions, texts, textsData } from './texts.ts';
