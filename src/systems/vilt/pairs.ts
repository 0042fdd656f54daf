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
  const { config: c, parts, store } = model;
  const o = { ...session, store };
  const embedder = (which: Seen['which']) =>
    compile((s, { image }: { image: F<'b c y x'> }) => ({ x: embedImage(s, { image }, c, which).x }), o);
  const images = { image: embedder('image'), second: embedder('second') };
  const pairs = compile(
    (s, { x, tokens }: { x: F<'b m d'>; tokens: I<'b n'> }) => ({
      y: pool(s, fuse(s, embedText(s, { tokens }, c), { x, keep: full(x, x.shape.slice(0, 2), 1) }, c, 'first'), c),
    }),
    o,
  );
  /** The tokens of images of one size, one list each. */
  const embed = async (list: readonly Seen[], call: CallOptions): Promise<Float32Array[]> => {
    const width = tokensOf(list[0]!.image, c) * c.width;
    const { data } = await batched(
      list,
      width,
      async (some) => {
        const { shape, data } = imageBatch(some.map((seen) => seen.image), parts.pixels); // biome-ignore format: one line
        return (await images[some[0]!.which].run({ image: ndarray('float32', [...shape], data) })).x.data;
      },
      call,
    );
    return list.map((_, i) => data.subarray(i * width, (i + 1) * width));
  };
  const fused = (jobs: readonly Job[], tokens: ReadonlyMap<Seen, Float32Array>, call: CallOptions) =>
    batched(
      jobs,
      c.width,
      async (some) => {
        const m = tokensOf(some[0]!.seen.image, c);
        const x = new Float32Array(some.length * m * c.width);
        some.forEach((job, i) => x.set(tokens.get(job.seen)!, i * m * c.width));
        const longest = parts.longest ?? c.text.context;
        const ids = parts.tokenizer.rows(some.map((job) => job.text), longest); // biome-ignore format: one line
        const inputs = {
          x: ndarray('float32', [some.length, m, c.width], x),
          tokens: ndarray('int32', [some.length, longest], ids),
        };
        return (await pairs.run(inputs)).y.data;
      },
      call,
    );
  return {
    pooled: async (list, call = {}) => {
      const out = new Float32Array(list.length * c.width);
      let known = new Map<Seen, Float32Array>();
      for (const part of partsOf(jobsOf(list, parts.pixels))) {
        throwIfAborted(call.signal, 'vilt');
        const wanted = [...new Set(part.map((job) => job.seen))];
        const missing = wanted.filter((seen) => !known.has(seen));
        const made = missing.length === 0 ? [] : await embed(missing, call);
        known = new Map(wanted.map((seen) => [seen, known.get(seen) ?? made[missing.indexOf(seen)]!]));
        const { data } = await fused(part, known, call);
        part.forEach((job, i) => out.set(data.subarray(i * c.width, (i + 1) * c.width), job.at * c.width));
      }
      return { rows: list.length, width: c.width, data: out };
    },
    close: async () => void (await Promise.all([images.image.close(), images.second.close(), pairs.close()])),
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
