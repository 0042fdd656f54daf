/** The table of commands. A command's module is imported only when the command is called. */
import type { Command } from 'commander';
import type { CommandName } from './command-names.ts';

/** A line of `bow2bot --help`, and how to get the command itself. */
export type CommandEntry = { readonly summary: string; readonly load: () => Promise<Command> };

export const commands: Readonly<Record<CommandName, CommandEntry>> = {
  analogy: {
    summary: 'answer "a is to b as c is to what?" with word vectors',
    load: async () => (await import('./commands/analogy.ts')).command(),
  },
  cache: {
    summary: 'list or remove downloads in the cache',
    load: async () => (await import('./commands/cache.ts')).command(),
  },
  classify: {
    summary: 'train a text classifier, or label texts with one',
    load: async () => (await import('./commands/classify.ts')).command(),
  },
  data: {
    summary: 'inspect an image set, or render icons to train on',
    load: async () => (await import('./commands/data.ts')).command(),
  },
  doctor: {
    summary: 'what this machine can run, what is missing and why',
    load: async () => (await import('./commands/doctor.ts')).command(),
  },
  download: {
    summary: 'fetch a model or data set from the Hugging Face hub',
    load: async () => (await import('./commands/download.ts')).command(),
  },
  fit: {
    summary: 'learn bag-of-words, tf-idf or bm25 from a collection of texts',
    load: async () => (await import('./commands/fit.ts')).command(),
  },
  index: {
    summary: 'encode images so that they can be searched by text or image',
    load: async () => (await import('./commands/index-images.ts')).command(),
  },
  insights: {
    summary: 'test a claim about a system by an experiment with controls',
    load: async () => (await import('./commands/insights.ts')).command(),
  },
  keywords: {
    summary: 'the most characteristic words of a text',
    load: async () => (await import('./commands/keywords.ts')).command(),
  },
  ladder: {
    summary: 'measure systems on the same benchmarks: a table and a report with images',
    load: async () => (await import('./commands/ladder.ts')).command(),
  },
  search: {
    summary: 'find texts or images in an index',
    load: async () => (await import('./commands/search.ts')).command(),
  },
  similar: {
    summary: 'the words nearest to a word',
    load: async () => (await import('./commands/similar.ts')).command(),
  },
  start: {
    summary: 'the main job: fit word systems, train CLIP, compare them, search images by text',
    load: async () => (await import('./commands/start.ts')).command(),
  },
  train: {
    summary: 'train a system on your data',
    load: async () => (await import('./commands/train.ts')).command(),
  },
  world: {
    summary: 'the tabletop world: images, data sets, demonstrations, evaluation',
    load: async () => (await import('./commands/world.ts')).command(),
  },
  'zero-shot': {
    summary: 'classify images among labels of your choice (zero-shot)',
    load: async () => (await import('./commands/zero-shot.ts')).command(),
  },
};
