/** The table of commands. A command's module is imported only when the command is called. */
import type { Command } from 'commander';

/** A line of `bow2bot --help`, and how to get the command itself. */
export type CommandEntry = {
  readonly summary: string;
  /** One command line, as it follows `bow2bot `. */
  readonly example: string;
  /** The page of `docs/` that tells more. */
  readonly page: string;
  readonly load: () => Promise<Command>;
};

/** Commands under headings, in the order in which somebody meets them. */
export const groups: Readonly<Record<string, Readonly<Record<string, CommandEntry>>>> = {
  'Train and compare': {
    start: {
      summary: 'the main job: fit word systems, train CLIP, compare them, search images by text',
      example: 'start',
      page: 'index.md',
      load: async () => (await import('./commands/start.ts')).command(),
    },
    train: {
      summary: 'train a system on your data',
      example: 'train clip --data photos/',
      page: 'training.md',
      load: async () => (await import('./commands/train.ts')).command(),
    },
    ladder: {
      summary: 'measure systems on the same benchmarks: a table and a report with images',
      example: 'ladder runs/clip-tiny',
      page: 'ladder.md',
      load: async () => (await import('./commands/ladder.ts')).command(),
    },
    insights: {
      summary: 'test a claim about a system by an experiment with controls',
      example: 'insights word-order',
      page: 'index.md',
      load: async () => (await import('./commands/insights.ts')).command(),
    },
  },
  'Images and search': {
    data: {
      summary: 'inspect an image set, or render icons to train on',
      example: 'data inspect photos/',
      page: 'data.md',
      load: async () => (await import('./commands/data.ts')).command(),
    },
    'zero-shot': {
      summary: 'classify images among labels of your choice (zero-shot)',
      example: 'zero-shot openai/clip-vit-base-patch32 cat.jpg --labels "cat,dog"',
      page: 'clip.md',
      load: async () => (await import('./commands/zero-shot.ts')).command(),
    },
    ask: {
      summary: 'answer a question about an image',
      example: 'ask picture.png "what colour is the cube?" -m runs/vilt',
      page: 'questions.md',
      load: async () => (await import('./commands/ask.ts')).command(),
    },
    ground: {
      summary: 'find what a phrase means in an image',
      example: 'ground picture.png "the red cube" -m runs/albef -o found.png',
      page: 'questions.md',
      load: async () => (await import('./commands/ground.ts')).command(),
    },
    index: {
      summary: 'encode images so that they can be searched by text or image',
      example: 'index photos/ --model runs/start/clip',
      page: 'search.md',
      load: async () => (await import('./commands/index-images.ts')).command(),
    },
    search: {
      summary: 'find texts or images in an index',
      example: 'search photos.index "a red cube"',
      page: 'search.md',
      load: async () => (await import('./commands/search.ts')).command(),
    },
  },
  Text: {
    fit: {
      summary: 'learn bag-of-words, tf-idf or bm25 from a collection of texts',
      example: 'fit tf-idf docs/ -o texts.index',
      page: 'tf-idf.md',
      load: async () => (await import('./commands/fit.ts')).command(),
    },
    keywords: {
      summary: 'the most characteristic words of a text',
      example: 'keywords report.txt',
      page: 'tf-idf.md',
      load: async () => (await import('./commands/keywords.ts')).command(),
    },
    classify: {
      summary: 'train a text classifier, or label texts with one',
      example: 'classify news.jsonl -o classifier/',
      page: 'bag-of-words.md',
      load: async () => (await import('./commands/classify.ts')).command(),
    },
    similar: {
      summary: 'the words nearest to a word',
      example: 'similar vectors/ king',
      page: 'word2vec.md',
      load: async () => (await import('./commands/similar.ts')).command(),
    },
    analogy: {
      summary: 'answer "a is to b as c is to what?" with word vectors',
      example: 'analogy vectors/ man king woman',
      page: 'word2vec.md',
      load: async () => (await import('./commands/analogy.ts')).command(),
    },
  },
  Robot: {
    world: {
      summary: 'the tabletop world: images, data sets, demonstrations, evaluation',
      example: 'world demo "put the red block in the blue bowl"',
      page: 'world.md',
      load: async () => (await import('./commands/world.ts')).command(),
    },
  },
  'This machine': {
    doctor: {
      summary: 'what this machine can run, what is missing and why',
      example: 'doctor',
      page: 'index.md',
      load: async () => (await import('./commands/doctor.ts')).command(),
    },
    download: {
      summary: 'fetch a model or data set from the Hugging Face hub',
      example: 'download openai/clip-vit-base-patch32',
      page: 'files-and-hub.md',
      load: async () => (await import('./commands/download.ts')).command(),
    },
    cache: {
      summary: 'list or remove downloads in the cache',
      example: 'cache ls',
      page: 'files-and-hub.md',
      load: async () => (await import('./commands/cache.ts')).command(),
    },
  },
};

/** All commands by name. */
export const commands: Readonly<Record<string, CommandEntry>> = Object.assign({}, ...Object.values(groups));
