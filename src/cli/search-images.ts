/** Searching an index of images from the command line: once, or asking again and again. */
import { createInterface } from 'node:readline';
import { BowError } from '../base/index.ts';
import { writeFileAtomic } from '../base/node/index.ts';
import { can, type DenseVectors, type OpenSystem } from '../capabilities/index.ts';
import { encodePng, fitImage, imageGrid, squareGeometry } from '../image/index.ts';
import { type ImageHit, type ImageIndex, type ImageQuery, indexedImages, openImageIndex } from '../indexes/index.ts';
import { type Filter, parseFilter } from '../search/index.ts';
import { modelFingerprint, modelFolder, openModel } from '../systems/node/index.ts';
import { readImage } from './image-file.ts';
import {
  clearProgress,
  noticeLine,
  type OutputOptions,
  printable,
  printResult,
  progressLine,
  shellWord,
  stopSignal,
} from './output.ts';
import { rerankHits } from './rerank-hits.ts';
import { askAgain, inlineImage } from './terminal.ts';

/** By what images show, by the words said of them, or by both. */
type Mode = 'picture' | 'text' | 'hybrid';

/** The best so many are ordered again (ALBEF, §4.1, takes 128 of 5,000). */
const RERANKED = 64;

/** Flags of `bow2bot search` that are for images. */
export type ImageSearchFlags = {
  readonly picture?: string;
  readonly mode?: Mode;
  readonly filter?: string;
  readonly sheet?: string;
  readonly model?: string;
  /** A system that scores pairs of text and image: orders the best hits again. */
  readonly rerank?: string;
};

type Options = OutputOptions & ImageSearchFlags & { readonly k: number };

type Session = {
  readonly index: ImageIndex;
  readonly filter: Filter | undefined;
  readonly signal: AbortSignal;
  /** Opens the model of the index at the first call. */
  model(): Promise<OpenSystem>;
  /** Opens the system that orders hits again at the first call. */
  matcher(): Promise<OpenSystem>;
};

/** `bow2bot search photos.index …` */
export async function searchImages(folder: string, query: string | undefined, o: Options): Promise<void> {
  const asks = query === undefined && o.picture === undefined;
  const piped = asks && !process.stdin.isTTY; // echo "a sad face" | bow2bot search photos.index
  if (asks && !piped && (o.json || !process.stdout.isTTY))
    throw new BowError('usage', 'no query given', { place: folder, hint: 'name a query, or --picture <file>' });
  if (query?.trim() === '') throw new BowError('usage', 'the query is empty', { place: folder });
  if (o.sheet !== undefined && /\.(jpe?g|webp|gif|avif|tiff?|bmp|svg|pdf)$/i.test(o.sheet))
    throw new BowError('usage', 'the sheet is written as PNG', { place: o.sheet, hint: '--sheet <file.png>' });
  if (o.mode === 'text' && o.model !== undefined)
    throw new BowError('usage', '--model has no effect with --mode text, which needs none', { hint: 'leave it out' });
  if (o.rerank !== undefined && query === undefined && o.picture !== undefined)
    throw new BowError('usage', '--rerank compares images with a text, and there is none', {
      hint: 'name a query beside --picture',
    });
  const filter = o.filter === undefined ? undefined : parseFilter(o.filter);
  const signal = stopSignal();
  const index = await openImageIndex(folder);
  let opened: OpenSystem | undefined;
  const model = async (): Promise<OpenSystem> => (opened ??= await modelOf(folder, index, o, signal));
  let matching: OpenSystem | undefined;
  const matcher = async (): Promise<OpenSystem> =>
    (matching ??= await openModel(o.rerank!, { signal, onProgress: progressLine(o), onNotice: noticeLine }));
  const session = { index, filter, signal, model, matcher };
  try {
    if (piped) await answerLines(session, folder, o);
    else if (asks) await askAgain('Describe what you would like to see.', (line) => answer(session, line, o));
    else await answer(session, query, o);
  } finally {
    await opened?.close();
    await matching?.close();
    await index.close();
  }
}

/** Every line of standard input is a query. */
async function answerLines(session: Session, folder: string, o: Options): Promise<void> {
  let asked = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue;
    asked++;
    await answer(session, line.trim(), o);
  }
  if (asked === 0)
    throw new BowError('usage', 'no query given', { place: folder, hint: 'name a query, or --picture <file>' });
}

/** The model that the index was made with, and no other. */
async function modelOf(folder: string, index: ImageIndex, o: Options, signal: AbortSignal): Promise<OpenSystem> {
  const { name, fingerprint } = index.config.model;
  const found = await modelFolder(o.model ?? name, { signal, onProgress: progressLine(o), onNotice: noticeLine }).catch(
    (e: unknown) => {
      throw new BowError('data', `the model of this index is unavailable: ${(e as Error).message}`, {
        place: folder,
        hint: '--model says where it is now; --mode text needs none',
        cause: e,
      });
    },
  );
  if ((await modelFingerprint(found)) === fingerprint) return await openModel(found, { signal });
  throw new BowError(
    'checkpoint',
    'this is not the model that the index was made with: its vectors are not comparable',
    {
      place: found,
      detail: { index: folder, made: name },
      hint: `index again: bow2bot index ${shellWord(index.config.source.path)} -o ${shellWord(folder)} --model ${shellWord(found)} --fresh`,
    },
  );
}

async function answer(s: Session, query: string | undefined, o: Options): Promise<void> {
  const { captioned, text } = s.index.config;
  const mode = o.mode ?? (query !== undefined && captioned > 0 && text ? 'hybrid' : 'picture');
  const again = o.rerank !== undefined && query !== undefined;
  const k = again ? Math.max(o.k, RERANKED) : o.k;
  const found = await s.index.search(await queriesOf(s, mode, query, o), { k, filter: s.filter, signal: s.signal });
  const hits = again
    ? (await rerankHits(await s.matcher(), query, found, s.index.config, { signal: s.signal })).slice(0, o.k)
    : found;
  const png =
    hits.length > 0 && (o.sheet !== undefined || (!o.json && inlineImage(new Uint8Array(1)) !== ''))
      ? await sheet(s, hits)
      : undefined;
  if (o.sheet !== undefined && png) await writeFileAtomic(o.sheet, png);
  const shown = hits.map(({ image: { stamp: _, hash: __, ...image }, score, found }) => ({
    score,
    ...image,
    found,
  }));
  const written = o.sheet !== undefined && png ? { sheet: o.sheet } : {};
  printResult(o, { query, mode, ...written, hits: shown }, () =>
    [
      ...(png ? [inlineImage(png).trimEnd()].filter((x) => x !== '') : []),
      ...(hits.length === 0 ? ['nothing found'] : hits.map(line)),
      ...(o.sheet !== undefined && png ? [o.sheet] : []),
    ].join('\n'),
  );
}

function line({ image, score, found }: ImageHit): string {
  const said = printable(image.captions[0] ?? image.label ?? '').slice(0, 100);
  const each = Object.entries(found);
  const ranks = each.map(([name, f]) => `${name} ${f.rank}`).join(', ');
  const placings = each.length > 1 || score !== each[0]?.[1].score ? `[${ranks}]` : '';
  return [score.toFixed(4), printable(image.id), said, placings].filter((x) => x !== '').join('  ');
}

/** What is looked for, one list of the ranking each. */
async function queriesOf(s: Session, mode: Mode, query: string | undefined, o: Options): Promise<ImageQuery[]> {
  if (mode === 'text' && o.picture !== undefined)
    throw new BowError('usage', '--mode text searches captions only, --picture searches by image content');
  if (mode !== 'picture' && query === undefined) throw new BowError('usage', `--mode ${mode} needs a query in words`);
  const queries: ImageQuery[] = mode === 'picture' ? [] : [{ name: 'words', words: query! }]; // first: who typed a word that is there meant it
  if (mode !== 'text' && query !== undefined) {
    const system = await s.model();
    if (!can(system, 'encodeText'))
      throw new BowError('usage', `a ${system.id} reads no text`, { hint: '--picture <file>' });
    queries.push({
      name: 'sentence',
      vector: ((await system.encodeText([query])) as DenseVectors).data as Float32Array,
    });
  }
  if (o.picture !== undefined) {
    const system = await s.model();
    if (!can(system, 'encodeImages')) throw new BowError('usage', `a ${system.id} sees no images`);
    const image = await readImage(o.picture);
    queries.push({
      name: 'picture',
      vector: ((await system.encodeImages([image])) as DenseVectors).data as Float32Array,
    });
  }
  return queries;
}

const tile = 160;
const columns = 5;

/** The images found, in their order, five a row; grey where one is no longer available. */
async function sheet(s: Session, hits: readonly ImageHit[]): Promise<Uint8Array> {
  const images = await indexedImages(
    s.index.config,
    hits.map((h) => h.image),
    { signal: s.signal },
  );
  const missing = hits.filter((_, i) => !images[i]).map((h) => h.image.place);
  clearProgress();
  if (missing.length > 0) process.stderr.write(`no longer readable, grey in the sheet: ${missing.join(', ')}\n`);
  const grey = { width: tile, height: tile, data: new Uint8Array(3 * tile * tile).fill(160) };
  const squares = images.map((p) => (p ? fitImage(p, squareGeometry(tile, 'pad')) : grey));
  return encodePng(imageGrid(squares, { columns: Math.min(columns, squares.length) }));
}
