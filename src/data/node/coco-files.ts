/** Where the images of a COCO file are: its names are those of another machine, and its folder is guessed. */
import { basename, dirname } from 'node:path';
import { spellings } from './spellings.ts';

/** Folders that hold annotations beside the folders of the images. */
const besideImages =
  /^(annotations?([-_].*|\d.*|trainval.*)?|annots?|anns?|captions?|labels?|meta(data)?|jsons?|splits?|karpathy.*|caption_datasets)$/i;

/** The folders in which the images of a JSON file are looked for: its own, and where that one is for annotations, the one around it. */
export function imageBases(file: string): string[] {
  const bases = [dirname(file)];
  while (besideImages.test(basename(bases.at(-1)!)) && dirname(bases.at(-1)!) !== bases.at(-1))
    bases.push(dirname(bases.at(-1)!));
  return bases;
}

/** A name as it may be meant, the likeliest first: its folders from the outermost one. */
type Spelled = { readonly parts: readonly string[]; readonly foreign: boolean };

/** True for names with folders that may not be here: absolute paths and addresses; so may be those on a way out of the folder. */
const foreign = /^([a-z][a-z\d+.-]*:\/\/|[a-z]:[\\/]|[\\/]|~[\\/])/i;

function spelled(name: string): Spelled[] {
  const isForeign = foreign.test(name) || /(^|[\\/])\.\.[\\/]/.test(name);
  const inQuery = /[?&]d=([^&]+)/.exec(name)?.[1]; // Label Studio's address of a local file
  const plain = inQuery ?? (/^[a-z][a-z\d+.-]*:\/\//i.test(name) ? name.replace(/[?#].*$/, '') : name);
  const variants = [plain, decoded(plain)].flatMap((n) => [n, n.replaceAll('\\', '/')]);
  return [...new Set(variants)].map((n) => ({
    parts: n.split('/').filter((part, i) => part !== '.' && (part !== '' || (i === 0 && !isForeign))),
    foreign: isForeign,
  }));
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** How names lead to files, for one JSON file. */
export type ImageFinder = {
  /** Names for which the folder holds a file, of those that were tried. */
  readonly hits: number;
  /** Where the images are, relative to the base. */
  readonly root: string;
  /** Other folders with as many of the names. */
  readonly rivals: readonly string[];
  /** Names were found only without folders that they say. */
  readonly shortened: boolean;
  /** The file of a name relative to the base; undefined where there is none. */
  find(name: string): string | undefined;
};

const mostTried = 2000;

/**
 * Finds the folder that holds the images: the one with most of the names; one whose name is a part of the JSON file's (`val2017` for
 * `captions_val2017.json`) goes before others that have twice as many. `files` and `own`, the JSON file's folder, are relative to the base.
 */
export function imageFinder(
  file: string,
  own: string,
  names: readonly string[],
  files: readonly string[],
): ImageFinder {
  const find = spellings(files);
  const folders = foldersByFile(files);
  const some = names.length > mostTried ? names.filter((_, i) => i % Math.ceil(names.length / mostTried) === 0) : names;
  const votesFor = (tried: readonly string[], shorten: boolean): Map<string, number> => {
    const votes = new Map<string, number>();
    for (const name of tried)
      for (const root of new Set(rootsOf(name, folders, shorten))) votes.set(root, (votes.get(root) ?? 0) + 1);
    return votes;
  };
  let shortened = false;
  let votes = votesFor(some, false);
  if (votes.size === 0) votes = votesFor(names, false);
  if (votes.size === 0) {
    votes = votesFor(names, true);
    shortened = votes.size > 0;
  }
  const most = Math.max(0, ...votes.values());
  const rank = (root: string): number =>
    (2 * votes.get(root)! >= most && isNamed(file, root) ? 4 : 0) +
    (votes.get(root) === most ? 2 : 0) +
    (root === own ? 1 : 0);
  const [root = '', ...others] = [...votes.keys()].sort(
    (a, b) => rank(b) - rank(a) || votes.get(b)! - votes.get(a)! || (a < b ? -1 : 1),
  );
  const clear = rank(root) % 2 === 1 || rank(root) >= 4;
  return {
    hits: votes.get(root) ?? 0,
    root,
    rivals: clear ? [] : others.filter((r) => votes.get(r)! >= votes.get(root)!),
    shortened,
    find: (name) => {
      for (const s of spelled(name))
        for (const path of pathsOf(s, shortened)) {
          const found = find(root === '' ? path : `${root}/${path}`);
          if (found !== undefined) return found;
        }
      return undefined;
    },
  };
}

/** `val2017` is named by `captions_val2017.json`; so is `val`. */
function isNamed(file: string, root: string): boolean {
  const folder = basename(root).toLowerCase();
  const words = basename(file)
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u);
  return folder !== '' && words.some((w) => w === folder || w.replace(/\d+$/, '') === folder);
}

/** The paths that a name may mean: as it is, or, of foreign ones, without the outer folders too, the longest first. */
function pathsOf({ parts, foreign }: Spelled, shorten: boolean): string[] {
  const inner = parts.slice(parts.lastIndexOf('..') + 1);
  if (!foreign && !shorten) return [inner.join('/')];
  return inner.map((_, i) => inner.slice(i).join('/'));
}

const fold = (path: string): string => path.normalize().toLowerCase();

/** Folders that hold a file of a name; of names that are everywhere only some. */
function foldersByFile(files: readonly string[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const list = folders.get(fold(basename(file))) ?? [];
    folders.set(fold(basename(file)), list);
    if (list.length < 256) list.push(file.slice(0, Math.max(0, file.lastIndexOf('/'))));
  }
  return folders;
}

/** Folders below which a name leads to a file. */
function* rootsOf(name: string, folders: ReadonlyMap<string, readonly string[]>, shorten: boolean): Generator<string> {
  for (const s of spelled(name))
    for (const path of pathsOf(s, shorten)) {
      const slash = path.lastIndexOf('/');
      const inner = fold(path.slice(0, Math.max(0, slash)));
      const depth = inner === '' ? 0 : inner.split('/').length;
      let any = false;
      for (const folder of folders.get(fold(path.slice(slash + 1))) ?? []) {
        const folded = fold(folder);
        if (inner !== '' && folded !== inner && !folded.endsWith(`/${inner}`)) continue;
        const outer = folder === '' ? [] : folder.split('/');
        yield outer.slice(0, outer.length - depth).join('/');
        any = true;
      }
      if (any) return;
    }
}
