/**
 * What an image index is on disk: a folder with config.json, vectors.safetensors (`vectors` [images, width]), records.jsonl (one line per image, in
 * the same order), `text/` (a BM25 index of captions and names) and, with the store of that name, `lance/`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { BowError, isBowError } from '../base/index.ts';
import { readText } from '../base/node/index.ts';
import { readConfig } from '../hub/index.ts';
import { openModelFiles, openSafetensors } from '../hub/node/index.ts';
import type { Fields } from '../search/index.ts';

/** Where vectors are searched. */
export type StoreKind = 'exact' | 'lance';

const configSchema = z.object({
  model_type: z.literal('picture-index'),
  /** Of the layout described above. */
  format: z.literal(1),
  store: z.enum(['exact', 'lance']),
  width: z.number().int().positive(),
  count: z.number().int().nonnegative(),
  /** Images with captions. */
  captioned: z.number().int().nonnegative(),
  /** Is there a `text/`? Not where neither captions nor names hold a word. */
  text: z.boolean(),
  model: z.object({ name: z.string(), system: z.string(), fingerprint: z.string() }),
  source: z.object({ path: z.string(), format: z.string(), captions: z.string().optional() }),
});

/** config.json of an image index. */
export type ImageIndexConfig = Readonly<z.infer<typeof configSchema>>;

/** An image of an index. */
export type IndexedImage = {
  readonly id: string;
  readonly place: string;
  readonly file?: string;
  readonly captions: readonly string[];
  readonly label?: string;
  readonly fields: Fields;
  /** Size and time of the file when it was read. */
  readonly stamp?: string;
  /** SHA-256 of the encoded bytes. */
  readonly hash: string;
};

const recordSchema = z.object({
  id: z.string(),
  place: z.string(),
  file: z.string().optional(),
  captions: z.array(z.string()),
  label: z.string().optional(),
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  stamp: z.string().optional(),
  hash: z.string(),
});

/** Reads config.json. Errors: `data` when nothing is there, `checkpoint` for another kind of folder, a later format, damage. */
export async function readImageIndexConfig(folder: string): Promise<ImageIndexConfig> {
  const raw = await readConfig(await openModelFiles(folder), ['picture-index']);
  const place = join(folder, 'config.json');
  if (typeof raw['format'] === 'number' && raw['format'] > 1)
    throw new BowError(
      'checkpoint',
      `an image index of format ${raw['format']}, written by a later version of this program`,
      {
        place,
      },
    );
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BowError('checkpoint', `not the config of an image index: ${issue?.path.join('.')} ${issue?.message}`, {
    place,
  });
}

/** Damage inside an index with its remedy; any other error as it is. */
export function mendable(e: unknown): unknown {
  if (!isBowError(e)) return e;
  const isMissing = e.code === 'data' && e.message.startsWith('no such file');
  if (e.code !== 'checkpoint' && !isMissing) return e;
  const hint = 'the index is damaged: index the images again with --fresh';
  return new BowError('checkpoint', e.message, { detail: e.detail, hint, cause: e });
}

/** The same for a folder that may be no index at all: only one with records can be rebuilt. */
export function damageOf(folder: string, e: unknown): unknown {
  return existsSync(join(folder, 'records.jsonl')) ? mendable(e) : e;
}

/** Records as the lines of a file. */
export function recordLines(records: readonly IndexedImage[]): string {
  return records.map((r) => `${JSON.stringify(r)}\n`).join('');
}

/** Reads the records of an index. Error `checkpoint` when lines are damaged or missing. */
export async function readRecords(folder: string, count: number): Promise<IndexedImage[]> {
  const place = join(folder, 'records.jsonl');
  const lines = (await readText(place)).split('\n').slice(0, -1); // a cut last line is missed by the count
  const records = lines.map((line, i) => {
    try {
      return recordSchema.parse(JSON.parse(line)) as IndexedImage;
    } catch (e) {
      throw new BowError('checkpoint', 'a damaged record', { place: `${place}:${i + 1}`, cause: e });
    }
  });
  if (records.length === count) return records;
  throw new BowError('checkpoint', `${records.length} records where config.json says ${count}`, { place });
}

/** Reads all vectors of an index, [count × width]. Error `checkpoint` when they are damaged or of another size. */
export async function readVectors(folder: string, count: number, width: number): Promise<Float32Array> {
  const place = join(folder, 'vectors.safetensors');
  await using file = await openSafetensors(place);
  const { shape, data } = await file.readFloat32('vectors');
  if (shape.length === 2 && shape[0] === count && shape[1] === width) return data;
  throw new BowError(
    'checkpoint',
    `vectors of shape [${shape.join(', ')}] where config.json says [${count}, ${width}]`,
    {
      place,
    },
  );
}

/** What filters see of an image: its fields, and the class where no field has that name. */
export function filterFields(r: IndexedImage): Fields {
  return r.label === undefined || 'label' in r.fields ? r.fields : { ...r.fields, label: r.label };
}

/** What words are searched in: captions, class, fields that are texts, and the words of the name (`red-cube/IMG_01.png` → `red cube IMG 01`). */
export function wordsOf(r: IndexedImage): string {
  const name = r.id.replace(/\.[a-z0-9]{2,5}$/i, '').replace(/[^\p{L}\p{N}]+/gu, ' ');
  const texts = Object.values(filterFields(r)).filter((v) => typeof v === 'string');
  return [...new Set([...r.captions, ...texts]), name.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')].join('\n');
}
