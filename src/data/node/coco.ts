/** COCO JSON as image sets: which files of a folder say something, and what they say about which image. */
import { open } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { fileError, filesUnder, isFile } from '../../base/node/index.ts';
import { textOf } from '../../text/index.ts';
import { type CocoAnnotations, type CocoImage, cocoFileName, cocoId, parseCoco } from '../coco.ts';
import { textsOf } from '../image-texts.ts';
import type { ImageRecord, ImageSet, RecordOptions, SkippedImage } from '../images.ts';
import { type ImageFinder, imageBases, imageFinder } from './coco-files.ts';
import { bytesOf, isImage, pathInside, stemOf } from './image-files.ts';
import { notesOf } from './notes.ts';

/** One JSON file, read: what it says, and where its images are. */
type Annotations = CocoAnnotations & {
  readonly file: string;
  readonly base: string;
  readonly finder: ImageFinder;
  /** Put before ids that another file has for other images. */
  readonly prefix: string;
};

/** COCO JSON files as a set: one, or those of a folder that `cocoFiles` finds. The images are looked for beside them. */
export function cocoImages(path: string): ImageSet {
  return {
    format: 'coco',
    path,
    async *records({ signal, onNote } = {}) {
      const alone = await isFile(path);
      const files = alone ? [path] : cocoFiles(await jsonFiles(path, await filesUnder(path, { signal }))).read;
      const read: Annotations[] = [];
      const away: BowError[] = [];
      for (const file of files) {
        throwIfAborted(signal, file);
        const said = await readAnnotations(file, relative(path, stemOf(file)), signal);
        if (said instanceof BowError) away.push(said);
        else read.push(said);
      }
      if (read.length === 0) throw away[0] ?? new BowError('data', 'no COCO JSON file is here', { place: path });
      for (const e of away) onNote?.({ place: e.place!, reason: 'the images of this file are not beside it' });
      for (const said of read) noteAnnotations(said, onNote);
      const records = [...recordsOf(read)];
      if (!alone) for (const note of await notListed(path, records)) onNote?.(note);
      yield* records;
    },
  };
}

/** A JSON file of a folder that looks like COCO, what it holds, and where: at the top, in `annotations`, or deeper. */
export type CocoFile = {
  readonly file: string;
  readonly kind: 'captions' | 'instances' | 'splits' | 'others';
  readonly level: 0 | 1 | 2;
};

/**
 * The COCO files of a folder that are read, and those that are not: the ones at the top before those in `annotations` before deeper ones, and there
 * captions before instances before Karpathy's before others.
 */
export function cocoFiles(found: readonly CocoFile[]): { read: string[]; left: CocoFile[]; kind: CocoFile['kind'] } {
  const kinds = ['captions', 'instances', 'splits', 'others'] as const;
  const level = Math.min(...found.map((f) => f.level));
  const kind = kinds.find((k) => found.some((f) => f.kind === k && f.level === level)) ?? 'others';
  const isRead = (f: CocoFile): boolean => f.kind === kind && f.level === level;
  return { kind, read: found.filter(isRead).map((f) => f.file), left: found.filter((f) => !isRead(f)) };
}

const mostLooked = 256;

/** JSON files among `files` that look like COCO by their name or their beginning and end; those beside an image of their name are its own. */
export async function jsonFiles(folder: string, files: readonly string[]): Promise<CocoFile[]> {
  const images = new Set(files.filter(isImage).map(stemOf));
  const inReach = (f: string): boolean => /\.json$/i.test(f) && f.split('/').length <= 3 && !images.has(stemOf(f));
  const found: CocoFile[] = [];
  for (const name of files.filter(inReach).slice(0, mostLooked)) {
    const kind = kindOf(basename(name), await ends(join(folder, name)));
    const level = !name.includes('/') ? 0 : /^annotations\/[^/]*$/.test(name) ? 1 : 2;
    if (kind) found.push({ file: join(folder, name), kind, level });
  }
  return found;
}

function kindOf(name: string, text: string): CocoFile['kind'] | undefined {
  const known = /^captions_/.test(name)
    ? 'captions'
    : /^instances_/.test(name)
      ? 'instances'
      : /^dataset(_.*)?\.json$/.test(name)
        ? 'splits'
        : undefined;
  if (text.trimStart().startsWith('[')) return undefined; // results of a model, or captions of another layout
  const named = /\.coco\.json$/i.test(name) ? 'instances' : known;
  if (!/"(images|annotations)"\s*:\s*\[/.test(text) || known) return named;
  if (/"caption"\s*:/.test(text)) return 'captions';
  if (/"sentences"\s*:/.test(text)) return 'splits';
  return /"category_id"\s*:/.test(text) && !/keypoints|panoptic|stuff/i.test(name) ? 'instances' : 'others';
}

/** The beginning and the end of a file: what a JSON document lists is named there. */
async function ends(path: string): Promise<string> {
  const file = await open(path).catch((e) => {
    throw fileError(e, path);
  });
  try {
    const { size } = await file.stat();
    const part = Buffer.alloc(Math.min(size, 2 ** 16));
    await file.read(part, 0, part.length, 0);
    const start = part.toString('utf8');
    await file.read(part, 0, part.length, size - part.length);
    return `${start.replace(/^\ufeff/, '')}\n${part.toString('utf8')}`;
  } finally {
    await file.close();
  }
}

/** What a file says with the place of its images; an error where they are not here. */
async function readAnnotations(file: string, prefix: string, signal?: AbortSignal): Promise<Annotations | BowError> {
  const said = parseCoco(textOf(await bytesOf(file), file), file);
  const names = said.images.map(cocoFileName).filter((name) => name !== '');
  if (names.length === 0)
    throw new BowError('data', 'no entry of "images" names a file', { place: file, hint: 'a text under file_name' });
  const bases = imageBases(file);
  for (const base of bases) {
    const files = await filesUnder(base, { signal, depth: 6 });
    const finder = imageFinder(file, relative(base, dirname(file)).replaceAll('\\', '/'), names, files);
    if (finder.hits > 0) return { ...said, file, base, finder, prefix };
  }
  return new BowError('data', 'the images are not beside it', {
    place: file,
    detail: { first: names[0] ?? '', searched: bases },
    hint: 'put the folder of images beside the JSON file; of several JSON files, name the one whose images are here',
  });
}

function noteAnnotations({ file, notes, finder }: Annotations, onNote: RecordOptions['onNote']): void {
  for (const reason of notes) onNote?.({ place: file, reason });
  const { root, rivals, shortened } = finder;
  if (shortened)
    onNote?.({
      place: file,
      reason: 'images were found by the last parts of their names: the folders that it says are not here',
    });
  if (rivals.length > 0)
    onNote?.({
      place: file,
      reason: `images of these names are in several folders, taken from ${JSON.stringify(root)} and not from ${rivals
        .slice(0, 3)
        .map((r) => JSON.stringify(r))
        .join(', ')}`,
    });
}

type Draft = {
  readonly id: string;
  readonly said: Annotations;
  readonly name: string;
  readonly captions: string[];
  readonly categories: Set<string>;
  readonly split: unknown;
  readonly file: string | undefined;
  /** Name of another image that leads to the same file. */
  readonly twin: string | undefined;
};

/** The images of all files, each once: what several entries say about one image is taken together. */
function* recordsOf(read: readonly Annotations[]): Generator<ImageRecord> {
  const drafts: Draft[] = [];
  const byFile = new Map<string, Draft>();
  const owner = new Map<string, Annotations>();
  for (const said of read) {
    const own = new Set<string>();
    for (const image of said.images) {
      const key = cocoId(image);
      const draft = draftOf(image, key, said, byFile);
      const before =
        draft.file === undefined || draft.twin !== undefined || own.has(key) ? undefined : byFile.get(draft.file);
      own.add(key);
      if (before) {
        before.captions.push(...draft.captions);
        for (const c of draft.categories) before.categories.add(c);
        continue;
      }
      const clash = (owner.get(key) ?? said) !== said;
      if (!clash) owner.set(key, said);
      const kept = clash ? { ...draft, id: `${said.prefix}/${key}` } : draft;
      drafts.push(kept);
      if (kept.file !== undefined && !byFile.has(kept.file)) byFile.set(kept.file, kept);
    }
  }
  for (const draft of drafts) yield recordOf(draft);
}

function draftOf(image: CocoImage, id: string, said: Annotations, byFile: ReadonlyMap<string, Draft>): Draft {
  const name = cocoFileName(image);
  const found = said.finder.find(name);
  const file = found === undefined ? undefined : join(said.base, found);
  const other = file === undefined ? undefined : byFile.get(file);
  return {
    ...{ id, said, name, file, split: image['split'] },
    captions: [...(said.captions.get(id) ?? []), ...textsOf(image['sentences'])],
    categories: new Set(said.categories.get(id)),
    twin: other && other.said === said && other.name !== name ? other.name : undefined,
  };
}

function recordOf({ id, said, name, file, twin, ...draft }: Draft): ImageRecord {
  const categories = [...draft.categories];
  const fields: Record<string, string> = {};
  if (typeof draft.split === 'string') fields['split'] = draft.split;
  if (categories.length > 0) fields['categories'] = categories.join(', ');
  const captions = [...new Set(draft.captions)];
  const more = { captions, fields, ...(categories.length === 1 ? { label: categories[0]! } : {}) };
  if (twin !== undefined) {
    const why = new BowError('data', `${JSON.stringify(name)} leads to the same file as ${JSON.stringify(twin)}`, {
      place: said.file,
    });
    return { id, place: said.file, ...more, read: () => Promise.reject(why) };
  }
  try {
    const path = file ?? pathInside(join(said.base, said.finder.root), name.replaceAll('\\', '/'), said.file);
    return { id, place: path, file: path, ...more, read: () => bytesOf(path) };
  } catch (e) {
    return { id, place: said.file, ...more, read: () => Promise.reject(e) };
  }
}

/** Images in the folder that no annotations are about. */
async function notListed(path: string, records: readonly ImageRecord[]): Promise<SkippedImage[]> {
  const listed = new Set(records.map((r) => r.file));
  const images = (await filesUnder(path)).filter(isImage).map((f) => join(path, f));
  return notesOf(
    'an image that is not listed in the annotations',
    images.filter((f) => !listed.has(f)),
  );
}
