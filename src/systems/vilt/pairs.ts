/** Vectors of text–image pairs: images are fitted and embedded once, however many texts they are paired with. */
import { throwIfAborted } from '../../base/index.ts';
import type { CallOptions, DenseVectors } from '../../capabilities/index.ts';
import { compile, type F, full, type I, ndarray, type SessionOptions } from '../../engine/index.ts';
import { type FittedImage, fitImage, type ImageInput, type ImageSize, imageBatch } from '../../image/index.ts';
import { compareCodePoints } from '../../text/index.ts';
import { BATCH_SIZES, batched } from '../batched.ts';
import type { Model } from '../definition.ts';
import type { ViltConfig } from './config.ts';
import { pool } from './heads.ts';
import type { ViltParts } from './layouts.ts';
import { embedImage, embedText, fuse } from './vilt.ts';

/** A ViLT with its weights. */
export type ViltModel = Model<ViltConfig, ViltParts>;

/** A text with an image, which is the first or the second of its statement. */
export type Paired = { readonly text: string; readonly image: ImageInput; readonly which?: 'image' | 'second' };

/** What makes vectors of pairs, [pairs × width], and frees its sessions. */
export type PairEncoder = {
  pooled(pairs: readonly Paired[], o?: CallOptions): Promise<DenseVectors>;
  close(): Promise<void>;
};

/** An image as the model sees it, and where it stands among those of a call. */
type Seen = { readonly image: FittedImage; readonly which: 'image' | 'second'; readonly place: number };
type Job = { readonly at: number; readonly text: string; readonly seen: Seen };

/**
 * Pairs are sorted by the size of their image and by image: so images of one size share a batch without filling, and each is embedded once (the map of its
 * patches is all that texts can share, since the transformer sees both). Results are in the order of the pairs.
 */
export function pairEncoder(model: ViltModel, session: SessionOptions = {}): PairEncoder {
  const { width } = model.config;
  const images = imageEncoder(model, session);
  const pairs = fusion(model, session);
  return {
    pooled: async (list, call = {}) => {
      const out = new Float32Array(list.length * width);
      let known = new Map<Seen, Float32Array>();
      for (const part of partsOf(jobsOf(list, model.parts.pixels))) {
        throwIfAborted(call.signal, 'vilt');
        const wanted = [...new Set(part.map((job) => job.seen))];
        const missing = wanted.filter((seen) => !known.has(seen));
        const made = missing.length === 0 ? [] : await images.embed(missing, call);
        known = new Map(wanted.map((seen) => [seen, known.get(seen) ?? made[missing.indexOf(seen)]!]));
        const { data } = await pairs.fuse(part, known, call);
        part.forEach((job, i) => out.set(data.subarray(i * width, (i + 1) * width), job.at * width));
      }
      return { rows: list.length, width, data: out };
    },
    close: async () => void (await Promise.all([images.close(), pairs.close()])),
  };
}

/** The tokens of images of one size, a list for each. */
function imageEncoder({ config: c, parts, store }: ViltModel, session: SessionOptions) {
  const embedder = (which: Seen['which']) =>
    compile((s, { image }: { image: F<'b c y x'> }) => ({ x: embedImage(s, { image }, c, which).x }), {
      ...session,
      store,
    });
  const programs = { image: embedder('image'), second: embedder('second') };
  const run = async (some: readonly Seen[]) => {
    const { shape, data } = imageBatch(some.map((seen) => seen.image), parts.pixels); // biome-ignore format: one line
    return (await programs[some[0]!.which].run({ image: ndarray('float32', [...shape], data) })).x.data;
  };
  return {
    embed: async (list: readonly Seen[], call: CallOptions): Promise<Float32Array[]> => {
      const width = tokensOf(list[0]!.image, c) * c.width;
      const { data } = await batched(list, width, run, call);
      return list.map((_, i) => data.subarray(i * width, (i + 1) * width));
    },
    close: async () => void (await Promise.all([programs.image.close(), programs.second.close()])),
  };
}

/** Texts with the tokens of their images, which have one size: the vectors of the pairs. */
function fusion({ config: c, parts, store }: ViltModel, session: SessionOptions) {
  const longest = parts.longest ?? c.text.context;
  const program = compile(
    (s, { x, tokens }: { x: F<'b m d'>; tokens: I<'b n'> }) => {
      const image = { x, keep: full(x, x.shape.slice(0, 2), 1) };
      return { y: pool(s, fuse(s, embedText(s, { tokens }, c), image, c, 'first'), c) };
    },
    { ...session, store },
  );
  const run = async (some: readonly Job[], known: ReadonlyMap<Seen, Float32Array>) => {
    const m = tokensOf(some[0]!.seen.image, c);
    const x = new Float32Array(some.length * m * c.width);
    some.forEach((job, i) => x.set(known.get(job.seen)!, i * m * c.width));
    const ids = parts.tokenizer.rows(some.map((job) => job.text), longest); // biome-ignore format: one line
    const tokens = ndarray('int32', [some.length, longest], ids);
    return (await program.run({ x: ndarray('float32', [some.length, m, c.width], x), tokens })).y.data;
  };
  return {
    fuse: (jobs: readonly Job[], known: ReadonlyMap<Seen, Float32Array>, call: CallOptions) =>
      batched(jobs, c.width, (some) => run(some, known), call),
    close: () => program.close(),
  };
}

/** Class token and patches of an image. */
const tokensOf = ({ width, height }: ImageSize, { image }: ViltConfig): number =>
  1 + (width / image.patch) * (height / image.patch);

/** The pairs by size and place of their image. */
function jobsOf(list: readonly Paired[], pixels: ViltParts['pixels']): Job[] {
  const seen = { image: new Map<ImageInput, Seen>(), second: new Map<ImageInput, Seen>() };
  const jobs = list.map(({ text, image, which = 'image' }, at) => {
    const known = seen[which].get(image) ?? { image: fitImage(image, pixels), which, place: at };
    seen[which].set(image, known);
    return { at, text, seen: known };
  });
  const key = ({ seen: { image, which } }: Job): string => `${which} ${image.height}×${image.width}`;
  const keys = new Map(jobs.map((job) => [job, key(job)]));
  return jobs.sort(
    (a, b) => compareCodePoints(keys.get(a)!, keys.get(b)!) || a.seen.place - b.seen.place || a.at - b.at,
  );
}

/** Parts whose images have one size, so long that their tokens fit in memory. */
function partsOf(jobs: readonly Job[]): Job[][] {
  const parts: Job[][] = [];
  for (const job of jobs) {
    const part = parts.at(-1);
    const last = part?.at(-1)?.seen;
    const fits = last?.which === job.seen.which && last.image.width === job.seen.image.width && last.image.height === job.seen.image.height; // biome-ignore format: one line
    if (part && fits && part.length < BATCH_SIZES[0]) part.push(job);
    else parts.push([job]);
  }
  return parts;
}
