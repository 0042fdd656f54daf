/**
 * How ALBEF is trained: contrast, matching and masked words on captions (§3.2–3.4, §4.1), then answers to questions (§5). DIFFERS: the last stage goes on
 * with the captions beside the questions, so that one checkpoint scores pairs, finds things and answers; the paper fine-tunes a model for each.
 */
import { BowError } from '../../base/index.ts';
import { clipPreprocessing, squareGeometry } from '../../image/index.ts';
import { type ImageNeeds, type ImageTasks, imageTasks, vocabularySize } from '../../kinds/index.ts';
import { trainWordPiece } from '../../text/index.ts';
import type { Objective, RecipeInput } from '../../train/index.ts';
import type { ModelParts, Stage, Training } from '../definition.ts';
import { captionBatches, classBatches, questionBatchesOf } from './batches.ts';
import { type AlbefConfig, classNames } from './config.ts';
import type { AlbefParts } from './layouts.ts';
import { answering, assigning, classifying, pretraining, retrieval } from './objectives.ts';
import { featureQueues, momentumTeacher } from './state.ts';
import { cleanCaption } from './text.ts';

type Parts = ModelParts<AlbefConfig, AlbefParts>;
type AlbefStage = Stage<AlbefConfig, AlbefParts, ImageTasks>;

/** AdamW with the paper's weight decay (§4.1: 0.02). DIFFERS: the released code lets the class token and the temperature decay, too. */
const adamW = (lr: number) => ({ name: 'adamw', lr, weightDecay: 0.02 }) as const;

/** Rates and lengths are ours, for small models on two cores. */
const presets: Readonly<Record<string, RecipeInput>> = {
  default: {
    steps: 1000,
    batchSize: 64,
    /** Similarities are divided by the temperature itself, 0.07 at first: at a rate of 10⁻³ Adam would halve it within forty steps. */
    optimizer: { ...adamW(1.5e-3), lrScale: { temperature: 0.1 } },
    schedule: { name: 'cosine', warmup: 60, final: 0.02 },
    evaluateEvery: 500,
  },
  /** For scenes of the tabletop: the stem knows single objects already (docs/decisions/0110), as the paper's encoder knows ImageNet from DeiT. */
  scenes: {
    ...{ eyes: 'eyes', steps: 1500, batchSize: 64, optimizer: { ...adamW(1.5e-3), lrScale: { temperature: 0.1 } } },
    ...{ schedule: { name: 'cosine', warmup: 60, final: 0.02 }, evaluateEvery: 500 },
  },
  /** From a checkpoint: the paper's rate (§4.2: 1e-5 to 2e-5) for batches of 256; small batches take no more. */
  'fine-tune': {
    steps: 1000,
    batchSize: 32,
    optimizer: adamW(1e-5),
    schedule: { name: 'cosine', warmup: 100, final: 0.05 },
    evaluateEvery: 250,
  },
  smoke: { steps: 4, batchSize: 8, evaluateEvery: 4, checkpointEvery: 4, schedule: { name: 'constant' } },
};

/** What the model can learn from captions: all its heads for them together. Error `config` for a model that has none. */
function captionObjective({ config, parts }: Parts, data: ImageTasks): Objective {
  const { contrast, match, words, assignment } = config.heads;
  const sources = captionBatches({ config, parts }, data);
  if (assignment) return { trace: (s, batch, t) => assigning(s, batch, t, config), ...sources };
  if (contrast && match && words) return { trace: (s, batch, t) => pretraining(s, batch, t, config), ...sources };
  if (contrast && match) return { trace: (s, batch, t) => retrieval(s, batch, t, config), ...sources };
  throw new BowError('config', 'this model has no heads that learn from captions', {
    place: 'stage',
    hint: 'stage "answers"; or a variant with the heads contrast and match',
  });
}

const hasCaptions = (data: ImageTasks): boolean => data.train.captions.every((own) => own.length > 0);

/** Statements about two images: for these text assignment comes before, on captions (§5). */
const onTwoImages = ({ train }: ImageTasks): boolean =>
  train.questions.length > 0 && train.questions.every((q) => q.images.length === 2);

/** What the stage of captions learns. Error `data` where images have none. */
function pretrainObjectives(model: Parts, data: ImageTasks): Record<string, Objective> {
  if (hasCaptions(data)) return { captions: captionObjective(model, data) };
  throw new BowError('data', 'not every image has a caption', {
    place: 'data',
    hint: 'questions alone are learned by the stage "answers"',
  });
}

/** Questions where there are any, and captions where the model and the images have both. */
function answerObjectives(model: Parts, data: ImageTasks): Record<string, Objective> {
  const { config } = model;
  const { contrast, match, decoder, classes } = config.heads;
  const asked = data.train.questions.length > 0;
  return {
    ...(asked && decoder
      ? {
          answers: {
            trace: (s, b, t) => answering(s, b, t, config),
            ...questionBatchesOf(model, data),
          } satisfies Objective,
        }
      : {}),
    ...(asked && classes
      ? {
          classes: {
            trace: (s, b, t) => classifying(s, b, t, config),
            ...classBatches(model, data),
          } satisfies Objective,
        }
      : {}),
    ...(contrast && match && hasCaptions(data) ? { captions: captionObjective(model, data) } : {}),
  };
}

/**
 * What a checkpoint becomes for the questions that are asked (§5): statements about two images are NLVR²'s, with text assignment before; the answers of
 * SNLI-VE are classes; all other answers are ranked by a decoder. A model that answers already stays as it is.
 */
function answeringConfig(config: AlbefConfig, data: ImageTasks): AlbefConfig {
  const { train, answers } = data;
  const { heads, text, images } = config;
  if (train.questions.length === 0 || heads.decoder || heads.classes || images === 2) return config;
  const { contrast } = heads;
  if (onTwoImages(data))
    return {
      ...config,
      images: 2,
      heads: { ...(contrast ? { contrast, assignment: true } : {}), classes: 2 },
    };
  const isEntailment = answers.length > 0 && answers.every((a) => classNames[3]!.includes(a));
  if (isEntailment) return { ...config, heads: { ...heads, classes: 3 } };
  return { ...config, heads: { ...heads, decoder: text.depth - text.fusion } };
}

/** A model for the data: from nothing it learns its vocabulary from the texts. */
function partsFor(stored: AlbefConfig, parts: AlbefParts | undefined, data: ImageTasks): Parts {
  const config = parts ? answeringConfig(stored, data) : stored;
  const classes = classNames[config.heads.classes ?? 0] ?? [];
  const ranked = data.train.questions.length > 0 ? data.answers : (parts?.answers ?? []);
  const answers = config.heads.classes === undefined ? ranked : parts?.answers.length ? parts.answers : classes;
  const seen = data.train.scenes ? {} : data.geometry; // scenes are drawn in the size that the model sees
  if (parts) {
    if (data.vocabulary !== null)
      throw new BowError('config', 'a checkpoint has its own vocabulary', { place: 'data.vocabulary' });
    return { config, parts: { ...parts, answers, pixels: { ...parts.pixels, ...seen } } };
  }
  const texts = [...imageTasks.texts(data)].map(cleanCaption);
  const tokenizer = trainWordPiece(texts, { vocabulary: vocabularySize(data, config.text.vocabulary) });
  return {
    config: { ...config, text: { ...config.text, vocabulary: tokenizer.vocabulary } },
    parts: {
      tokenizer,
      answers,
      pixels: { ...clipPreprocessing(config.visual.size, 'stretch'), ...seen },
    },
  };
}

const state: Pick<AlbefStage, 'teacher' | 'queues'> = {
  teacher: momentumTeacher,
  queues: (config) => (config.heads.contrast && config.heads.match ? featureQueues(config) : {}),
};

export const albefTraining: Training<AlbefConfig, AlbefParts, ImageTasks, ImageNeeds> = {
  data: imageTasks,
  presets,
  presetFor: { from: 'fine-tune' },
  needs: (config, parts) => ({
    size: config.visual.size,
    geometry: parts
      ? { shape: parts.pixels.shape, resample: parts.pixels.resample }
      : squareGeometry(config.visual.size, 'stretch'),
  }),
  parts: partsFor,
  stem: ({ visual }) => (visual.stem ? 'visual/stem' : undefined),
  limits: ({ heads }) => (heads.contrast ? { temperature: [0.001, 0.5] } : {}), // released code, model_pretrain.py
  stages: [
    {
      id: 'pretrain',
      ...state,
      // A checkpoint that is to answer questions has seen captions before.
      when: (data, from) =>
        hasCaptions(data) && (from === 'nothing' || data.train.questions.length === 0 || onTwoImages(data)),
      objectives: pretrainObjectives,
      // Answers come later: the decoder knows nothing yet.
      benchmarks: (data) => imageTasks.benchmarks(data).filter(({ id }) => id !== 'questions'),
    },
    {
      id: 'answers',
      ...state,
      when: (data) => data.train.questions.length > 0,
      reset: ['decoder/**'],
      objectives: answerObjectives,
    },
  ],
  examples: [
    '--preset scenes --set stages.answers.steps=800',
    '--data photos/',
    '--data photos/ --questions questions.jsonl --from runs/albef/2-answers/best',
  ],
  card: {
    summary:
      'Aligns images and texts, then fuses them: finds images, judges whether a text fits, answers questions, points at things.',
    pipelineTag: 'visual-question-answering',
  },
};
