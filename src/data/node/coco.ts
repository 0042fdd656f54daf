/** COCO JSON as image sets: which files of a folder say something, and where the images are. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { isFile } from '../../base/node/index.ts';
import { textOf } from '../../text/index.ts';
import { type CocoAnnotations, type CocoImage, cocoFileName, parseCoco } from '../coco.ts';
import { textsOf } from '../image-texts.ts';
import type { ImageRecord, ImageSet } from '../images.ts';
import { bytesOf, pathInside } from './image-files.ts';

type Annotations = CocoAnnotations & { readonly file: string };

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
  return { file, ...parseCoco(textOf(await bytesOf(file), file), file) };
}

function recordOf(image: CocoImage, said: Annotations, root: string): ImageRecord {
  const name = cocoFileName(image);
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
    .map(cocoFileName)
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
