/** VLMo checkpoints: the code's state dict as safetensors, with its settings in config.json and BERT's tokenizer beside. Ours are written so, too. */
import { BowError, isRecord, refuseSetting } from '../../base/index.ts';
import type { Store } from '../../engine/index.ts';
import { ndarray } from '../../engine/index.ts';
import { type ModelFiles, readConfig } from '../../hub/index.ts';
import {
  type ImagePreprocessing,
  type ImageSize,
  preprocessingFromHuggingFace,
  preprocessingToHuggingFace,
  squareGeometry,
  withTargetSize,
} from '../../image/index.ts';
import { readWordPieceFiles, type WordPiece, wordPieceFiles } from '../../text/index.ts';
import type { Layout } from '../definition.ts';
import { isOf } from '../layouts.ts';
import type { VlmoConfig } from './config.ts';
import { configFromFile, configKeys, configToFile } from './config-file.ts';
import { besideWeights, vlmoNames } from './names.ts';
import { resizePositions } from './resize.ts';
import { PAD } from './vlmo.ts';

/** What it takes to use a model beside its config and weights. */
export type VlmoParts = {
  readonly tokenizer: WordPiece;
  readonly pixels: ImagePreprocessing;
  /** What the classifier's classes mean; undefined where the files do not say. */
  readonly answers?: readonly string[];
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const preprocessing = 'preprocessor_config.json';
const half = [0.5, 0.5, 0.5] as const;

/** Images squashed to squares by the bicubic filter, as numbers from −1 to 1 (`square_transform`). */
export function vlmoPreprocessing(size: number): ImagePreprocessing {
  return { ...squareGeometry(size, 'stretch'), mean: half, std: half };
}

const squareOf = ({ size }: VlmoConfig): ImageSize => ({ width: size, height: size });

async function readTokenizer(files: ModelFiles, { text }: VlmoConfig): Promise<WordPiece> {
  const said: Record<string, unknown> = {};
  for (const name of wordPieceFiles)
    if (files.names.has(name)) said[name] = name.endsWith('.json') ? await files.json(name) : await files.text(name);
  const { tokenizer } = readWordPieceFiles(said, (name) => files.at(name));
  const { place } = files;
  if (tokenizer.vocabulary > text.vocabulary)
    throw new BowError('checkpoint', `the tokenizer has ${tokenizer.vocabulary} ids, the model ${text.vocabulary}`, {
      place,
      hint: 'tokenizer and weights belong to different models',
    });
  if (tokenizer.ids.pad !== PAD)
    throw new BowError('checkpoint', `[PAD] is id ${tokenizer.ids.pad}, and ${PAD} in BERT’s vocabularies`, { place });
  return tokenizer;
}

/** The names of the answers in order of the classes, from `id2label`. */
function answersOf(
  config: Readonly<Record<string, unknown>>,
  { tasks }: VlmoConfig,
  place: string,
): string[] | undefined {
  const labels = config['id2label'] ?? null;
  if (labels === null || tasks.vqa === undefined) return undefined;
  const known = `the names of ${tasks.vqa} answers by number`;
  if (!isRecord(labels) || Object.keys(labels).length !== tasks.vqa)
    return refuseSetting('id2label', labels, { place, known });
  return Array.from({ length: tasks.vqa }, (_, i) => {
    const label = labels[String(i)];
    return typeof label === 'string' ? label : refuseSetting(`id2label.${i}`, label, { place, known });
  });
}

async function readPixels(files: ModelFiles, stored: VlmoConfig): Promise<ImagePreprocessing> {
  if (!files.names.has(preprocessing)) return vlmoPreprocessing(stored.size);
  const said = { [preprocessing]: await files.json(preprocessing) };
  return preprocessingFromHuggingFace(said, { place: files.place, size: squareOf(stored) });
}

/** Positions of texts that are longer than the model's are cut off: files of the text stage have 196 (`load_pretrained_weight`). */
function cutTextPositions(store: Store, { text }: VlmoConfig): void {
  const table = store.get('text/positions');
  const [rows, width] = table.shape as [number, number];
  if (rows <= text.context) return;
  const kept = Array.from(table.data.subarray(0, text.context * width), Number);
  store.set('text/positions', ndarray(table.dtype, [text.context, width], kept));
}

/** The only layout. */
export const vlmoLayout: Layout<VlmoConfig, VlmoParts> = {
  id: 'vlmo',
  settings: ['config.json', preprocessing, ...wordPieceFiles],
  recognises: (files) => isOf(files, 'vlmo'),
  config: async (files) => configFromFile(await readConfig(files, ['vlmo']), files.at('config.json')),
  parts: async (files, config, stored) => {
    const answers = answersOf(await readConfig(files, ['vlmo']), config, files.at('config.json'));
    return {
      tokenizer: await readTokenizer(files, config),
      pixels: withTargetSize(await readPixels(files, stored), squareOf(config)),
      ...(answers ? { answers } : {}),
    };
  },
  names: vlmoNames,
  beside: besideWeights,
  wrappers: ['state_dict.', 'module.', 'model.'],
  keys: configKeys,
  fit: cutTextPositions,
  write: ({ config, parts }) => ({
    'config.json': json({
      ...configToFile(config),
      ...(parts.answers && config.tasks.vqa !== undefined ? { id2label: { ...parts.answers } } : {}),
    }),
    [preprocessing]: json(preprocessingToHuggingFace(withTargetSize(parts.pixels, squareOf(config)))),
    ...parts.tokenizer.files(config.text.context),
  }),
  resize: resizePositions,
};
