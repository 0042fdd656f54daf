/** How ViLT is trained: captions first, then captions and questions together. Kim et al. 2021, §4. */
import { BowError } from '../../base/index.ts';
import type { Scope } from '../../engine/index.ts';
import {
  allCaptioned,
  answersToOne,
  askable,
  captionedImageSources,
  type ImageNeeds,
  type ImageTasks,
  imageTasks,
  questionSources,
  TRUTH,
  vocabularySize,
} from '../../kinds/index.ts';
import { maskTokens, trainWordPiece } from '../../text/index.ts';
import type { Inputs, Objective, RecipeInput, StepContext } from '../../train/index.ts';
import type { ModelParts, Training } from '../definition.ts';
import type { ViltConfig } from './config.ts';
import { type ViltParts, viltPreprocessing } from './layouts.ts';
import { answering, pretraining, retrieving, stating } from './objectives.ts';

type Model = ModelParts<ViltConfig, ViltParts>;
type Adam = Extract<NonNullable<RecipeInput['optimizer']>, { name: 'adamw' }>;

/** AdamW as in the paper's code: β₂ 0.98, weight decay 0.01 on all but biases and norms. DIFFERS: gradients are held to norm 1, as the trainer does by default. */
const adam = (lr: number): Adam => ({
  name: 'adamw',
  lr,
  betas: [0.9, 0.98],
  eps: 1e-8,
  weightDecay: 0.01,
  decay: { '**bias': 0, '**norm*/weight': 0, '**ln*/weight': 0 },
});

/** Lengths and rates of the default are ours, for small models on two cores. */
const presets: Readonly<Record<string, RecipeInput>> = {
  default: {
    steps: 1500,
    batchSize: 64,
    optimizer: adam(5e-4),
    schedule: { name: 'linear', warmup: 150 },
    evaluateEvery: 500,
  },
  /** For scenes of the tabletop: the stem knows single objects already (docs/decisions/0110), as the paper's network starts as one that knows ImageNet. */
  scenes: {
    eyes: 'eyes',
    steps: 600,
    batchSize: 32,
    optimizer: adam(1e-3),
    schedule: { name: 'linear', warmup: 60 },
    evaluateEvery: 300,
    stages: { answers: { steps: 1500, evaluateEvery: 500 } },
    data: { shift: 4 },
  },
  /** From a checkpoint: 1e-4 with a tenth of the steps as warm-up (§4.2); the paper's code learns a head for questions ten times as fast (`lrScale`). */
  'fine-tune': {
    steps: 1000,
    batchSize: 32,
    optimizer: adam(1e-4),
    schedule: { name: 'linear', warmup: 100 },
    evaluateEvery: 250,
  },
  smoke: { steps: 4, batchSize: 8, evaluateEvery: 4, checkpointEvery: 4, schedule: { name: 'constant' } },
};

/** How texts and images become the model's inputs. */
const inputsOf = ({ config, parts }: Model) => {
  const context = parts.longest ?? config.text.context;
  return {
    size: config.image.size,
    context,
    tokens: (texts: readonly string[]) => parts.tokenizer.rows(texts, context),
    normalisation: parts.pixels,
  };
};

const imageOf = (x: Inputs, name = 'image') => ({ image: x[name]!.asFloat() });
const tokensOf = (x: Inputs) => ({ tokens: x['tokens']!.asInt() });
const pairOf = (x: Inputs) => ({ ...imageOf(x), ...tokensOf(x) });

/**
 * Captions: masked words and matching. Whole words are masked, 15 % of them (§3.3). DIFFERS: without word–patch alignment, whose 50 steps of transport one after
 * another cost as much as a small model; `matching` has it.
 */
function captions(model: Model, data: ImageTasks): Objective {
  const { tokenizer } = model.parts;
  const isWord = (id: number): boolean => tokenizer.startsWord(id) || tokenizer.continuesWord(id);
  const o = {
    mask: tokenizer.ids.mask,
    vocabulary: tokenizer.vocabulary,
    may: isWord,
    continues: tokenizer.continuesWord,
  };
  return {
    trace: (s: Scope, x: Inputs, t: StepContext) =>
      pretraining(s, { ...pairOf(x), masked: x['masked']!.asInt(), labels: x['labels']!.asInt() }, t, model.config),
    ...captionedImageSources(data, { ...inputsOf(model), mask: (ids, labels, rng) => maskTokens(ids, labels, rng, o) }),
  };
}

/** Questions about one image. */
const questions = (model: Model, data: ImageTasks): Objective => ({
  trace: (s: Scope, x: Inputs) => answering(s, pairOf(x), x['targets']!.asFloat(), model.config),
  ...questionSources(data, { ...inputsOf(model), answers: model.parts.answers }),
});

/** Statements about two images, left and right. */
const statements = (model: Model, data: ImageTasks): Objective => ({
  trace: (s: Scope, x: Inputs) => {
    const batch = { ...tokensOf(x), first: imageOf(x, 'image0'), second: imageOf(x, 'image1') };
    return stating(s, batch, x['answer']!.asInt(), model.config);
  },
  ...questionSources(data, { ...inputsOf(model), answers: TRUTH, images: 2 }),
});

/** Captions again, each against those of other images, where the model has a head for retrieval. */
const retrieval = (model: Model, data: ImageTasks): Objective => ({
  trace: (s: Scope, x: Inputs, t: StepContext) => retrieving(s, pairOf(x), t, model.config),
  ...captionedImageSources(data, inputsOf(model)),
});

/** What of the data the heads of the model can learn. Error `data` where that is nothing. */
function tuning(model: Model, data: ImageTasks): Record<string, Objective> {
  const { tasks } = model.config;
  const asked = (o: { answers: readonly string[]; images?: 1 | 2 }): boolean => askable(data.train.questions, o).length > 0; // biome-ignore format: one line
  const told = allCaptioned(data.train);
  const found = {
    ...(told && tasks.mlm && tasks.itm ? { captions: captions(model, data) } : {}),
    ...(told && tasks.rank ? { retrieval: retrieval(model, data) } : {}),
    ...(tasks.answers && asked({ answers: model.parts.answers }) ? { questions: questions(model, data) } : {}),
    ...(tasks.statements && asked({ answers: TRUTH, images: 2 }) ? { statements: statements(model, data) } : {}),
  };
  if (Object.keys(found).length > 0) return found;
  throw new BowError('data', 'nothing here that a head of this model learns from', {
    place: 'data',
    detail: { heads: Object.keys(tasks), captioned: told, questions: data.train.questions.length },
    hint: 'every image needs a caption, or questions need answers that the model knows',
  });
}

/** The model with the heads that the data's questions need; those that it has stay, with their answers. */
function withHeads({ config, parts }: Model, data: ImageTasks): Model {
  const answers = config.tasks.answers ? parts.answers : answersToOne(data);
  const isTwofold = data.train.questions.some((q) => q.images.length === 2);
  return {
    config: {
      ...config,
      modalities: isTwofold ? 3 : config.modalities,
      tasks: {
        ...config.tasks,
        ...(answers.length > 0 ? { answers: answers.length } : {}),
        ...(isTwofold ? { statements: true } : {}),
      },
    },
    parts: { ...parts, answers },
  };
}

/** A model for the data: from nothing it learns its vocabulary from the texts; a checkpoint notes how images are fitted from now on. */
function partsFor(config: ViltConfig, parts: ViltParts | undefined, data: ImageTasks): Model {
  if (parts) {
    if (data.vocabulary !== null)
      throw new BowError('config', 'a checkpoint has its own vocabulary', { place: 'data.vocabulary' });
    return withHeads({ config, parts: { ...parts, pixels: { ...parts.pixels, ...data.geometry } } }, data);
  }
  const vocabulary = vocabularySize(data, config.text.vocabulary);
  const tokenizer = trainWordPiece(imageTasks.texts(data), { vocabulary });
  const pixels = { ...viltPreprocessing(config.image.size), ...data.geometry };
  const text = { ...config.text, vocabulary: tokenizer.vocabulary };
  return withHeads({ config: { ...config, text }, parts: { tokenizer, pixels, answers: [] } }, data);
}

export const viltTraining: Training<ViltConfig, ViltParts, ImageTasks, ImageNeeds> = {
  data: imageTasks,
  presets,
  presetFor: { from: 'fine-tune' },
  loraLayers: ['**/attn/q', '**/attn/v'], // Hu et al. 2021, §4.2, table 5
  needs: (config, parts) => ({
    size: config.image.size,
    ...(parts?.pixels.shape.kind === 'fixed' ? { geometry: { shape: parts.pixels.shape, resample: parts.pixels.resample } } : {}), // biome-ignore format: one line
  }),
  parts: partsFor,
  stem: ({ image }) => (image.stem ? 'image/stem' : undefined),
  stages: [
    {
      id: 'pretrain',
      benchmarks: (data) => imageTasks.benchmarks(data).filter(({ id }) => id === 'match'), // answers are not learned yet
      when: (data, from) => allCaptioned(data.train) && (from === 'nothing' || data.train.questions.length === 0),
      objectives: (model, data) => {
        const { captions: told, ...others } = tuning(model, data);
        return told ? { captions: told } : others;
      },
    },
    // DIFFERS: the paper tunes a copy for every task; here captions go on beside the questions, so that one checkpoint scores pairs and answers.
    {
      id: 'answers',
      benchmarks: (data) => imageTasks.benchmarks(data).filter(({ id }) => id === 'questions' || id === 'match'),
      when: (data) => data.train.questions.length > 0,
      objectives: (model, data) => {
        const all = tuning(model, data);
        const isMixed = all['captions'] !== undefined && Object.keys(all).length > 1;
        return isMixed ? { ...all, captions: { ...all['captions']!, every: 2 } } : all;
      },
    },
  ],
  examples: [
    '--preset scenes',
    '--data coco/annotations/captions_train2014.json --stage pretrain --variant ViLT-B/32 --size 384',
    '--from dandelin/vilt-b32-finetuned-vqa --data photos/ --questions questions.jsonl',
  ],
  card: {
    summary: 'Words and patches of an image in one transformer: scores texts for images, answers questions about them.',
    pipelineTag: 'visual-question-answering',
  },
};
