/**
 * How VLMo is trained: images alone, texts alone with the attention that images taught, pairs (Bao et al. 2021, §2.3 and figure 3), then questions. Rates
 * and lengths are ours, for small models on two cores. DIFFERS in three things, all for want of data: BEiT's stage predicts pixels, not visual tokens;
 * the last stage trains on pairs as well, so that one checkpoint finds, matches and answers; and images are not flipped, since captions say left and right.
 */
import { BowError } from '../../base/index.ts';
import { squareGeometry } from '../../image/index.ts';
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
import { trainWordPiece } from '../../text/index.ts';
import type { Objective, RecipeInput } from '../../train/index.ts';
import type { ModelParts, Training } from '../definition.ts';
import { imageSources, textSources, wordMask } from './batches.ts';
import { spreadBiases } from './beit.ts';
import { readBeit } from './beit-start.ts';
import type { VlmoConfig, VlmoTasks } from './config.ts';
import { type VlmoParts, vlmoPreprocessing } from './layouts.ts';
import { answersObjective, imageObjective, pairsObjective, statementsObjective, textObjective } from './objectives.ts';

type Adam = Extract<NonNullable<RecipeInput['optimizer']>, { name: 'adamw' }>;

/**
 * What does not decay: all biases, the table among them, and the norms that the code's list names (`set_schedule`), with those of the heads; experts'
 * norms, γ and [CLS] do.
 */
const decay = Object.fromEntries([
  ...['**bias**', 'norm/weight', '*/norm/weight', '**/ln1/weight'].map((pattern) => [pattern, 0]),
  ['**', 1],
]);

/** §3.3: AdamW, β₂ 0.98, weight decay 0.01, a linear schedule to 0. */
const adam = (lr: number): Adam => ({ name: 'adamw', lr, betas: [0.9, 0.98], weightDecay: 0.01, decay });
const linear = (warmup: number): NonNullable<RecipeInput['schedule']> => ({ name: 'linear', warmup });

const presets: Readonly<Record<string, RecipeInput>> = {
  default: { batchSize: 32, evaluateEvery: 300 },
  /** For scenes of the tabletop: the stem knows single objects already (docs/decisions/0110), as the paper's network knows ImageNet from BEiT. */
  scenes: { eyes: 'eyes', batchSize: 32, evaluateEvery: 300, data: { shift: 4 } },
  /** From a checkpoint: the code's rate for questions, twenty times that for a head that is new. */
  'fine-tune': {
    batchSize: 32,
    steps: 500,
    optimizer: { ...adam(3e-5), lrScale: { 'vqa/**': 20, 'nlvr2/**': 20 } },
    schedule: linear(50),
    evaluateEvery: 250,
  },
  smoke: { steps: 4, batchSize: 16, evaluateEvery: 4, checkpointEvery: 4, schedule: { name: 'constant' } },
};

type Bound = ModelParts<VlmoConfig, VlmoParts>;

const hasQuestions = (data: ImageTasks, images: 1 | 2): boolean => data.train.questions.some((q) => q.images.length === images); // biome-ignore format: one line

/** Pairs, with words of the captions hidden. */
function pairs({ config, parts }: Bound, data: ImageTasks): Objective {
  const { context } = config.text;
  return {
    trace: (s, batch, t) => pairsObjective(s, batch, config, t),
    ...captionedImageSources(data, {
      ...{ size: config.size, context, normalisation: parts.pixels, mask: wordMask(parts.tokenizer) },
      tokens: (texts) => parts.tokenizer.rows(texts, context),
    }),
  };
}

/** Questions about one image, and statements about two. */
function questions({ config, parts }: Bound, data: ImageTasks): Record<string, Objective> {
  const { context } = config.text;
  const inputs = {
    ...{ size: config.size, context, normalisation: parts.pixels },
    tokens: (texts: readonly string[]) => parts.tokenizer.rows(texts, context),
  };
  const about = (images: 1 | 2) => ({ ...inputs, images, answers: images === 1 ? (parts.answers ?? []) : TRUTH }); // biome-ignore format: one line
  const asked = (images: 1 | 2): boolean => askable(data.train.questions, about(images)).length > 0;
  return {
    ...(config.tasks.vqa !== undefined && asked(1)
      ? { answers: { trace: (s, batch) => answersObjective(s, batch, config), ...questionSources(data, about(1)) } }
      : {}),
    ...(config.tasks.nlvr2 && asked(2)
      ? {
          statements: {
            trace: (s, batch) => statementsObjective(s, batch, config),
            ...questionSources(data, about(2)),
          },
        }
      : {}),
  };
}

/** The heads of all stages, and those that the data's questions want; a checkpoint keeps the answers that it has. */
function tasksFor(tasks: VlmoTasks, data: ImageTasks, answers: readonly string[]): VlmoTasks {
  const { vqa: _, nlvr2, ...rest } = tasks;
  return {
    ...rest,
    ...{ mlm: true, itc: 'both', itm: true },
    ...(answers.length > 0 ? { vqa: answers.length } : {}),
    ...(nlvr2 || hasQuestions(data, 2) ? { nlvr2: true } : {}),
  };
}

function partsFor(config: VlmoConfig, parts: VlmoParts | undefined, data: ImageTasks): Bound {
  const { textOnly: _, ...sizes } = config; // experts of both modalities are new after the text stage
  if (parts) {
    if (data.vocabulary !== null)
      throw new BowError('config', 'a checkpoint has its own vocabulary', { place: 'data.vocabulary' });
    const answers = config.tasks.vqa === undefined ? answersToOne(data) : (parts.answers ?? []);
    const pixels = { ...parts.pixels, ...data.geometry };
    return {
      config: { ...sizes, tasks: tasksFor(config.tasks, data, answers) },
      parts: { ...parts, pixels, ...(answers.length > 0 ? { answers } : {}) },
    };
  }
  const vocabulary = vocabularySize(data, config.text.vocabulary);
  const tokenizer = trainWordPiece(imageTasks.texts(data), { vocabulary });
  const answers = answersToOne(data);
  return {
    config: {
      ...sizes,
      text: { ...config.text, vocabulary: tokenizer.vocabulary },
      tasks: tasksFor(config.tasks, data, answers),
    },
    parts: {
      tokenizer,
      pixels: { ...vlmoPreprocessing(config.size), ...data.geometry },
      ...(answers.length > 0 ? { answers } : {}),
    },
  };
}

/** What stays in the text stage: all that images have taught (figure 3). The pattern `blocks/*` + `/l**` is norms before the attention, and γ. */
const taughtByImages = ['visual/**', 'blocks/*/attn/**', 'blocks/*/l**', 'blocks/*/image/**', 'pooler/**', 'mim/**'];

export const vlmoTraining: Training<VlmoConfig, VlmoParts, ImageTasks, ImageNeeds> = {
  data: imageTasks,
  presets,
  presetFor: { from: 'fine-tune' },
  loraLayers: ['**/attn/q', '**/attn/v'], // Hu et al. 2021, §4.2, table 5
  needs: ({ size }, parts) => ({
    size,
    geometry: parts ? { shape: parts.pixels.shape, resample: parts.pixels.resample } : squareGeometry(size, 'stretch'),
  }),
  parts: partsFor,
  stem: (c) => (c.stem ? 'visual/stem' : undefined),
  eyes: (c) => (c.stem ? undefined : (file) => readBeit(file, c)),
  limits: { 'logit*_scale': [0, Math.log(100)] },
  stages: [
    {
      id: 'image',
      when: (_, from) => from === 'nothing', // a BEiT has learned this
      recipe: { steps: 300, optimizer: adam(1e-3), schedule: linear(30) },
      benchmarks: () => [],
      objectives: ({ config, parts }, data) => ({
        image: { trace: (s, batch) => imageObjective(s, batch, config), ...imageSources(data, config, parts) },
      }),
    },
    {
      id: 'text',
      when: (_, from) => from !== 'checkpoint',
      convert: spreadBiases,
      freeze: taughtByImages,
      recipe: { steps: 500, optimizer: adam(1e-3), schedule: linear(50) },
      benchmarks: () => [],
      objectives: ({ config, parts }, data) => ({
        text: { trace: (s, batch) => textObjective(s, batch, config), ...textSources(data, config, parts) },
      }),
    },
    {
      id: 'pairs',
      when: (data) => allCaptioned(data.train),
      recipe: { steps: 600, optimizer: adam(1e-3), schedule: linear(60) },
      objectives: (model, data) => ({ pairs: pairs(model, data) }),
    },
    {
      id: 'answers',
      when: (data) => hasQuestions(data, 1) || hasQuestions(data, 2),
      recipe: { steps: 600, optimizer: adam(1e-3), schedule: linear(60) },
      combine: 'alternate',
      objectives: (model, data) => ({
        ...questions(model, data),
        ...(allCaptioned(data.train) ? { pairs: pairs(model, data) } : {}),
      }),
    },
  ],
  examples: [
    '--preset scenes',
    '--data photos/ --questions questions.jsonl',
    '--variant base --set eyes=beit/ --data photos/',
    '--from runs/vlmo/4-answers/best --data photos/',
  ],
  card: {
    summary:
      'Images and texts in one network, apart or together: finds images, says whether a text fits, answers questions.',
    pipelineTag: 'visual-question-answering',
  },
};
