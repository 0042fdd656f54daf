/** CLIP checkpoints: Hugging Face's `CLIPModel`, which ours are too, and open_clip's folders. */
import { BowError } from '../../base/index.ts';
import type { NdArray, Store } from '../../engine/index.ts';
import { type ModelFiles, readConfig } from '../../hub/index.ts';
import {
  type ImagePreprocessing,
  type ImageSize,
  preprocessingFromHuggingFace,
  preprocessingFromOpenClip,
  preprocessingToHuggingFace,
  preprocessingToOpenClip,
  withTargetSize,
} from '../../image/index.ts';
import { resizeTable } from '../../nn/index.ts';
import {
  type ClipTokenizer,
  type ClipTokenizerFiles,
  type ReadClipTokenizer,
  readClipMerges,
  readClipTokenizerFiles,
} from '../../text/index.ts';
import type { Layout, ModelParts } from '../definition.ts';
import { isOf } from '../layouts.ts';
import type { ClipConfig } from './clip.ts';
import { configFromHuggingFace, configToHuggingFace, huggingFaceKeys, isHuggingFaces } from './config-huggingface.ts';
import { configFromOpenClip, configToOpenClip, openClipKeys } from './config-open-clip.ts';
import { besideWeights, huggingFaceNames, openClipNames } from './names.ts';

/** What it takes to use a model beside its config and weights. */
export type ClipParts = {
  readonly tokenizer: ClipTokenizer;
  /** Most tokens of a text where the tokenizer's files allow fewer than the model (`model_max_length`). */
  readonly longest?: number;
  /** What texts are filled up with; matters to nothing, since every text is read at its end. */
  readonly pad: number;
  readonly pixels: ImagePreprocessing;
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const object = (x: unknown): Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null ? (x as Readonly<Record<string, unknown>>) : {};

/** OpenAI's own file. */
const openaiMerges = 'bpe_simple_vocab_16e6.txt';

const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  openaiMerges,
];

const preprocessing = ['processor_config.json', 'preprocessor_config.json'];

const squareOf = ({ visual }: ClipConfig): ImageSize => ({ width: visual.size, height: visual.size });

async function readTokenizer(files: ModelFiles, { text }: ClipConfig): Promise<Omit<ClipParts, 'pixels'>> {
  const { tokenizer, longest, pad } = await findTokenizer(files);
  const { place } = files;
  if (text.eot !== 'largest' && text.eot !== tokenizer.endOfText)
    throw new BowError('checkpoint', `texts end with the id ${tokenizer.endOfText}, the config says ${text.eot}`, {
      place,
      hint: 'the tokenizer and text_config.eos_token_id belong to different models',
    });
  const { vocabulary } = tokenizer;
  if (vocabulary > text.vocabulary)
    throw new BowError('checkpoint', `the tokenizer has ${vocabulary} ids, the model ${text.vocabulary}`, {
      place,
      detail: { added: tokenizer.added.filter(({ id }) => id >= text.vocabulary).map(({ content }) => content) },
      hint: 'the config’s vocab_size is that of the model: a token was added to the tokenizer alone',
    });
  return { tokenizer, pad, ...(longest !== undefined && longest < text.context ? { longest } : {}) };
}

/** A text that is read at its largest id would be read at its filling. */
function checkPad({ pad, tokenizer }: Omit<ClipParts, 'pixels'>, { text }: ClipConfig, files: ModelFiles): void {
  if (text.eot !== 'largest' || pad <= tokenizer.endOfText) return;
  throw new BowError(
    'checkpoint',
    `texts are read at their largest id, and pad_token has a larger one than their end`,
    {
      place: files.at('tokenizer_config.json'),
      detail: { pad, end: tokenizer.endOfText },
      hint: 'text_config.eos_token_id says where a text ends; 2 means the largest id',
    },
  );
}

async function findTokenizer(files: ModelFiles): Promise<ReadClipTokenizer> {
  const said: Record<string, unknown> = {};
  for (const name of tokenizerFiles)
    if (name.endsWith('.json') && files.names.has(name)) said[name] = await files.json(name);
  const merges = files.names.has('merges.txt') ? await files.text('merges.txt') : undefined;
  if ('tokenizer.json' in said || 'vocab.json' in said)
    return readClipTokenizerFiles({ ...said, 'merges.txt': merges } satisfies ClipTokenizerFiles, (f) => files.at(f));
  const openai = files.names.has(openaiMerges) ? await files.text(openaiMerges) : merges;
  if (openai === undefined)
    throw new BowError('data', 'no tokenizer: neither tokenizer.json nor vocab.json and merges.txt are there', {
      place: files.place,
    });
  const tokenizer = readClipMerges(openai);
  return { tokenizer, pad: tokenizer.endOfText };
}

/** The tokenizer's files, as Hugging Face's classes read them. */
function tokenizerJson({ config, parts }: ModelParts<ClipConfig, ClipParts>): Record<string, string> {
  return {
    'tokenizer.json': json(parts.tokenizer.toJson()),
    'tokenizer_config.json': json({
      tokenizer_class: 'CLIPTokenizer',
      model_max_length: parts.longest ?? config.text.context,
      bos_token: '<|startoftext|>',
      eos_token: '<|endoftext|>',
      pad_token: '<|endoftext|>',
      unk_token: parts.tokenizer.unknown,
    }),
  };
}

/**
 * The position table for images of another size: the class token's row stays, the others are interpolated bicubically with a = −0.75 and corners
 * not aligned; averaged when shrinking as open_clip does (`resize_pos_embed`), not averaged as Hugging Face does (`interpolate_pos_encoding`).
 */
function resizePositions(antialias: boolean): NonNullable<Layout<ClipConfig, ClipParts>['resize']> {
  return (store: Store, stored, wanted) => {
    if (wanted.visual.stages) return; // a residual tower has no positions
    const side = (c: ClipConfig): number => Math.floor(c.visual.size / c.visual.patch);
    const [from, to] = [side(stored), side(wanted)];
    const table: NdArray = store.get('visual/positions');
    if (from !== to)
      store.set('visual/positions', resizeTable(table, { from: [from, from], to: [to, to], keep: 1, antialias }));
  };
}

/** config.json of a `clip`; also what our own trainings write. */
export const huggingFaceLayout: Layout<ClipConfig, ClipParts> = {
  id: 'huggingface',
  settings: ['config.json', ...preprocessing, ...tokenizerFiles],
  recognises: (files) => isOf(files, 'clip'),
  config: async (files) => configFromHuggingFace(await readConfig(files, ['clip']), files.at('config.json')),
  parts: async (files, config, stored) => {
    const tokenizer = await readTokenizer(files, config);
    checkPad(tokenizer, config, files);
    const said: Record<string, unknown> = {};
    for (const name of preprocessing) if (files.names.has(name)) said[name] = await files.json(name);
    const pixels = preprocessingFromHuggingFace(said, { place: files.place, size: squareOf(stored) });
    return { ...tokenizer, pixels: withTargetSize(pixels, squareOf(config)) };
  },
  names: (config) => (isHuggingFaces(config) ? huggingFaceNames(config) : undefined),
  beside: besideWeights,
  keys: huggingFaceKeys,
  write: (model) => ({
    'config.json': json(configToHuggingFace(model.config)),
    'preprocessor_config.json': json(
      preprocessingToHuggingFace(withTargetSize(model.parts.pixels, squareOf(model.config))),
    ),
    ...tokenizerJson(model),
  }),
  resize: resizePositions(false),
};

/** open_clip's config. It reads a text at the largest id of its row: error `config` where the end of text may not be that. */
function readAtLargest({ config, parts }: ModelParts<ClipConfig, ClipParts>): ReturnType<typeof configToOpenClip> {
  const { endOfText, vocabulary } = parts.tokenizer;
  if (config.text.eot === 'largest' || endOfText === vocabulary - 1) return configToOpenClip(config);
  throw new BowError('config', 'open_clip reads a text at its largest id, which here is not always its end', {
    place: 'text.eot',
    detail: { 'end of text': endOfText, 'largest id': vocabulary - 1 },
    hint: 'the layout huggingface says where a text ends',
  });
}

/** open_clip_config.json. timm writes a config.json of its own beside it, which is not a `clip`'s. */
export const openClipLayout: Layout<ClipConfig, ClipParts> = {
  id: 'open-clip',
  settings: ['open_clip_config.json', 'config.json', ...tokenizerFiles],
  weights: 'open_clip_model.safetensors',
  recognises: async (files) => files.names.has('open_clip_config.json') && !(await isOf(files, 'clip')),
  config: async (files) =>
    configFromOpenClip(await files.json('open_clip_config.json'), files.at('open_clip_config.json')),
  parts: async (files, config, stored) => {
    const said = object(await files.json('open_clip_config.json'))['preprocess_cfg'];
    const pixels = preprocessingFromOpenClip(said, { place: files.place, size: squareOf(stored) });
    return { ...(await readTokenizer(files, config)), pad: 0, pixels: withTargetSize(pixels, squareOf(config)) };
  },
  names: (config) => (config.visual.stages || config.text.bag ? undefined : openClipNames(config)),
  beside: besideWeights,
  keys: openClipKeys,
  write: (model) => ({
    'open_clip_config.json': json({
      model_cfg: readAtLargest(model),
      preprocess_cfg: preprocessingToOpenClip(model.parts.pixels),
    }),
    'preprocessor_config.json': json(
      preprocessingToHuggingFace(withTargetSize(model.parts.pixels, squareOf(model.config))),
    ),
    ...tokenizerJson(model),
  }),
  resize: resizePositions(true),
};
