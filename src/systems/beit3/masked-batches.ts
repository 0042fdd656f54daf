/** Batches with something hidden: patches of images in blocks, tokens of texts. */
import { Rng, throwIfAborted } from '../../base/index.ts';
import { type NdArray, ndarray } from '../../engine/index.ts';
import { blockMask } from '../../image/index.ts';
import { maskTokens, type Unigram } from '../../text/index.ts';
import { type BatchSource, indexedSource } from '../../train/index.ts';

type Inputs = Readonly<Record<string, NdArray>>;

/** What a batch becomes. `rng`: the batch's own stream; in evaluations the same in each. */
export type Change = (inputs: Inputs, samples: number, rng: Rng) => Inputs;

/** A source whose batches are changed. */
export function changed(source: BatchSource, change: Change): BatchSource {
  return {
    ...source,
    open: (o) => ({
      async *[Symbol.asyncIterator]() {
        const rng = new Rng(o.seed).split('hidden');
        let position = o.position;
        for await (const batch of source.open(o)) {
          const inputs = change(batch.inputs, batch.samples, rng.split(position++));
          yield { ...batch, inputs };
        }
      },
    }),
  };
}

/** Share of an image's patches that is hidden (§2.2). */
const PATCHES = 0.4;

/** Hidden patches [samples, p]: blocks, then single ones until the share is exact, as BEiT v2 has it (masking_generator.py). */
export function hiddenPatches(grid: number, samples: number, rng: Rng): NdArray<'int32'> {
  const [each, wanted] = [grid * grid, Math.max(1, Math.round(PATCHES * grid * grid))];
  const out = new Int32Array(samples * each);
  for (let i = 0; i < samples; i++) {
    const row = out.subarray(i * each, (i + 1) * each);
    row.set(blockMask(grid, rng, { share: PATCHES }));
    const open = rng.shuffle([...row.keys()].filter((place) => row[place] === 0));
    for (let left = wanted - (each - open.length); left > 0; left--) row[open.pop()!] = 1;
  }
  return ndarray('int32', [samples, each], out);
}

/** How tokens of a row are hidden: in place, with what stood there in `labels`. */
export type Hide = (ids: Int32Array, labels: Int32Array, rng: Rng) => void;

/** A share of the tokens, as BERT hides them. */
export const hideShare =
  (t: Unigram, share: number): Hide =>
  (ids, labels, rng) =>
    maskTokens(ids, labels, rng, {
      ...{ share, mask: t.ids.mask, vocabulary: t.ids.mask, first: t.ids.unknown + 1 },
      may: (id) => id > t.ids.unknown,
    });

/** Share of a caption's tokens that is hidden (captioning.md). */
const CAPTION = 0.7;

/**
 * For captioning, the end of the text among what may be hidden and the start not: of n tokens, both included, 0.7 n, rounded, at least one and at most n − 1; 80 %
 * become the mask, 10 % a token at random, 10 % stay (`CaptioningDataset`).
 */
export const hideCaption =
  (t: Unigram): Hide =>
  (ids, labels, rng) => {
    const n = ids.indexOf(t.ids.end) + 1;
    const count = Math.max(1, Math.min(Math.floor(n * CAPTION + 0.5), n - 1));
    labels.fill(-100);
    const places = rng.shuffle(Array.from({ length: n - 1 }, (_, i) => i + 1)).slice(0, count);
    for (const place of places) {
      labels[place] = ids[place]!;
      const draw = rng.float();
      if (draw < 0.8) ids[place] = t.ids.mask;
      else if (draw >= 0.9) ids[place] = t.ids.unknown + rng.int(t.ids.mask - t.ids.unknown);
    }
  };

/** `masked` and `labels` from a batch's `tokens`. */
export function hiddenTokens(tokens: NdArray, hide: Hide, rng: Rng): { masked: NdArray; labels: NdArray } {
  const [samples, length] = tokens.shape as [number, number];
  const masked = Int32Array.from(tokens.data as Int32Array);
  const labels = new Int32Array(masked.length);
  for (let i = 0; i < samples; i++) {
    const [from, to] = [i * length, (i + 1) * length];
    hide(masked.subarray(from, to), labels.subarray(from, to), rng);
  }
  return { masked: ndarray('int32', tokens.shape, masked), labels: ndarray('int32', tokens.shape, labels) };
}

/** Texts alone: `tokens` int32 [b, length]. */
export function textSource(texts: readonly string[], length: number, t: Unigram): BatchSource {
  return indexedSource({
    size: texts.length,
    inputs: { tokens: { dtype: 'int32', shape: [length] } },
    load: (indices, into, { signal }) => {
      throwIfAborted(signal);
      const chosen = Array.from(indices, (i) => texts[i]!);
      (into['tokens']!.data as Int32Array).set(t.rows(chosen, length));
    },
  });
}
