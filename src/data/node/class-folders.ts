/** Which folder is an image's class: the first one below the root (as torchvision's `ImageFolder`), where the root may lie in folders of splits. */

export type Classes = {
  /** In the order of their names; fewer than two teach nothing. */
  readonly names: readonly string[];
  /** Images that have one. */
  readonly count: number;
  /** The class of an image by its path, and the other folders on the way; undefined for what lies beside the class folders. */
  of(image: string): { readonly label: string; readonly rest: readonly string[] } | undefined;
};

type Tree = Map<string, Tree>;

const split = /^(train(ing)?|val(id|idation)?|test(ing)?|dev|eval)$/i;
/** Splits as Kaggle's sets call them; a class may have such a name too, so that all folders must. */
const longSplit = /^([a-z\d]+[-_ ])*(train(ing)?|val(id|idation)?|test(ing)?|dev|eval)([-_ ]?(sets?|data|images?))?$/i;
/** Folders that hold the images of a set, or pictures made of them, are no classes. */
const container = /^(images?|imgs?|jpegimages|pictures|photos|masks?|labels?|annotations?)$/i;

/**
 * Finds the class folders from the paths of images. Folders that are the only one of their folder are passed through (`set/cat/1.jpg`), and so are
 * splits (`train/cat/1.jpg`); what a class folder holds is its own affair (`n01443537/images/1.jpg`).
 */
export function classFolders(images: readonly string[]): Classes {
  const tree: Tree = new Map();
  for (const image of images) insert(tree, image.split('/').slice(0, -1));
  const { roots, singles } = rootsOf(tree);
  const names = new Set(roots.flatMap((root) => [...at(tree, root).keys()]));
  const all = [...roots, ...singles.filter((s) => [...at(tree, s).keys()].every((name) => names.has(name)))];
  const of = (image: string): ReturnType<Classes['of']> => {
    const folders = image.split('/').slice(0, -1);
    const root = all.find((r) => r.length < folders.length && r.every((name, i) => name === folders[i]));
    if (!root) return undefined;
    return {
      label: folders[root.length]!,
      rest: [...folders.slice(0, root.length), ...folders.slice(root.length + 1)],
    };
  };
  return { names: [...names].sort(), count: images.filter((i) => of(i) !== undefined).length, of };
}

/** A note for folders that another reading of the set would take for classes; undefined where there are none. */
export function notClasses(images: readonly string[], advice: string): string | undefined {
  const { names } = classFolders(images);
  if (names.length < 2) return undefined;
  const some = names.slice(0, 3).join(', ');
  return `${names.length} folders (${some}${names.length > 3 ? ', …' : ''}) are not taken for classes; ${advice}`;
}

function insert(tree: Tree, folders: readonly string[]): void {
  let node = tree;
  for (const name of folders) {
    const inner: Tree = node.get(name) ?? new Map();
    node.set(name, inner);
    node = inner;
  }
}

function at(tree: Tree, path: readonly string[]): Tree {
  return path.reduce((node, name) => node.get(name)!, tree);
}

type Roots = {
  /** Folders whose folders are classes. */
  readonly roots: readonly (readonly string[])[];
  /** Folders with one folder, which is a class only where another split has a class of that name. */
  readonly singles: readonly (readonly string[])[];
};

function rootsOf(node: Tree, path: readonly string[] = []): Roots {
  const names = [...node.keys()];
  if (names.length === 0) return { roots: [], singles: [] };
  const rest = names.filter((n) => !container.test(n));
  const areSplits = rest.length > 1 && rest.every((n) => longSplit.test(n));
  const splits = areSplits ? rest : names.filter((n) => split.test(n));
  const inner = (some: readonly string[]): Roots => {
    const found = some.map((n) => rootsOf(node.get(n)!, [...path, n]));
    return { roots: found.flatMap((f) => f.roots), singles: found.flatMap((f) => f.singles) };
  };
  const isTrain = (name: string): boolean => /^train/i.test(name) && (node.get(name)!.size > 0 || rest.length < 3); // trains are a class as well
  if (splits.length > 1 || splits.some(isTrain)) return inner(splits);
  if (names.length === 1) {
    const { roots, singles } = inner(names);
    return { roots, singles: [path, ...singles] };
  }
  return names.every((n) => container.test(n)) ? { roots: [], singles: [] } : { roots: [path], singles: [] };
}
