/** All systems, one typed object of lazy imports: nothing of a system is loaded before it is asked for. */
import { BowError, unknownName } from '../base/index.ts';
import type { System } from './system.ts';

/** A line of the table. */
export type SystemEntry = { readonly title: string; readonly paper: string; readonly load: () => Promise<System> };

/** id → title, paper, loader. The id is also `model_type` in a checkpoint's config.json. */
export const systems: Readonly<Record<string, SystemEntry>> = {
  'bag-of-words': {
    title: 'Bag of words, with the hashing trick',
    paper: 'Salton, Wong, Yang 1975; Weinberger et al. 2009',
    load: async () => (await import('./bag-of-words.ts')).system,
  },
  clip: {
    title: 'CLIP: pictures and sentences in one space',
    paper: 'Radford et al. 2021, arXiv 2103.00020',
    load: async () => (await import('./clip-system.ts')).system,
  },
  'tf-idf': {
    title: 'TF-IDF and BM25',
    paper: 'Spärck Jones 1972; Robertson & Zaragoza 2009',
    load: async () => (await import('./tf-idf.ts')).system,
  },
  word2vec: {
    title: 'word2vec: skip-gram and CBOW',
    paper: 'Mikolov et al. 2013, arXiv 1301.3781 and 1310.4546',
    load: async () => (await import('./word2vec.ts')).system,
  },
};

/** One entry. Error `usage` with the nearest name for an unknown id. */
export function systemEntry(id: string): SystemEntry {
  const entry = Object.hasOwn(systems, id) ? systems[id] : undefined;
  if (!entry)
    throw new BowError('usage', unknownName('system', id, Object.keys(systems)), {
      detail: { systems: Object.keys(systems) },
    });
  return entry;
}
