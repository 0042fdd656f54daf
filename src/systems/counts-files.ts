/** Fitted counters as checkpoints: config.json (options), vocab.json (terms by column), model.safetensors (df, totals, and what a weighting adds). */
import { BowError } from '../base/index.ts';
import { type ModelConfig, type ModelFiles, readConfig } from '../hub/index.ts';
import type { CountOptions, CountState } from '../text/index.ts';
import { readVocabulary } from './vocabulary.ts';

/** A loaded counting model. */
export type LoadedCounts = { readonly config: ModelConfig; readonly options: CountOptions; readonly state: CountState };

function restoredOptions(o: Record<string, unknown>): CountOptions {
  const pattern = o['tokenPattern'] as { regexp?: [string, string] } | string | undefined;
  return typeof pattern === 'object' && pattern?.regexp ? { ...o, tokenPattern: new RegExp(...pattern.regexp) } : o;
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
  if (typeof documents !== 'number' || typeof options !== 'object' || options === null) {
    throw new BowError('checkpoint', 'config.json lacks "documents" or "options"', { place: files.place });
  }
  return {
    config,
    options: restoredOptions(options as Record<string, unknown>),
    state: { terms, documents, df, totals },
  };
}
