/**
 * Captions by iterative mask prediction (engine_for_finetuning.py of the released code): the text so far and a mask behind it, whose distribution gives the
 * next token; then the token chosen stands in the mask's place and a new mask follows. What was computed for images and tokens is kept, what was for masks is not.
 */
import { throwIfAborted } from '../../base/index.ts';
import {
  arange,
  type Compiled,
  compile,
  type F,
  type I,
  logSoftmax,
  type NdArray,
  ndarray,
  type Scope,
  type SessionOptions,
  Store,
} from '../../engine/index.ts';
import { cacheMask, kvCache, type Memory } from '../../nn/index.ts';
import { BeamSearch } from './beam-search.ts';
import { type Beit3Config, gridOf } from './config.ts';
import { type Encoded, encode, FIRST_ROW } from './encoder.ts';
import { captionLogits } from './heads.ts';
import { captionMask } from './objectives.ts';

/** Ids that decoding needs. */
export type DecodingIds = { readonly start: number; readonly end: number; readonly mask: number };

/** Options of {@link Captioner.generate}. */
export type GenerateOptions = {
  readonly beams: number;
  /** Scores are divided by length to this power. */
  readonly lengthPenalty: number;
  /** Most tokens, start and end included. */
  readonly longest: number;
  readonly signal?: AbortSignal | undefined;
};

/** The released settings: beam 3, 0.6, 32 tokens. */
export const released = { beams: 3, lengthPenalty: 0.6, longest: 32 } as const;

/** Generates captions; `close` frees its sessions. */
export type Captioner = {
  /** Ids of a caption for each image of a batch [b, 3, y, x]: start, tokens, a mask that is left over, end; as the released code leaves them. */
  generate(image: NdArray<'float32'>, o: GenerateOptions): Promise<number[][]>;
  close(): Promise<void>;
};

/** A captioner over a model's weights, which stay where they are; its caches are its own. */
export function captioner(
  model: { config: Beit3Config; store: Store },
  ids: DecodingIds,
  o: SessionOptions = {},
): Captioner {
  const { config } = model;
  const store = new Store();
  for (const [path, array, kind] of model.store.entries('param', 'buffer')) store.set(path, array, kind);
  const programs = new Map<number, Programs>(); // by the length of their caches
  let last: Promise<unknown> = Promise.resolve();
  const generate = async (image: NdArray<'float32'>, g: GenerateOptions): Promise<number[][]> => {
    const length = gridOf(config) ** 2 + 1 + g.longest;
    const found = programs.get(length) ?? programsFor(config, store, length, o);
    programs.set(length, found);
    return await searched(found, image, config, ids, g);
  };
  return {
    generate: (image, g) => {
      const job = last.then(() => generate(image, g)); // caches are shared: one after another
      last = job.catch(() => {});
      return job;
    },
    close: async () => {
      for (const { first, next } of programs.values()) await Promise.all([first.close(), next.close()]);
    },
  };
}

type First = Compiled<{ image: F<'b c y x'>; tokens: I<'b n'>; position: I<''> }, { logp: F<'b v'> }>;
type Next = Compiled<{ tokens: I<'b n'>; position: I<''> }, { logp: F<'b v'> }>;
type Programs = { readonly first: First; readonly next: Next };

function programsFor(c: Beit3Config, store: Store, length: number, o: SessionOptions): Programs {
  const split = tokensOfImage(c);
  const options = { ...o, store };
  const first: First = compile((s: Scope, { image, tokens, position }) => {
    const cache = kvCache({ length, position });
    const memory: Memory = (at, k, v) => {
      const [keys, values] = cache(at, k, v); // kept for the steps to come; there is nothing before them
      return [keys.slice(2, length), values.slice(2, length)];
    };
    const mask = captionMask(s, split, tokens.dim(1));
    return { logp: lastLogp(s, encode(s, { image, tokens, mask, memory }, c), c) };
  }, options);
  const next: Next = compile((s: Scope, { tokens, position }) => {
    const [n, cache] = [tokens.dim(1), { length, position }];
    const places = arange(position, n, position.dtype)
      .add(position)
      .sub(split - FIRST_ROW);
    const encoded = encode(s, { tokens, places, memory: kvCache(cache), mask: cacheMask(n, cache) }, c);
    return { logp: lastLogp(s, encoded, c) };
  }, options);
  return { first, next };
}

const tokensOfImage = (c: Beit3Config): number => gridOf(c) ** 2 + 1;

/** Of the last position, the mask's. */
function lastLogp(s: Scope, encoded: Encoded, c: Beit3Config): F<'b v'> {
  const logits = captionLogits(s, encoded, c);
  return logSoftmax(logits.slice(1, logits.dim(1) - 1).squeeze(1), -1);
}

const place = (at: number): NdArray<'int64'> => ndarray('int64', [], [at]);

async function searched(
  { first, next }: Programs,
  image: NdArray<'float32'>,
  c: Beit3Config,
  ids: DecodingIds,
  o: GenerateOptions,
): Promise<number[][]> {
  const [count, split] = [image.shape[0]!, tokensOfImage(c)];
  const search = new BeamSearch(count, { ...o, ...ids });
  const pairs = (tokens: readonly number[]): NdArray<'int32'> =>
    ndarray(
      'int32',
      [tokens.length, 2],
      tokens.flatMap((t) => [t, ids.mask]),
    );
  const starts = pairs(new Array<number>(count).fill(ids.start));
  let { logp } = await first.run({ image, tokens: starts, position: place(0) });
  const each = Array.from({ length: count * o.beams }, (_, row) => Math.floor(row / o.beams));
  reorder(first.store, each);
  let rows = taken(logp.data as Float32Array, each);
  for (let at = split + 1; ; at++) {
    throwIfAborted(o.signal);
    const chosen = search.step(rows, c.vocabulary);
    if (!chosen) return search.texts();
    reorder(next.store, chosen.from);
    ({ logp } = await next.run({ tokens: pairs(chosen.token), position: place(at) })); // over the place of the last mask
    rows = logp.data as Float32Array;
  }
}

/** Rows of data in another order, some of them several times. */
function taken(data: Float32Array, rows: readonly number[], count = Math.max(...rows) + 1): Float32Array {
  const each = data.length / count;
  const out = new Float32Array(rows.length * each);
  rows.forEach((from, to) => {
    out.set(data.subarray(from * each, (from + 1) * each), to * each);
  });
  return out;
}

/** Every beam goes on with the keys and values of the one that it continues. */
function reorder(store: Store, rows: readonly number[]): void {
  for (const [path, { shape, data }] of [...store.entries('state')]) {
    const [count, ...rest] = shape as [number, ...number[]];
    if (count === rows.length && rows.every((from, to) => from === to)) continue;
    store.set(path, ndarray('float32', [rows.length, ...rest], taken(data as Float32Array, rows, count)), 'state');
  }
}
