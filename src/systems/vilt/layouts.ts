/** ViLT checkpoints: Hugging Face's classes, whose layout ours is too, and the paper's own code. */
import { BowError, isRecord } from '../../base/index.ts';
import { type ModelFiles, readConfig } from '../../hub/index.ts';
import {
  type ImagePreprocessing,
  preprocessingFromHuggingFace,
  preprocessingToHuggingFace,
  withTargetSize,
} from '../../image/index.ts';
import { resizeTable } from '../../nn/index.ts';
import { readWordPieceFiles, type WordPiece, wordPieceFiles } from '../../text/index.ts';
import type { Layout, ModelParts } from '../definition.ts';
import { isOf } from '../layouts.ts';
import { PAD, type ViltConfig } from './config.ts';
import { configFromHuggingFace, configToHuggingFace, huggingFaceKeys, labelsOf } from './config-huggingface.ts';
import { configFromOfficial, configToOfficial, isOfficial, unsaidByOfficial } from './config-official.ts';
import { besideWeights, huggingFaceNames, officialNames } from './names.ts';

/** What it takes to use a model beside its config and weights. */
export type ViltParts = {
  readonly tokenizer: WordPiece;
  /** Most tokens of a text where the tokenizer's files allow fewer than the model (`model_max_length`). */
  readonly longest?: number;
  readonly pixels: ImagePreprocessing;
  /** The answers of the classifier for questions, in its order. */
  readonly answers: readonly string[];
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const preprocessing = ['processor_config.json', 'preprocessor_config.json'];
const settings = ['config.json', ...preprocessing, ...wordPieceFiles];

/** The file of the paper's release that names the answers of its classifier by number. */
const answersFile = 'vqa_dict.json';

/**
 * The paper's images (§4.2): the shorter side gets `size` pixels, the longer at most 1333/800 as many, both cut down to multiples of 32; bicubic;
 * channels from −1 to 1.
 */
export function viltPreprocessing(size: number): ImagePreprocessing {
  const longest = Math.trunc((1333 / 800) * size);
  const half = [0.5, 0.5, 0.5] as const;
  return {
    shape: { kind: 'shorter', shorter: size, longest, multiple: 32 },
    resample: 'bicubic',
    mean: half,
    std: half,
  };
}

/** The same preprocessing for a model of another size. */
function sized(p: ImagePreprocessing, size: number): ImagePreprocessing {
  if (p.shape.kind === 'fixed') return withTargetSize(p, { width: size, height: size });
  const { multiple } = p.shape;
  return { ...p, shape: { ...viltPreprocessing(size).shape, ...(multiple === undefined ? {} : { multiple }) } };
}

async function readTokenizer(
  files: ModelFiles,
  { text }: ViltConfig,
): Promise<Pick<ViltParts, 'tokenizer' | 'longest'>> {
  const said: Record<string, unknown> = {};
  for (const name of wordPieceFiles)
    if (files.names.has(name)) said[name] = name.endsWith('.txt') ? await files.text(name) : await files.json(name);
  const { tokenizer, longest } = readWordPieceFiles(said, (name) => files.at(name));
  const { place } = files;
  if (tokenizer.vocabulary > text.vocabulary)
    throw new BowError('checkpoint', `the tokenizer has ${tokenizer.vocabulary} ids, the model ${text.vocabulary}`, {
      place,
      hint: 'the tokenizer and vocab_size belong to different models',
    });
  if (tokenizer.ids.pad !== PAD)
    throw new BowError('checkpoint', `[PAD] has the id ${tokenizer.ids.pad}, and ViLT hides what has ${PAD}`, {
      place,
    });
  return { tokenizer, ...(longest !== undefined && longest < text.context ? { longest } : {}) };
}

async function readPixels(files: ModelFiles, config: ViltConfig, stored: ViltConfig): Promise<ImagePreprocessing> {
  const said: Record<string, unknown> = {};
  for (const name of preprocessing) if (files.names.has(name)) said[name] = await files.json(name);
  const { size } = stored.image;
  if (Object.keys(said).length === 0) return viltPreprocessing(config.image.size);
  const o = { place: files.place, size: { width: size, height: size }, processor: 'ViltImageProcessor' };
  const read = preprocessingFromHuggingFace(said, o);
  checkTiled(read, stored, files.place);
  return config.image.size === size ? read : sized(read, config.image.size);
}

/** Sides that are no multiples of the patch would leave pixels that belong to none. */
function checkTiled({ shape }: ImagePreprocessing, { image }: ViltConfig, place: string): void {
  const sides = shape.kind === 'fixed' ? [shape.width, shape.height] : [shape.multiple ?? 1];
  if (sides.every((n) => n % image.patch === 0)) return;
  throw new BowError('checkpoint', `patches of ${image.patch} pixels do not tile the images`, {
    place,
    detail: { multiples: sides },
    hint: 'size_divisor (or size) of the images and patch_size of the model are of different models',
  });
}

/** The settings beside the config. */
const partsJson = ({ config, parts }: ModelParts<ViltConfig, ViltParts>): Record<string, string> => ({
  'preprocessor_config.json': json(preprocessingToHuggingFace(parts.pixels)),
  ...parts.tokenizer.files(parts.longest ?? config.text.context),
});

/** Positions for images of another size, corner on corner as the model fits them to every image. */
const resize: NonNullable<Layout<ViltConfig, ViltParts>['resize']> = (store, stored, wanted) => {
  const side = ({ image }: ViltConfig): number => Math.floor(image.size / image.patch);
  const [from, to] = [side(stored), side(wanted)];
  const o = { from: [from, from], to: [to, to], keep: 1, method: 'linear', alignCorners: true } as const;
  if (from !== to) store.set('image/positions', resizeTable(store.get('image/positions'), o));
};

/** config.json of a `vilt`; also what our own trainings write. */
export const huggingFaceLayout: Layout<ViltConfig, ViltParts> = {
  id: 'huggingface',
  settings,
  recognises: (files) => isOf(files, 'vilt'),
  config: async (files) => configFromHuggingFace(await readConfig(files, ['vilt']), files.at('config.json')),
  parts: async (files, config, stored) => ({
    ...(await readTokenizer(files, config)),
    pixels: await readPixels(files, config, stored),
    answers: config.tasks.answers ? labelsOf(await readConfig(files, ['vilt']), files.at('config.json')) : [],
  }),
  names: (config) => (config.image.stem ? undefined : huggingFaceNames(config)),
  beside: besideWeights,
  keys: huggingFaceKeys,
  write: (model) => ({
    'config.json': json(configToHuggingFace(model.config, model.parts.answers)),
    ...partsJson(model),
  }),
  resize,
};

/** The answers of the release's file: names by number. Error `checkpoint` for another number of them than the model's. */
async function readAnswers(files: ModelFiles, { tasks }: ViltConfig): Promise<string[]> {
  if (!tasks.answers) return [];
  if (!files.names.has(answersFile))
    throw new BowError('data', `no ${answersFile}: the answers of the classifier have no names`, {
      place: files.place,
      hint: 'it lies beside the weights in the release of the paper’s code',
    });
  const found = await files.json(answersFile);
  const list = isRecord(found) ? Array.from({ length: tasks.answers }, (_, i) => found[i]) : [];
  if (isRecord(found) && Object.keys(found).length === tasks.answers && list.every((x) => typeof x === 'string'))
    return list as string[];
  throw new BowError('checkpoint', `${answersFile} does not name ${tasks.answers} answers by the numbers from 0 on`, {
    place: files.at(answersFile),
  });
}

/** What the paper's code cannot hold is an error that says so. */
function checkOfficial(config: ViltConfig): ViltConfig {
  const unsaid = unsaidByOfficial(config);
  if (unsaid === undefined) return config;
  throw new BowError('config', `the paper’s code has no ${unsaid}`, { hint: 'the layout huggingface has' });
}

/**
 * The config of the paper's code as config.json, its `state_dict` as model.safetensors, the tokenizer of bert-base-uncased beside; images are prepared as
 * in the paper where no preprocessor_config.json says otherwise.
 */
export const officialLayout: Layout<ViltConfig, ViltParts> = {
  id: 'official',
  settings: [...settings, answersFile],
  recognises: async (files) => files.names.has('config.json') && isOfficial(await files.json('config.json')),
  config: async (files) => configFromOfficial(await files.json('config.json'), files.at('config.json')),
  parts: async (files, config, stored) => ({
    ...(await readTokenizer(files, config)),
    pixels: await readPixels(files, config, stored),
    answers: await readAnswers(files, config),
  }),
  names: (config) => (config.image.stem ? undefined : officialNames(config)),
  beside: besideWeights,
  wrappers: ['state_dict.', 'model.', 'module.'], // as conversions of a Lightning checkpoint may leave them
  keys: {
    depth: 'num_layers, and the heads by loss_names',
    shapes: [
      [/^image\//, 'vit (or vision) and hidden_size'],
      [/^text\//, 'vocab_size, max_text_len and hidden_size'],
      [/^answers\/fc2/, 'vqav2_label_size'],
      [/./, 'hidden_size and mlp_ratio'],
    ],
  },
  write: (model) => ({
    'config.json': json(configToOfficial(checkOfficial(model.config))),
    ...(model.config.tasks.answers
      ? { [answersFile]: json(Object.fromEntries(model.parts.answers.map((name, i) => [i, name]))) }
      : {}),
    ...partsJson(model),
  }),
  resize,
};
