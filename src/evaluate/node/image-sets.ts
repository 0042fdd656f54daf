/** Image sets on disk as tests: what `bow2bot ladder --data` measures on. */
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { BowError, isBowError, type OnProgress } from '../../base/index.ts';
import type { ImageSet } from '../../data/index.ts';
import { openImages } from '../../data/node/index.ts';
import type { ImageTests } from '../benchmarks.ts';
import type { ImageTest } from '../image-test.ts';
import type { Templates } from '../zero-shot.ts';
import { type SetTestOptions, setTest } from './set-test.ts';

/** How sets are read. */
export type ImageSetOptions = {
  readonly split: 'validation' | 'all';
  /** Field whose equal values stay on one side; in a set that is divided already, its values tell seen images from unseen ones. */
  readonly splitBy?: string | undefined;
  /** Most images to evaluate on, and ten times as many to fit probes on. */
  readonly limit: number;
  readonly captions?: string | undefined;
  readonly templates?: Templates | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** A folder with `train` and `validation` (or `val`) in it is divided already; anything else by hash. */
async function dividedFolders(path: string): Promise<{ train: string; test: string } | undefined> {
  const folder = async (name: string): Promise<string | undefined> => {
    const at = join(path, name);
    return (await stat(at).catch(() => undefined))?.isDirectory() ? at : undefined;
  };
  const [train, test] = [await folder('train'), (await folder('validation')) ?? (await folder('val'))];
  return train && test ? { train, test } : undefined;
}

/**
 * Images to evaluate on and, where images have labels, images to fit probes on. With `split: 'all'` every image is evaluated on and none is left for
 * probes. Errors: those of the data room; `data` for images without captions and labels.
 */
export async function imageTests(path: string, o: ImageSetOptions): Promise<ImageTests & { readonly path: string }> {
  const divided = await dividedFolders(path);
  const open = (at: string) => openImages(at, o.captions === undefined ? {} : { captions: o.captions });
  const common: SetTestOptions = { splitBy: o.splitBy, signal: o.signal, onProgress: o.onProgress };
  const name = basename(resolve(path));
  const evaluated = await open(divided?.test ?? path);
  const split = divided ? 'all' : o.split;
  const test = await setTest(evaluated, { ...common, name, split, limit: o.limit }).catch((e: unknown) => {
    if (split === 'all' || !isBowError(e) || e.detail['skipped'] !== 0) throw e;
    throw new BowError(
      'data',
      'none of the images is held out: a tenth is chosen by a hash of the names, and the set is small',
      {
        place: path,
        hint: '--split all evaluates on every image, for models that have not seen them',
        cause: e,
      },
    );
  });
  const labelled = test.labels.some((l) => l !== undefined);
  if (!labelled && test.captions.every((c) => c.length === 0))
    throw new BowError('data', 'images with neither captions nor labels: there is nothing to measure', {
      place: path,
      hint: 'metadata.jsonl with a text for each image, .txt files beside them, or a folder for each class',
    });
  const fitted = divided ? 'all' : o.split === 'all' ? undefined : 'train';
  const limit = 10 * o.limit;
  const train: ImageTest | undefined =
    labelled && fitted
      ? await setTest(await open(divided?.train ?? path), {
          ...common,
          name: `${name} for probes`,
          split: fitted,
          limit,
        })
      : undefined;
  const kind = divided || o.split === 'validation' ? 'validation images' : 'images';
  const shown =
    divided && o.splitBy !== undefined ? await valuesOf(await open(divided.train), o.splitBy, o) : undefined;
  const seen = shown && test.values?.map((value) => value !== undefined && shown.has(value));
  const rest = { train, templates: o.templates, ...(seen ? { seen } : {}) };
  return { path, id: name, title: `${name}: ${test.count} ${kind}`, test, ...rest };
}

/** The values of a field in a set; its images are not decoded. */
async function valuesOf(
  set: ImageSet,
  field: string,
  { signal }: Pick<ImageSetOptions, 'signal'>,
): Promise<Set<string | number | boolean>> {
  const values = new Set<string | number | boolean>();
  for await (const { fields } of set.records({ signal })) if (fields[field] !== undefined) values.add(fields[field]);
  return values;
}
