/** Terms of word systems on disk. */
import { BowError } from '../base/index.ts';
import type { ModelFiles } from '../hub/index.ts';

/** Reads vocab.json: the terms in column order. Error `checkpoint` when it is not a list of strings. */
export async function readVocabulary(files: ModelFiles): Promise<string[]> {
  const terms = await files.json('vocab.json');
  if (Array.isArray(terms) && terms.every((t) => typeof t === 'string')) return terms;
  throw new BowError('checkpoint', 'vocab.json is not a list of terms', { place: files.at('vocab.json') });
}
