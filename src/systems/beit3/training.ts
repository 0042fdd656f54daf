/**
 * How BEiT-3 is trained: masked data modelling on images, texts and pairs (Wang et al. 2022, §2.2), then its tasks. DIFFERS: the paper fine-tunes a model for
 * each task; here one learns retrieval, answers and captions together, so that one checkpoint has all its capabilities.
 */
import { BowError, Rng } from '../../base/index.ts';
import { type Init, ndarray } from '../../engine/index.ts';
import { normalizeChannels } from '../../image/index.ts';
import {
  allCaptioned,
  answersToOne,
  askable,
  captionedImageSources,
  type ImageNeeds,
  type ImageTasks,
  imageTasks,
  type QuestionInputs,
  questionSources,
  TRUTH,
  vocabularySize,
} from '../../kinds/index.ts';
import { values } from '../../nn/index.ts';
import { trainUnigram } from '../../text/index.ts';
import type { BatchSource, Objective, RecipeInput } from '../../train/index.ts';
import type { ModelParts, Stage, Training } from '../definition.ts';
import { type Beit3Config, gridOf, longestText } from './config.ts';
import { type Beit3Parts, beit3Preprocessing } from './layouts.ts';
import {
  type Change,
  changed,
  hiddenPatches,
  hiddenTokens,
  hideCaption,
  hideShare,
  textSource,
} from './masked-batches.ts';
import {
  answers,
  captioning,
  captionLoss,
  contrastive,
  encodePairs,
  maskedImages,
  maskedPairs,
  maskedTexts,
  statements,
} from './objectives.ts';
import { learnCodes, patchesOf, patchWidth } from './visual-tokens.ts';

type Model = ModelParts<Beit3Config, Beit3Parts>;
type Adam = Extract<NonNullable<RecipeInput['optimizer']>, { name: 'adamw' }>;
type Sources = { readonly source: BatchSource; readonly validation?: BatchSource };

/** AdamW as in the paper (§2.3: β 0.9 and 0.98, ε 1e-6, weight decay 0.05). */
const adam = (lr: number): Adam => ({ name: 'adamw', lr, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.05 });

/** Rates and lengths are ours, for small models on two cores. */
const presets: Readonly<Record<string, RecipeInput>> = {
  default: { batchSize: 32, schedule: { name: 'cosine', warmup: 50 } },
  'fine-tune': { steps: 500, batchSize: 16, optimizer: adam(3e-5), schedule: { name: 'cosine', warmup: 50 } },
  lora: { steps: 500, batchSize: 16, optimizer: adam(5e-4), schedule: { name: 'cosine', warmup: 50 } },
  /** For scenes of the tabletop: a stem that knows single objects already. */
  scenes: { eyes: 'eyes', batchSize: 32, schedule: { name: 'cosine', warmup: 50 }, data: { shift: 4 } },
  smoke: { steps: 4, batchSize: 8, evaluateEvery: 4, checkpointEvery: 4, schedule: { name: 'constant' } },
};

/** Shares of tokens that are hidden: of texts alone, and of those with an image (§2.2). */
const [ALONE, PAIRED] = [0.15, 0.5];

const lengthOf = ({ config, parts }: Model): number => parts.longest ?? longestText(config);

const inputsOf = (model: Model) => {
  const length = lengthOf(model);
  return {
    ...{ size: model.config.size, context: length, normalisation: model.parts.pixels },
    tokens: (texts: readonly string[]) => model.parts.tokenizer.rows(texts, length),
  };
};

const both = ({ source, validation }: Sources, change: Change): Sources => ({
  source: changed(source, change),
  ...(validation ? { validation: changed(validation, change) } : {}),
});

/** Images with a text each: captions, or where there are none, questions. */
function pairSources(model: Model, data: ImageTasks): Sources {
  if (allCaptioned(data.train)) return captionedImageSources(data, inputsOf(model));
  return questionSources(data, { ...inputsOf(model), answers: data.answers });
}

/** Masked data modelling: three kinds of input, one kind of target. The weights of the terms are not stated in the paper. */
function maskedObjectives(model: Model, data: ImageTasks): Record<string, Objective> {
  const { config, parts } = model;
  const { tokenizer } = parts;
  const codes: Init | undefined = parts.codes && values(parts.codes.data);
  const grid = gridOf(config);
  const pairs = pairSources(model, data);
  const held = data.validation && [...data.validation.captions.flat(), ...data.validation.questions.map((q) => q.text)];
  const texts: Sources = {
    source: textSource([...imageTasks.texts(data)], lengthOf(model), tokenizer),
    ...(held && held.length > 0 ? { validation: textSource(held, lengthOf(model), tokenizer) } : {}),
  };
  const image: Change = ({ image: x }, samples, rng) => ({
    image: x!,
    masked_patches: hiddenPatches(grid, samples, rng),
  });
  const text =
    (share: number): Change =>
    ({ tokens }, _, rng) =>
      hiddenTokens(tokens!, hideShare(tokenizer, share), rng);
  const pair: Change = (x, samples, rng) => ({ ...image(x, samples, rng), ...text(PAIRED)(x, samples, rng) });
  return {
    images: { trace: (s, x) => maskedImages(s, x, config, codes), ...both(pairs, image) },
    texts: { trace: (s, x) => maskedTexts(s, x, config), ...both(texts, text(ALONE)) },
    pairs: { trace: (s, x) => maskedPairs(s, x, config, codes), ...both(pairs, pair) },
  };
}

const without =
  (...names: readonly string[]): Change =>
  (inputs) =>
    Object.fromEntries(Object.entries(inputs).filter(([name]) => !names.includes(name)));

/** The tasks for which the model has heads and the data has something to learn from. */
function taskObjectives(model: Model, data: ImageTasks): Record<string, Objective> {
  const { config, parts } = model;
  const { tasks } = config;
  const out: Record<string, Objective> = {};
  const asked = (o: Pick<QuestionInputs, 'answers' | 'images'>): Sources | undefined =>
    askable(data.train.questions, o).length > 0 ? questionSources(data, { ...inputsOf(model), ...o }) : undefined;
  if (allCaptioned(data.train)) Object.assign(out, captionObjectives(model, data));
  const single = parts.answers && asked({ answers: parts.answers });
  if (single) out['answers'] = { trace: (s, x) => answers(s, x, config), ...both(single, without('answer')) };
  const double = tasks.pairs === 2 ? asked({ answers: TRUTH, images: 2 }) : undefined;
  const labelled: Change = ({ answer, targets: _, ...x }) => ({ ...x, label: answer! });
  if (double) out['statements'] = { trace: (s, x) => statements(s, x, config), ...both(double, labelled) };
  if (Object.keys(out).length > 0) return out;
  throw new BowError('config', 'the model has no head for what the data can teach', {
    place: 'stage',
    detail: { heads: Object.keys(tasks), captions: allCaptioned(data.train), questions: data.train.questions.length },
  });
}

function captionObjectives(model: Model, data: ImageTasks): Record<string, Objective> {
  const { config, parts } = model;
  const sources = captionedImageSources(data, inputsOf(model));
  const hide: Change = ({ image, tokens }, _, rng) => ({
    image: image!,
    ...hiddenTokens(tokens!, hideCaption(parts.tokenizer), rng),
  });
  const retrieval: Objective = {
    trace: (s, x) => contrastive(s, encodePairs(s, x, config), x['group']?.asInt()),
    twoPhase: {
      encode: (s, x) => encodePairs(s, x, config),
      loss: (s, { image, text }, { group }) =>
        contrastive(s, { image: image!.asFloat(), text: text!.asFloat() }, group?.asInt()),
      inputs: data.train.positives ? ['group'] : [],
    },
    ...sources,
  };
  const captions: Objective = {
    trace: (s, x, { step }) => captioning(s, x, config, step, captionLoss),
    ...both(sources, hide),
  };
  return { ...(config.tasks.retrieval ? { retrieval } : {}), ...(config.tasks.tokens ? { captions } : {}) };
}

/** Patches that the visual tokens are learned from. */
const LEARNED_FROM = 4096;

/** Codes of visual tokens from patches of the training images, drawn with a fixed seed. */
function codesFrom(config: Beit3Config, data: ImageTasks, pixels: Beit3Parts['pixels']): Beit3Parts['codes'] {
  const { train } = data;
  const [count, each, rng] = [config.tasks.codes!, 3 * config.size ** 2, new Rng('visual tokens')];
  const width = patchWidth(config);
  const wanted = Math.max(LEARNED_FROM, 2 * count);
  const images = rng.shuffle(Array.from({ length: train.count }, (_, i) => i)).slice(0, wanted); // a patch of each, or several
  const all = new Float32Array(each);
  const perImage = Math.ceil(wanted / images.length);
  const rows = images.flatMap((i) => {
    normalizeChannels(train.pixels.subarray(i * each, (i + 1) * each), all, 0, pixels);
    const patches = patchesOf(all, config);
    return Array.from({ length: perImage }, () => {
      const at = rng.int(patches.length / width) * width;
      return patches.subarray(at, at + width);
    });
  });
  const joined = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    joined.set(row, i * width);
  });
  return ndarray('float32', [count, width], learnCodes(joined, width, count, rng));
}

/** The model with heads for what is asked; an answer head that it has stays, with its answers. */
function withHeads({ config, parts }: Model, data: ImageTasks): Model {
  const answers = parts.answers ?? answersToOne(data);
  const judged = askable(data.train.questions, { answers: TRUTH, images: 2 }).length > 0;
  const { answers: _, ...heads } = config.tasks;
  const tasks = {
    ...heads,
    ...(answers.length > 0 ? { answers: answers.length } : {}),
    ...(judged ? { pairs: 2 } : {}),
  };
  return { config: { ...config, tasks }, parts: { ...parts, ...(answers.length > 0 ? { answers } : {}) } };
}

/** A model for the data: from nothing it learns its tokens, visual ones too; a checkpoint notes how images are fitted from now on. */
function partsFor(config: Beit3Config, parts: Beit3Parts | undefined, data: ImageTasks): Model {
  const seen = data.train.scenes ? {} : data.geometry; // scenes are drawn in the size that the model sees
  if (parts) {
    if (data.vocabulary !== null)
      throw new BowError('config', 'a checkpoint has its own vocabulary', { place: 'data.vocabulary' });
    if (config.tasks.answers !== undefined && !parts.answers)
      throw new BowError('checkpoint', 'the answer head’s classes have no names', {
        ...{ place: 'from', hint: 'answer2label.txt beside the weights, or id2label in config.json' },
      });
    return withHeads({ config, parts: { ...parts, pixels: { ...parts.pixels, ...seen } } }, data);
  }
  const tokenizer = trainUnigram(imageTasks.texts(data), { vocabulary: vocabularySize(data, config.vocabulary) });
  const own = { ...config, vocabulary: tokenizer.vocabulary };
  const pixels = { ...beit3Preprocessing(own), ...seen };
  const codes = own.tasks.codes === undefined ? undefined : codesFrom(own, data, pixels);
  return withHeads({ config: own, parts: { tokenizer, pixels, ...(codes ? { codes } : {}) } }, data);
}

const stages: Training<Beit3Config, Beit3Parts, ImageTasks, ImageNeeds>['stages'] = [
  {
    id: 'masked',
    when: (_, from) => from === 'nothing',
    objectives: maskedObjectives,
    benchmarks: () => [], // its heads predict what is hidden: the held-out loss says how well
    recipe: { steps: 1000, optimizer: adam(2e-3), evaluateEvery: 500 },
  } satisfies Stage<Beit3Config, Beit3Parts, ImageTasks>,
  {
    id: 'tasks',
    objectives: taskObjectives,
    recipe: { steps: 1500, optimizer: adam(5e-4), evaluateEvery: 500 }, // at the rate of masking the towers do not come apart
  },
];

export const beit3Training: Training<Beit3Config, Beit3Parts, ImageTasks, ImageNeeds> = {
  data: imageTasks,
  presets,
  presetFor: { from: 'fine-tune', lora: 'lora' },
  loraLayers: ['**/attn/q**', '**/attn/v**'], // with and without copies
  needs: (config, parts) => ({
    size: config.size,
    geometry: parts
      ? { shape: parts.pixels.shape, resample: parts.pixels.resample }
      : { shape: beit3Preprocessing(config).shape, resample: 'bicubic' },
  }),
  parts: partsFor,
  stem: ({ stem }) => (stem ? 'encoder/stem' : undefined),
  stages,
  examples: ['--preset scenes', '--data photos/ --from runs/beit3'],
  card: {
    summary: 'Texts and images in one transformer: finds images, answers questions about them, captions them.',
    pipelineTag: 'visual-question-answering',
  },
};
