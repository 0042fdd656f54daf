/**
 * COCO JSON as image sets: `captions_*.json` (Chen et al. 2015, arXiv:1504.00325), `instances_*.json` (Lin et al. 2014, arXiv:1405.0312), and
 * Karpathy's split (`dataset_coco.json`: captions inside the images, a `split` for each; Karpathy & Fei-Fei 2015, arXiv:1412.2306).
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BowError, throwIfAborted } from '../base/index.ts';
import { bytesOf, isFile, pathInside } from './image-files.ts';
import { textsOf } from './image-texts.ts';
import type { ImageRecord, ImageSet } from './images.ts';
import { jsonOf, textOf } from './text-bytes.ts';

type Image = Readonly<Record<string, unknown>>;
/** What one JSON file says, put together by image. */
type Annotations = {
  readonly file: string;
  readonly images: readonly Image[];
  readonly captions: ReadonlyMap<string, readonly string[]>;
  readonly categories: ReadonlyMap<string, ReadonlySet<string>>;
};

/** A COCO JSON file, or a folder that holds some (itself, or in `annotations/`), as a set. The images are looked for beside them. */
export function cocoImages(path: string): ImageSet {
  return {
    format: 'coco',
    path,
    async *records({ signal } = {}) {
      for (const file of (await isFile(path)) ? [path] : await cocoFiles(path)) {
        throwIfAborted(signal, file);
        const said = await readAnnotations(file);
        const root = await imageRoot(said);
        for (const image of said.images) yield recordOf(image, said, root);
      }
    },
  };
}

/** The COCO files of a folder: those with captions, else those with instances, else Karpathy's. */
export async function cocoFiles(folder: string): Promise<string[]> {
  for (const inner of [folder, join(folder, 'annotations')]) {
    const names = (await readdir(inner).catch(() => [])).sort();
    for (const kind of [/^captions_.*\.json$/, /^instances_.*\.json$/, /^dataset(_.*)?\.json$/]) {
      const found = names.filter((n) => kind.test(n));
      if (found.length > 0) return found.map((n) => join(inner, n));
    }
  }
  return [];
}

async function readAnnotations(file: string): Promise<Annotations> {
  const json = jsonOf(textOf(await bytesOf(file), file), file) as Record<string, unknown> | null;
  const list = (value: unknown): Image[] =>
    Array.isArray(value) ? value.filter((x) => typeof x === 'object' && x !== null) : [];
  const images = list(json?.['images']);
  if (images.length === 0)
    throw new BowError('data', 'no list of images: neither COCO captions or instances nor a Karpathy split', {
      place: file,
    });
  const names = new Map(list(json?.['categories']).map((c) => [String(c['id']), String(c['name'])]));
  const captions = new Map<string, string[]>();
  const categories = new Map<string, Set<string>>();
  for (const a of list(json?.['annotations'])) {
    const image = String(a['image_id']);
    const said = textsOf(a['caption']);
    if (said.length > 0) captions.set(image, [...(captions.get(image) ?? []), ...said]);
    const name = names.get(String(a['category_id']));
    if (name !== undefined) categories.set(image, (categories.get(image) ?? new Set()).add(name));
  }
  return { file, images, captions, categories };
}

function recordOf(image: Image, said: Annotations, root: string): ImageRecord {
  const name = fileOf(image);
  const id = String(image['id'] ?? image['cocoid'] ?? image['imgid'] ?? name);
  const captions = [...new Set([...(said.captions.get(id) ?? []), ...textsOf(image['sentences'])])];
  const categories = [...(said.categories.get(id) ?? [])];
  const fields: Record<string, string> = {};
  if (typeof image['split'] === 'string') fields['split'] = image['split'];
  if (categories.length > 0) fields['categories'] = categories.join(', ');
  const more = { captions, fields, ...(categories.length === 1 ? { label: categories[0]! } : {}) };
  try {
    const file = pathInside(root, name, said.file);
    return { id, place: file, file, ...more, read: () => bytesOf(file) };
  } catch (e) {
    return { id, place: said.file, ...more, read: () => Promise.reject(e) };
  }
}

/** The file of an image; Karpathy's files keep its folder apart. */
function fileOf(image: Image): string {
  const name = image['file_name'] ?? image['filename'];
  const folder = image['filepath'];
  const text = typeof name === 'string' ? name : '';
  return typeof folder === 'string' && folder !== '' ? `${folder}/${text}` : text;
}

/**
 * The folder that holds the images: the one of the JSON file, the one above it, or one inside these, first those whose name is part of the
 * file's (`val2017` for `captions_val2017.json`).
 */
async function imageRoot({ file, images }: Annotations): Promise<string> {
  const near = [dirname(file), dirname(dirname(file))];
  const inside = await Promise.all(near.map(foldersIn));
  const named = (f: string): number => (basename(file).includes(basename(f)) ? 0 : 1);
  const candidates = [...near, ...inside.flat().sort((a, b) => named(a) - named(b))];
  const probes = images
    .slice(0, 20)
    .map(fileOf)
    .filter((name) => name !== '');
  for (const folder of candidates) for (const name of probes) if (await isFile(join(folder, name))) return folder;
  throw new BowError('data', 'the images are not beside it', {
    place: file,
    detail: { first: probes[0] ?? '', searched: near },
    hint: 'put the folder of images beside the JSON file or its folder; of several JSON files, name the one whose images are here',
  });
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isDirectory()).map((e) => join(folder, e.name));
}
