/**
 * BEiT-3 checkpoints: the released state dicts as safetensors, with a config.json that names the model or says its settings (config-file.ts), and XLM-R's
 * tokenizer (`beit3.spm`, or tokenizer.json). Ours are written so, too.
 */
import { BowError, isRecord, refuseSetting } from '../../base/index.ts';
import type { NdArray, Store } from '../../engine/index.ts';
import { type ModelFiles, readConfig } from '../../hub/index.ts';
import {
  type ImagePreprocessing,
  type ImageSize,
  preprocessingFromHuggingFace,
  preprocessingToHuggingFace,
  squareGeometry,
  withTargetSize,
} from '../../image/index.ts';
import { resizeTable } from '../../nn/index.ts';
import { readUnigramFiles, type Unigram, unigramFiles } from '../../text/index.ts';
import type { Layout } from '../definition.ts';
import { isOf } from '../layouts.ts';
import { type Beit3Config, gridOf, longestText } from './config.ts';
import { configFromFile, configKeys, configToFile } from './config-file.ts';
import { FIRST_ROW } from './encoder.ts';
import { releasedNames } from './names.ts';

/** What it takes to use a model beside its config and weights. */
export type Beit3Parts = {
  readonly tokenizer: Unigram;
  /** Most tokens of a text where the tokenizer's files allow fewer than the model (`model_max_length`). */
  readonly longest?: number;
  readonly pixels: ImagePreprocessing;
  /** What the answers of the VQA head mean, in its order; absent where the files do not say. */
  readonly answers?: readonly string[];
  /** Codes of visual tokens for a training from nothing; afterwards they are among the weights. */
  readonly codes?: NdArray<'float32'>;
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const half = [0.5, 0.5, 0.5] as const;
/** ImageNet's channel statistics. */
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** Images as the released code sees them: squashed to squares, numbers from −1 to 1; a classifier sees the middle square in ImageNet's scale (datasets.py). */
export function beit3Preprocessing({ size, tasks }: Pick<Beit3Config, 'size' | 'tasks'>): ImagePreprocessing {
  if (tasks.classes !== undefined) return { ...squareGeometry(size, 'crop'), ...imagenet };
  return { ...squareGeometry(size, 'stretch'), mean: half, std: half };
}

const squareOf = ({ size }: Beit3Config): ImageSize => ({ width: size, height: size });
const preprocessing = 'preprocessor_config.json';
const answerLines = 'answer2label.txt';

async function readTokenizer(files: ModelFiles, c: Beit3Config): Promise<Pick<Beit3Parts, 'tokenizer' | 'longest'>> {
  const said: Record<string, unknown> = {};
  for (const name of unigramFiles)
    if (files.names.has(name)) said[name] = name.endsWith('.json') ? await files.json(name) : await files.bytes(name);
  const { tokenizer, longest } = readUnigramFiles(said, (name) => files.at(name));
  if (tokenizer.vocabulary > c.vocabulary)
    throw new BowError('checkpoint', `the tokenizer has ${tokenizer.vocabulary} ids, the model ${c.vocabulary}`, {
      place: files.place,
      hint: 'tokenizer and weights belong to different models',
    });
  return { tokenizer, ...(longest !== undefined && longest < longestText(c) ? { longest } : {}) };
}

/** The answers of the VQA head: `id2label` in config.json, or a line `{"answer": …, "label": …}` each in answer2label.txt, as the released code writes it. */
async function readAnswers(files: ModelFiles, { tasks }: Beit3Config): Promise<readonly string[] | undefined> {
  if (tasks.answers === undefined) return undefined;
  const { id2label: labels = null } = await readConfig(files, ['beit3']);
  if (labels !== null)
    return inOrder(isRecord(labels) ? Object.entries(labels) : [], tasks.answers, files.at('config.json'));
  if (!files.names.has(answerLines)) return undefined;
  const place = files.at(answerLines);
  const lines = (await files.text(answerLines)).split('\n').filter((line) => line.trim() !== '');
  return inOrder(lines.map((line) => answerOf(line, place)), tasks.answers, place); // biome-ignore format: one line
}

function answerOf(line: string, place: string): [label: string, answer: unknown] {
  try {
    const { answer, label } = JSON.parse(line) as { answer?: unknown; label?: unknown };
    return [String(label), answer];
  } catch (cause) {
    throw new BowError('checkpoint', 'a line that is no answer with its label', { place, cause, detail: { line } });
  }
}

function inOrder(entries: readonly (readonly [string, unknown])[], count: number, place: string): string[] {
  const byLabel = new Map(entries);
  const known = `the names of ${count} answers, numbered from 0`;
  if (byLabel.size !== count) refuseSetting('labels', byLabel.size, { place, known });
  return Array.from({ length: count }, (_, i) => {
    const name = byLabel.get(String(i));
    return typeof name === 'string' ? name : refuseSetting(`labels.${i}`, name ?? null, { place, known });
  });
}

async function readPixels(files: ModelFiles, stored: Beit3Config): Promise<ImagePreprocessing> {
  if (!files.names.has(preprocessing)) return beit3Preprocessing(stored);
  const said = { [preprocessing]: await files.json(preprocessing) };
  return preprocessingFromHuggingFace(said, { place: files.place, size: squareOf(stored) });
}

/** The images' position table for another size: its two unread rows and the class token's stay, the grid is interpolated bicubically (utils.py). */
function resizePositions(store: Store, stored: Beit3Config, wanted: Beit3Config): void {
  const [from, to] = [gridOf(stored), gridOf(wanted)];
  const path = 'encoder/positions/A';
  if (from !== to)
    store.set(path, resizeTable(store.get(path), { from: [from, from], to: [to, to], keep: FIRST_ROW + 1 }));
}

/** The only layout; also what our own trainings write. */
export const beit3Layout: Layout<Beit3Config, Beit3Parts> = {
  id: 'torchscale',
  settings: ['config.json', preprocessing, answerLines, ...unigramFiles],
  recognises: (files) => isOf(files, 'beit3'),
  config: async (files) => configFromFile(await readConfig(files, ['beit3']), files.at('config.json')),
  parts: async (files, config, stored) => {
    const answers = await readAnswers(files, config);
    return {
      ...(await readTokenizer(files, config)),
      pixels: withTargetSize(await readPixels(files, stored), squareOf(config)),
      ...(answers ? { answers } : {}),
    };
  },
  names: releasedNames,
  wrappers: ['model.', 'module.'],
  keys: configKeys,
  write: ({ config, parts }) => ({
    'config.json': json({ ...configToFile(config), ...(parts.answers ? { id2label: { ...parts.answers } } : {}) }),
    [preprocessing]: json(preprocessingToHuggingFace(withTargetSize(parts.pixels, squareOf(config)))),
    ...parts.tokenizer.files(parts.longest ?? longestText(config)),
  }),
  resize: resizePositions,
};
