/** CLIP checkpoints on disk: config.json, model.safetensors, tokenizer.json, preprocessor_config.json; also open_clip's folders. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BowError } from '../base/index.ts';
import { publishFolder, readText, writeFileAtomic } from '../base/node/index.ts';
import { type F, type I, type NdArray, ndarray, Store, trace } from '../engine/index.ts';
import { readConfig, type Safetensors } from '../hub/index.ts';
import { openModelFiles, openSafetensors, writeSafetensors } from '../hub/node/index.ts';
import {
  type ImagePreprocessing,
  preprocessingFromHuggingFace,
  preprocessingFromOpenClip,
  preprocessingToHuggingFace,
  preprocessingToOpenClip,
  withTargetSize,
} from '../image/index.ts';
import { resizeTable } from '../nn/index.ts';
import { type ClipTokenizer, readClipMerges, readClipTokenizer } from '../text/index.ts';
import { type ClipConfig, clip } from './clip.ts';
import { configFromHuggingFace, configFromOpenClip, configToHuggingFace, configToOpenClip } from './clip-config.ts';
import { type ClipNaming, checkKeys, readClipTensors, writeClipTensors } from './clip-names.ts';

/** A model with all that it takes to use it. */
export type ClipModel = {
  readonly config: ClipConfig;
  readonly store: Store;
  readonly tokenizer: ClipTokenizer;
  /** What texts are filled up with; matters to nothing, since every text is read at its end. */
  readonly pad: number;
  readonly pixels: ImagePreprocessing;
};

const depthOf = (c: ClipConfig): { visual: number; text: number } => ({ visual: c.visual.depth, text: c.text.depth });

async function readJson(folder: string, name: string): Promise<unknown> {
  const place = join(folder, name);
  const text = await readText(place);
  try {
    return JSON.parse(text);
  } catch (e) {
    throw new BowError('checkpoint', `${name} is not JSON`, { place, cause: e });
  }
}

/** True for a folder that open_clip reads and Hugging Face's `CLIPModel` does not (timm writes a config.json of its own beside open_clip's). */
export async function isOpenClip(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'open_clip_config.json'))) return false;
  if (!existsSync(join(folder, 'config.json'))) return true;
  return object(await readJson(folder, 'config.json'))['model_type'] !== 'clip';
}

const object = (x: unknown): Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null ? (x as Readonly<Record<string, unknown>>) : {};

/**
 * Opens a checkpoint folder of ours or Hugging Face's (config.json of a `clip`), or open_clip's (open_clip_config.json). Errors: `data` for missing
 * files, `checkpoint` for what is damaged or of another kind. `size`: for images of another size than the checkpoint's, in pixels; the positions
 * are interpolated as the library does whose folder it is. Error `config` for one that the patches do not tile.
 */
export async function loadClip(folder: string, o: { readonly size?: number } = {}): Promise<ClipModel> {
  const openClip = await isOpenClip(folder);
  const stored = openClip
    ? configFromOpenClip(await readJson(folder, 'open_clip_config.json'))
    : configFromHuggingFace(await readConfig(await openModelFiles(folder), ['clip']));
  const config = forSize(stored, o.size ?? stored.visual.size);
  const weights = join(folder, 'open_clip_model.safetensors');
  await using file = await openSafetensors(openClip && existsSync(weights) ? weights : folder);
  const store = new Store();
  if (config.visual.stages) await readOwnTensors(file, store, config);
  else {
    for (const [path, array] of await readClipTensors(file, depthOf(config))) store.set(path, array);
    store.set('visual/positions', fittedPositions(store.get('visual/positions'), stored, config, openClip));
  }
  checkShapes(store, config, file.place);
  const tokenizer = await loadTokenizer(folder);
  checkEnd(tokenizer, config, folder);
  if (tokenizer.vocabulary > config.text.vocabulary)
    throw new BowError(
      'checkpoint',
      `the tokenizer has ${tokenizer.vocabulary} ids, the model ${config.text.vocabulary}`,
      {
        place: folder,
      },
    );
  return {
    config,
    store,
    tokenizer,
    pad: openClip ? 0 : tokenizer.endOfText,
    pixels: withTargetSize(await loadPixels(folder, openClip, stored.visual.size), squareOf(config.visual.size)),
  };
}

/** A model that no other library has: its tensors have our paths. Running statistics are buffers. */
async function readOwnTensors(file: Safetensors, store: Store, config: ClipConfig): Promise<void> {
  checkKeys(file, paramsOf(config).keys());
  for (const path of file.names) {
    const { shape, data } = await file.readFloat32(path);
    store.set(path, ndarray('float32', shape, data), /\/running_(mean|var)$/.test(path) ? 'buffer' : 'param');
  }
}

/** Shapes of all parameters and buffers of a model, by path. */
function paramsOf(c: ClipConfig): Map<string, readonly number[]> {
  const { size } = c.visual;
  const inputs = {
    image: { dtype: 'float32', shape: [1, 3, size, size] },
    tokens: { dtype: 'int32', shape: [1, c.text.context] },
  } as const;
  const { params } = trace(
    (s, x) => ({ scale: clip(s, { image: x['image'] as F<'b c y x'>, tokens: x['tokens'] as I<'b n'> }, c).scale }),
    inputs,
  ).trace;
  return new Map([...params].map(([path, { spec }]) => [path, spec.shape]));
}

/** Throws `checkpoint` for weights of other sizes than the config's: reported when a model is opened, not when it is first used. */
function checkShapes(store: Store, config: ClipConfig, place: string): void {
  for (const [path, wanted] of paramsOf(config)) {
    const { shape } = store.get(path);
    if (shape.join() === wanted.join()) continue;
    throw new BowError('checkpoint', `the weights do not fit the config: "${path}" has another shape`, {
      place,
      detail: { stored: shape, 'of the config': wanted },
    });
  }
}

/** Throws `checkpoint` when the model looks for another end of text than the tokenizer writes: it would read every text at the same place. */
function checkEnd(tokenizer: ClipTokenizer, { text }: ClipConfig, place: string): void {
  if (text.eot === 'largest' || text.eot === tokenizer.endOfText) return;
  throw new BowError('checkpoint', `texts end with the id ${tokenizer.endOfText}, the config says ${text.eot}`, {
    place,
    hint: 'tokenizer.json and text_config.eos_token_id belong to different models',
  });
}

/** The model for images of `size` × `size` pixels. */
export function forSize(c: ClipConfig, size: number): ClipConfig {
  const patch = c.visual.patch * 2 ** ((c.visual.stages?.length ?? 1) - 1); // every further stage halves the places
  if (Number.isInteger(size) && size >= patch && size % patch === 0) return { ...c, visual: { ...c.visual, size } };
  throw new BowError('config', `patches of ${patch} pixels do not tile images of ${size}`, {
    place: 'size',
    hint: `a multiple of ${patch}, such as ${patch * Math.max(1, Math.round(size / patch) || 1)}`,
  });
}

/**
 * The position table for another grid: the class token's row stays, the others are interpolated bicubically with a = −0.75 and corners not aligned;
 * averaged when shrinking as open_clip does (`resize_pos_embed`), not averaged as Hugging Face does (`interpolate_pos_encoding`).
 */
function fittedPositions(table: NdArray, stored: ClipConfig, wanted: ClipConfig, antialias: boolean): NdArray {
  const side = (c: ClipConfig): number => c.visual.size / c.visual.patch;
  const [from, to] = [side(stored), side(wanted)];
  return from === to ? table : resizeTable(table, { from: [from, from], to: [to, to], keep: 1, antialias });
}

async function loadTokenizer(folder: string): Promise<ClipTokenizer> {
  if (existsSync(join(folder, 'tokenizer.json'))) return readClipTokenizer(await readJson(folder, 'tokenizer.json'));
  for (const name of ['merges.txt', 'bpe_simple_vocab_16e6.txt'])
    if (existsSync(join(folder, name))) return readClipMerges(await readText(join(folder, name)));
  throw new BowError('data', 'no tokenizer: neither tokenizer.json nor merges.txt is there', { place: folder });
}

const squareOf = (size: number): { width: number; height: number } => ({ width: size, height: size });

/** What the published files say of images; a model of `size` pixels takes no others. */
async function loadPixels(folder: string, openClip: boolean, size: number): Promise<ImagePreprocessing> {
  const read = async (name: string): Promise<unknown> =>
    existsSync(join(folder, name)) ? await readJson(folder, name) : undefined;
  const o = { place: folder, size: squareOf(size) };
  if (openClip) return preprocessingFromOpenClip(object(await read('open_clip_config.json'))['preprocess_cfg'], o);
  const [processor, preprocessor] = ['processor_config.json', 'preprocessor_config.json'] as const;
  return preprocessingFromHuggingFace(
    { [processor]: await read(processor), [preprocessor]: await read(preprocessor) },
    o,
  );
}

/** The files beside the weights, by name, as Hugging Face's classes read them. */
export function clipFiles(
  tokenizer: ClipTokenizer,
  config: ClipConfig,
  pixels: ImagePreprocessing,
): Record<string, string> {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'tokenizer.json': json(tokenizer.toJson()),
    'tokenizer_config.json': json({
      tokenizer_class: 'CLIPTokenizer',
      model_max_length: config.text.context,
      bos_token: '<|startoftext|>',
      eos_token: '<|endoftext|>',
      pad_token: '<|endoftext|>',
      unk_token: '<|endoftext|>',
    }),
    'preprocessor_config.json': json(preprocessingToHuggingFace(withTargetSize(pixels, squareOf(config.visual.size)))),
  };
}

/** Writes a model for Hugging Face's `CLIPModel` or, with `naming: 'open-clip'`, for open_clip. */
export async function saveClip(
  folder: string,
  model: ClipModel,
  o: { readonly naming?: Exclude<ClipNaming, 'bow2bot'> } = {},
): Promise<void> {
  const { config, store, tokenizer, pixels } = model;
  const naming = o.naming ?? 'huggingface';
  const params = new Map([...store.entries('param', 'buffer')].map(([p, a]) => [p, a as NdArray<'float32'>]));
  const tensors = config.visual.stages ? params : writeClipTensors(params, naming, depthOf(config));
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  await publishFolder(folder, async (f) => {
    const name = naming === 'huggingface' ? 'model.safetensors' : 'open_clip_model.safetensors';
    await writeSafetensors(join(f, name), tensors, { metadata: { format: 'pt' } });
    for (const [file, text] of Object.entries(clipFiles(tokenizer, config, pixels)))
      await writeFileAtomic(join(f, file), text);
    if (naming === 'huggingface') return writeFileAtomic(join(f, 'config.json'), json(configToHuggingFace(config)));
    await writeFileAtomic(
      join(f, 'open_clip_config.json'),
      json({ model_cfg: configToOpenClip(config), preprocess_cfg: preprocessingToOpenClip(pixels) }),
    );
  });
}
