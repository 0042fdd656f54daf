/** Fitted counters as checkpoints: config.json (options), vocab.json (terms by column), model.safetensors (df, totals, and what a weighting adds). */
import { BowError, isRecord } from '../base/index.ts';
import { type ModelConfig, type ModelFiles, readConfig } from '../hub/index.ts';
import type { CountOptions, CountState } from '../text/index.ts';
import { readVocabulary } from './vocabulary.ts';

/** A loaded counting model. */
export type LoadedCounts = { readonly config: ModelConfig; readonly options: CountOptions; readonly state: CountState };

/** Options as they were before `storableOptions` wrote them. Error `checkpoint` with the place for a pattern that is none. */
function restoredOptions(o: Readonly<Record<string, unknown>>, place: string): CountOptions {
  const pattern = o['tokenPattern'];
  if (pattern === undefined || pattern === null || typeof pattern === 'string') return o;
  const [source, flags] = isRecord(pattern) && Array.isArray(pattern['regexp']) ? (pattern['regexp'] as unknown[]) : [];
  try {
    if (typeof source === 'string' && typeof flags === 'string')
      return { ...o, tokenPattern: new RegExp(source, flags) };
  } catch {
    // said below
  }
  throw new BowError('checkpoint', 'the token pattern is damaged', { place });
}

/** Reads a fitted counter. Errors `data` and `checkpoint`. */
export async function loadCounts(files: ModelFiles, types: readonly string[]): Promise<LoadedCounts> {
  const config = await readConfig(files, types);
  const terms = await readVocabulary(files);
  await using file = await files.tensors();
  const df = (await file.read('df')).data;
  const totals = (await file.read('totals')).data;
  const documents = config['documents'];
  const options = config['options'];
  if (
    !(df instanceof Int32Array) ||
    !(totals instanceof Float64Array) ||
    df.length !== terms.length ||
    totals.length !== terms.length
  ) {
    throw new BowError('checkpoint', 'df, totals and vocab.json do not match', { place: files.place });
  }
  if (!Number.isSafeInteger(documents) || (documents as number) < 0 || !isRecord(options)) {
    throw new BowError('checkpoint', 'config.json lacks "documents" or "options", or they are damaged', {
      place: files.place,
    });
  }
  return {
    config,
    options: restoredOptions(options, files.at('config.json')),
    state: { terms, documents: documents as number, df, totals },
  };
}
