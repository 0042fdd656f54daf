/**
 * Where batches come from. A source is a function of (seed, position): a run that stops after 1,234 batches continues with the 1,235th, whatever
 * had been prepared ahead, and sees the shuffles and augmentations that it would have seen.
 */
import { BowError, Rng, throwIfAborted } from '../base/index.ts';
import { type DType, makeArray, type NdArray, sizeOf } from '../engine/index.ts';

/** One batch. Its arrays may be reused by the source once `slots` further batches have been asked for. */
export type Batch = {
  /** Values for the inputs of the task's trace. */
  readonly inputs: Readonly<Record<string, NdArray>>;
  readonly samples: number;
  /** Passes over the data that are complete, 0 in the first; undefined where there is no such thing. */
  readonly epoch?: number;
};

/** How a source is opened. */
export type OpenBatches = {
  readonly seed: number;
  /** Batches that were taken before: the first one given is number `position`. */
  readonly position: number;
  readonly batchSize: number;
  /** `train`: endless, shuffled, full batches. `evaluate`: one pass in order; the last batch may be smaller. */
  readonly mode: 'train' | 'evaluate';
  /** Batches that are alive at once; a source that reuses its arrays needs as many sets. */
  readonly slots: number;
  readonly signal: AbortSignal | undefined;
};

/** A source of batches. */
export type BatchSource = {
  /** Samples in one pass; undefined when there is no end. Needed for `epochs` in a recipe. */
  readonly size?: number;
  open(o: OpenBatches): AsyncIterable<Batch>;
};

/** What {@link indexedSource} is made of. */
export type IndexedSource = {
  readonly size: number;
  /** Type and shape of every input of ONE sample. */
  readonly inputs: Readonly<Record<string, { readonly dtype: DType; readonly shape: readonly number[] }>>;
  /**
   * A number for every sample: samples with equal numbers never meet in a training batch. A pass then goes over the numbers, with one sample of
   * each, in turns.
   */
  readonly groups?: ArrayLike<number>;
  /**
   * Writes the samples of the given indices into the batch's arrays, sample after sample. `rng` is the batch's own stream, for augmentation;
   * `training` is false in evaluations.
   */
  load(
    indices: Uint32Array,
    into: Readonly<Record<string, NdArray>>,
    o: { readonly rng: Rng; readonly training: boolean; readonly signal: AbortSignal | undefined },
  ): void | Promise<void>;
};

/** A source over samples with random access by index: reshuffled in every pass, loaded into arrays that are used again and again. */
export function indexedSource(o: IndexedSource): BatchSource {
  if (!Number.isInteger(o.size) || o.size < 1) {
    throw new BowError('data', 'no samples to train or evaluate on', { detail: { size: o.size } });
  }
  const members = o.groups ? membersOf(o.groups) : undefined;
  return { size: members?.length ?? o.size, open: (options) => indexedBatches(o, members, options) };
}

/** Samples by group, in the order in which the groups come. */
function membersOf(groups: ArrayLike<number>): Uint32Array[] {
  const found = new Map<number, number[]>();
  for (let i = 0; i < groups.length; i++) {
    const list = found.get(groups[i]!);
    if (list) list.push(i);
    else found.set(groups[i]!, [i]);
  }
  return Array.from(found.values(), (list) => Uint32Array.from(list));
}

/** The samples of one pass of training in their order. A group's samples take turns, in an order that is redrawn when all have been shown. */
function orderOf(size: number, members: readonly Uint32Array[] | undefined, rng: Rng, epoch: number): Uint32Array {
  const shown = members?.map((list, group) => {
    const round = rng.split(`group/${group}/${Math.floor(epoch / list.length)}`);
    return list.length === 1 ? list[0]! : round.shuffle(list.slice())[epoch % list.length]!;
  });
  return rng.split(`epoch/${epoch}`).shuffle(shown ? Uint32Array.from(shown) : counted(size));
}

const counted = (size: number): Uint32Array => Uint32Array.from({ length: size }, (_, i) => i);

async function* indexedBatches(
  source: IndexedSource,
  members: readonly Uint32Array[] | undefined,
  o: OpenBatches,
): AsyncGenerator<Batch> {
  const training = o.mode === 'train';
  const size = training ? (members?.length ?? source.size) : source.size;
  const perEpoch = training ? Math.floor(size / o.batchSize) : Math.ceil(size / o.batchSize);
  if (perEpoch === 0) {
    const kinds = members ? ' that may meet in one' : '';
    throw new BowError('config', `a batch of ${o.batchSize} needs more than the ${size} samples there are${kinds}`, {
      place: 'batchSize',
      hint: size > 1 ? `batchSize ${Math.max(2, 2 ** Math.floor(Math.log2(size / 2)))}, for instance` : 'more data',
    });
  }
  const rng = new Rng(o.seed).split('batches');
  let order: Uint32Array = new Uint32Array(0);
  const slots = Array.from({ length: o.slots }, () => makeInputs(source, o.batchSize));
  let shuffled = -1;
  for (let position = o.position; training || position < perEpoch; position++) {
    throwIfAborted(o.signal);
    const epoch = Math.floor(position / perEpoch);
    if (shuffled !== epoch) {
      order = training ? orderOf(size, members, rng, epoch) : counted(size);
      shuffled = epoch;
    }
    const at = (position % perEpoch) * o.batchSize;
    const indices = order.subarray(at, Math.min(at + o.batchSize, size));
    const full = indices.length === o.batchSize;
    const inputs = full ? slots[position % o.slots]! : makeInputs(source, indices.length);
    await source.load(indices, inputs, { rng: rng.split(`batch/${position}`), training, signal: o.signal });
    yield { inputs, samples: indices.length, epoch };
  }
}

function makeInputs(source: IndexedSource, samples: number): Record<string, NdArray> {
  const entries = Object.entries(source.inputs).map(([name, { dtype, shape }]) => {
    const whole = [samples, ...shape];
    return [name, { dtype, shape: whole, data: makeArray(dtype, sizeOf(whole)) }] as const;
  });
  return Object.fromEntries(entries);
}

/** A source over arrays in memory whose first axis counts the samples. */
export function arraySource(arrays: Readonly<Record<string, NdArray>>): BatchSource {
  const entries = Object.entries(arrays);
  const size = entries[0]?.[1].shape[0] ?? 0;
  for (const [name, { shape }] of entries) {
    if (shape[0] === size) continue;
    throw new BowError('shape', 'arrays of one source have different numbers of samples', {
      place: name,
      detail: { [entries[0]![0]]: size, [name]: shape[0] ?? 'a scalar' },
    });
  }
  return indexedSource({
    size,
    inputs: Object.fromEntries(entries.map(([name, { dtype, shape }]) => [name, { dtype, shape: shape.slice(1) }])),
    load: (indices, into) => {
      for (const [name, { shape, data }] of entries) {
        const row = sizeOf(shape.slice(1));
        const out = into[name]!.data as Float32Array; // any of the typed arrays: rows are moved within one type
        const from = data as Float32Array;
        for (let i = 0; i < indices.length; i++) {
          out.set(from.subarray(indices[i]! * row, (indices[i]! + 1) * row), i * row);
        }
      }
    },
  });
}
