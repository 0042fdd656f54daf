/**
 * Folders of ALBEF checkpoints. The released ones are PyTorch archives without settings; their `model` as safetensors keeps its keys here, and config.json
 * is ours: the config itself, or the released code's settings as one object (config-official.ts).
 */
import { BowError, isRecord } from '../../base/index.ts';
import type { NdArray, Store } from '../../engine/index.ts';
import { type ModelFiles, readConfig } from '../../hub/index.ts';
import {
  clipPreprocessing,
  type ImagePreprocessing,
  preprocessingFromHuggingFace,
  preprocessingToHuggingFace,
  withTargetSize,
} from '../../image/index.ts';
import { resizeTable } from '../../nn/index.ts';
import { readWordPieceFiles, type WordPiece, wordPieceFiles } from '../../text/index.ts';
import type { Layout, ModelParts } from '../definition.ts';
import { isOf } from '../layouts.ts';
import { soundConfig, withoutPrefix } from '../loading.ts';
import { type AlbefConfig, albefConfig, classNames } from './config.ts';
import { configFromOfficial, isOfficial } from './config-official.ts';
import { albefNames, besideWeights } from './names.ts';
import { readTrainingState } from './state.ts';

/** What it takes to use a model beside its config and weights. */
export type AlbefParts = {
  readonly tokenizer: WordPiece;
  readonly pixels: ImagePreprocessing;
  /** Answers that are ranked, or the names of the classes, in their order; none where the model answers nothing. */
  readonly answers: readonly string[];
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** What all keys begin with where more of the archive than its `model` was converted, or a model in its wrapper for several GPUs. */
const wrappers: readonly string[] = ['model.', 'module.'];

/** The released code's own name for the list of answers. */
const ANSWERS = 'answer_list.json';
const PIXELS = 'preprocessor_config.json';

async function readParts(files: ModelFiles, config: AlbefConfig, stored: AlbefConfig): Promise<AlbefParts> {
  const found: Record<string, unknown> = {};
  for (const name of wordPieceFiles)
    if (files.names.has(name)) found[name] = await (name.endsWith('.json') ? files.json(name) : files.text(name));
  const { tokenizer } = readWordPieceFiles(found, (name) => files.at(name));
  checkTokenizer(tokenizer, config, files.place);
  const side = stored.visual.size;
  const pixels = files.names.has(PIXELS)
    ? preprocessingFromHuggingFace({ [PIXELS]: await files.json(PIXELS) }, { place: files.place, size: squareOf(side) })
    : clipPreprocessing(side, 'stretch'); // released code, dataset/__init__.py: resized to a square whatever their shape
  const answers = files.names.has(ANSWERS)
    ? listOfTexts(await files.json(ANSWERS), files.at(ANSWERS))
    : (classNames[config.heads.classes ?? 0] ?? []);
  if (config.heads.classes !== undefined && answers.length > 0 && answers.length !== config.heads.classes)
    throw new BowError('checkpoint', `${answers.length} names for ${config.heads.classes} classes`, {
      place: files.at(ANSWERS),
    });
  return { tokenizer, pixels: withTargetSize(pixels, squareOf(config.visual.size)), answers };
}

const squareOf = (side: number): { width: number; height: number } => ({ width: side, height: side });

function checkTokenizer({ vocabulary, ids }: WordPiece, { text }: AlbefConfig, place: string): void {
  if (vocabulary > text.vocabulary)
    throw new BowError('checkpoint', `the tokenizer has ${vocabulary} ids, the model ${text.vocabulary}`, { place });
  if (ids.pad !== text.pad)
    throw new BowError('checkpoint', `[PAD] has the id ${ids.pad}, the config says ${text.pad}`, { place });
}

function listOfTexts(x: unknown, place: string): string[] {
  if (Array.isArray(x) && x.every((a) => typeof a === 'string')) return x;
  throw new BowError('checkpoint', 'not a list of texts', { place });
}

async function readSettings(files: ModelFiles): Promise<AlbefConfig> {
  const said = await files.json('config.json');
  const place = files.at('config.json');
  const sound = (config: unknown): AlbefConfig =>
    soundConfig({ config: albefConfig }, config, { code: 'checkpoint', place });
  if (isOfficial(said)) {
    await using weights = await files.tensors();
    return sound(configFromOfficial(said, wrappers.reduce(withoutPrefix, weights), place));
  }
  const { model_type: _, ...config } = await readConfig(files, ['albef']);
  return sound(config);
}

/** True for settings in the released code's form. */
async function isReleased(files: ModelFiles): Promise<boolean> {
  if (!files.names.has('config.json')) return false;
  const said = await files.json('config.json');
  const bert = isOfficial(said) && isRecord(said) ? said['bert_config'] : undefined;
  return isRecord(bert) && 'fusion_layer' in bert;
}

/**
 * The positions of images of another size, of the model and of its momentum twin: the row of [CLS] stays, the others are interpolated bicubically without
 * averaging, corners not aligned (models/vit.py, `interpolate_pos_embed`).
 */
function resizePositions(store: Store, stored: AlbefConfig, wanted: AlbefConfig): void {
  const side = ({ visual }: AlbefConfig): number => visual.size / visual.patch;
  const [from, to] = [side(stored), side(wanted)];
  if (from === to) return;
  for (const path of ['visual/positions', 'teacher/visual/positions']) {
    if (!store.has(path)) continue;
    const table: NdArray = store.get(path);
    store.set(path, resizeTable(table, { from: [from, from], to: [to, to], keep: 1 }));
  }
}

export const albefLayout: Layout<AlbefConfig, AlbefParts> = {
  id: 'albef',
  settings: ['config.json', PIXELS, ANSWERS, ...wordPieceFiles],
  recognises: async (files) => (await isOf(files, 'albef')) || (await isReleased(files)),
  config: readSettings,
  parts: readParts,
  names: (config) => (config.visual.stem ? undefined : albefNames(config)),
  beside: besideWeights,
  wrappers,
  state: readTrainingState,
  keys: {
    depth: 'visual.depth, text.depth, text.fusion, images and heads',
    shapes: [
      [/^visual\/positions$/, 'visual.size and visual.patch'],
      [/^visual\//, 'visual'],
      [/embeddings\/tokens|head\/bias/, 'text.vocabulary and text.width'],
      [/embeddings\/positions/, 'text.context'],
      [/_projection\//, 'heads.contrast'],
      [/^classifier\/fc2/, 'heads.classes'],
      [/^(text|decoder)\//, 'text'],
    ],
  },
  write: ({ config, parts }: ModelParts<AlbefConfig, AlbefParts>) => ({
    'config.json': json({ model_type: 'albef', ...config }),
    [PIXELS]: json(preprocessingToHuggingFace(parts.pixels)),
    ...(parts.answers.length > 0 ? { [ANSWERS]: json(parts.answers) } : {}),
    ...parts.tokenizer.files(config.text.context),
  }),
  resize: resizePositions,
};
