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
import { type ClipTokenizer, readClipMerges, readClipTokenizer } from '../../text/index.ts';
import type { Layout, ModelParts } from '../definition.ts';
import { isOf } from '../layouts.ts';
import type { ClipConfig } from './clip.ts';
import { configFromHuggingFace, configFromOpenClip, configToHuggingFace, configToOpenClip } from './config-files.ts';
import { besideWeights, huggingFaceNames, openClipNames } from './names.ts';

/** What it takes to use a model beside its config and weights. */
export type ClipParts = {
  readonly tokenizer: ClipTokenizer;
  /** What texts are filled up with; matters to nothing, since every text is read at its end. */
  readonly pad: number;
  readonly pixels: ImagePreprocessing;
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const object = (x: unknown): Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null ? (x as Readonly<Record<string, unknown>>) : {};

const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.json',
  'merges.txt',
  'bpe_simple_vocab_16e6.txt',
];

const preprocessing = ['processor_config.json', 'preprocessor_config.json'];

const squareOf = ({ visual }: ClipConfig): ImageSize => ({ width: visual.size, height: visual.size });

async function readTokenizer(files: ModelFiles, { text }: ClipConfig): Promise<ClipTokenizer> {
  const tokenizer = await findTokenizer(files);
  const place = files.place;
  if (text.eot !== 'largest' && text.eot !== tokenizer.endOfText)
    throw new BowError('checkpoint', `texts end with the id ${tokenizer.endOfText}, the config says ${text.eot}`, {
      place,
      hint: 'tokenizer.json and text_config.eos_token_id belong to different models',
    });
  const { vocabulary } = tokenizer;
  if (vocabulary <= text.vocabulary) return tokenizer;
  throw new BowError('checkpoint', `the tokenizer has ${vocabulary} ids, the model ${text.vocabulary}`, { place });
}

async function findTokenizer(files: ModelFiles): Promise<ClipTokenizer> {
  if (files.names.has('tokenizer.json')) return readClipTokenizer(await files.json('tokenizer.json'));
  for (const name of ['merges.txt', 'bpe_simple_vocab_16e6.txt'])
    if (files.names.has(name)) return readClipMerges(await files.text(name));
  throw new BowError('data', 'no tokenizer: neither tokenizer.json nor merges.txt is there', { place: files.place });
}

/** The tokenizer's files, as Hugging Face's classes read them. */
function tokenizerJson({ config, parts }: ModelParts<ClipConfig, ClipParts>): Record<string, string> {
  return {
    'tokenizer.json': json(parts.tokenizer.toJson()),
    'tokenizer_config.json': json({
      tokenizer_class: 'CLIPTokenizer',
      model_max_length: config.text.context,
      bos_token: '<|startoftext|>',
      eos_token: '<|endoftext|>',
      pad_token: '<|endoftext|>',
      unk_token: '<|endoftext|>',
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
    const side = (c: ClipConfig): number => c.visual.size / c.visual.patch;
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
  config: async (files) => configFromHuggingFace(await readConfig(files, ['clip'])),
  parts: async (files, config, stored) => {
    const tokenizer = await readTokenizer(files, config);
    const said: Record<string, unknown> = {};
    for (const name of preprocessing) if (files.names.has(name)) said[name] = await files.json(name);
    const pixels = preprocessingFromHuggingFace(said, { place: files.place, size: squareOf(stored) });
    return { tokenizer, pad: tokenizer.endOfText, pixels: withTargetSize(pixels, squareOf(config)) };
  },
  names: (config) => (config.visual.stages ? undefined : huggingFaceNames(config)),
  beside: besideWeights,
  write: (model) => ({
    'config.json': json(configToHuggingFace(model.config)),
    'preprocessor_config.json': json(
      preprocessingToHuggingFace(withTargetSize(model.parts.pixels, squareOf(model.config))),
    ),
    ...tokenizerJson(model),
  }),
  resize: resizePositions(false),
};

/** open_clip_config.json. timm writes a config.json of its own beside it, which is not a `clip`'s. */
export const openClipLayout: Layout<ClipConfig, ClipParts> = {
  id: 'open-clip',
  settings: ['open_clip_config.json', 'config.json', ...tokenizerFiles],
  weights: 'open_clip_model.safetensors',
  recognises: async (files) => files.names.has('open_clip_config.json') && !(await isOf(files, 'clip')),
  config: async (files) => configFromOpenClip(await files.json('open_clip_config.json')),
  parts: async (files, config, stored) => {
    const said = object(await files.json('open_clip_config.json'))['preprocess_cfg'];
    const pixels = preprocessingFromOpenClip(said, { place: files.place, size: squareOf(stored) });
    return {
      tokenizer: await readTokenizer(files, config),
      pad: 0,
      pixels: withTargetSize(pixels, squareOf(config)),
    };
  },
  names: (config) => (config.visual.stages ? undefined : openClipNames(config)),
  beside: besideWeights,
  write: (model) => ({
    'open_clip_config.json': json({
      model_cfg: configToOpenClip(model.config),
      preprocess_cfg: preprocessingToOpenClip(model.parts.pixels),
    }),
    'preprocessor_config.json': json(
      preprocessingToHuggingFace(withTargetSize(model.parts.pixels, squareOf(model.config))),
    ),
    ...tokenizerJson(model),
  }),
  resize: resizePositions(true),
};
