/** Searching an image index: by vectors of text and images, by words, or by several of these whose rankings are fused. */
import { join } from 'node:path';
import { BowError } from '../base/index.ts';
import {
  checkFilter,
  exactIndex,
  type FieldTypes,
  type Filter,
  fieldTypes,
  matches,
  reciprocalRankFusion,
  type VectorIndex,
} from '../search/index.ts';
import { lanceIndex } from '../search/node/index.ts';
import { openTextIndex, type TextIndex } from '../systems/node/index.ts';
import {
  damageOf,
  filterFields,
  type ImageIndexConfig,
  type IndexedImage,
  readImageIndexConfig,
  readRecords,
  readVectors,
} from './image-index-files.ts';

/** One thing to look for: a vector of the index's space, or words. `name` says in hits which it was. */
export type ImageQuery =
  | { readonly name: string; readonly vector: Float32Array }
  | { readonly name: string; readonly words: string };

/** A found image. */
export type ImageHit = {
  readonly image: IndexedImage;
  /** Cosine or BM25 for one query; for several the sum of 1 / (60 + rank). */
  readonly score: number;
  /** Place (from 1) and score by query name, where the query's own list has the image. */
  readonly found: Readonly<Record<string, { readonly rank: number; readonly score: number }>>;
};

/** An open image index. */
export type ImageIndex = {
  readonly config: ImageIndexConfig;
  readonly images: readonly IndexedImage[];
  /** Fields that filters can use. */
  readonly fields: FieldTypes;
  /**
   * The k best images. Several queries are fused by reciprocal ranks over the best max(10, k) of each; ties go to the query named first. Errors: `usage` for a filter that can
   * never hold, or words where the index holds none; `shape` for a vector of another width.
   */
  search(
    queries: readonly ImageQuery[],
    o?: { readonly k?: number; readonly filter?: Filter | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<ImageHit[]>;
  close(): Promise<void>;
};

/**
 * How deep rankings are fused at least. DIFFERS: Cormack et al. fuse whole rankings. By vectors every image has a place, so deep lists let what is
 * nowhere near the top of either win by being in both; measured in docs/decisions/0043-search.md.
 */
const leastDepth = 10;

type Ranked = { readonly name: string; readonly hits: readonly { readonly id: string; readonly score: number }[] };

/** Opens an index for searching. Errors: `data` when nothing is there, `checkpoint` for damage, `backend` when its store is not installed. */
export async function openImageIndex(folder: string): Promise<ImageIndex> {
  try {
    return await openParts(folder, await readImageIndexConfig(folder));
  } catch (e) {
    throw damageOf(folder, e);
  }
}

async function openParts(folder: string, config: ImageIndexConfig): Promise<ImageIndex> {
  const images = await readRecords(folder, config.count);
  const fields = images.map(filterFields);
  const types = fieldTypes(fields);
  const byId = new Map(images.map((p) => [p.id, p]));
  const vectors = await openStore(folder, config, images);
  const text = config.text ? await openTextIndex(join(folder, 'text')) : undefined;
  const search: ImageIndex['search'] = async (queries, { k = 10, filter, signal } = {}) => {
    if (filter) checkFilter(filter, types);
    const depth = queries.length > 1 ? Math.max(leastDepth, k) : k;
    const accept = filter ? (row: number): boolean => matches(filter, fields[row]!) : undefined;
    const lists: Ranked[] = [];
    for (const q of queries) {
      const found =
        'words' in q
          ? wordHits(folder, text, q.words, depth, accept)
          : (await vectors.search(q.vector, { k: depth, filter, signal }))[0]!;
      lists.push({ name: q.name, hits: found });
    }
    const ranked =
      queries.length > 1 ? reciprocalRankFusion(lists.map((l) => l.hits.map((h) => h.id))) : lists[0]?.hits;
    const ranks = ranksOf(lists);
    return (ranked ?? []).slice(0, k).map(({ id, score }) => {
      const image = byId.get(id);
      if (image) return { image, score, found: foundBy(ranks, id) };
      throw new BowError('checkpoint', 'the store holds an image that the records lack', {
        place: folder,
        detail: { id },
      });
    });
  };
  const close = async (): Promise<void> => {
    text?.close();
    await vectors.close();
  };
  return { config, images, fields: types, search, close };
}

async function openStore(
  folder: string,
  { store, count, width }: ImageIndexConfig,
  images: readonly IndexedImage[],
): Promise<VectorIndex> {
  if (store === 'lance') {
    const index = await lanceIndex(join(folder, 'lance'), width);
    const rows = await index.count();
    if (rows === count) return index;
    await index.close();
    throw new BowError('checkpoint', `${rows} vectors in the store where config.json says ${count}`, { place: folder });
  }
  const index = exactIndex(width);
  const vectors = await readVectors(folder, count, width);
  await index.add({ ids: images.map((p) => p.id), vectors, fields: images.map(filterFields) });
  return index;
}

function wordHits(
  folder: string,
  text: TextIndex | undefined,
  words: string,
  k: number,
  accept: ((row: number) => boolean) | undefined,
): Ranked['hits'] {
  if (!text)
    throw new BowError('usage', 'the images of this index have neither captions nor names with words', {
      place: folder,
      hint: 'search by image: --mode picture',
    });
  return text.search(words, { k, ...(accept ? { accept } : {}) });
}

type RanksByQuery = ReadonlyMap<string, { readonly rank: number; readonly score: number }>;

/** Place and score by id of each list; of an id that comes twice the first. */
function ranksOf(lists: readonly Ranked[]): readonly (readonly [name: string, ranks: RanksByQuery])[] {
  return lists.map(({ name, hits }) => {
    const last = hits.length - 1;
    return [name, new Map(hits.toReversed().map(({ id, score }, i) => [id, { rank: last - i + 1, score }]))];
  });
}

function foundBy(ranks: ReturnType<typeof ranksOf>, id: string): ImageHit['found'] {
  return Object.fromEntries(ranks.flatMap(([name, of]) => (of.has(id) ? [[name, of.get(id)!]] : [])));
}
