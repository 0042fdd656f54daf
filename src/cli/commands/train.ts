import { Command } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import { type OutputOptions, printResult, progressLine, sayLine, stopSignal } from '../output.ts';
import { type InputFlags, inputFlags, inputOptions } from '../text-options.ts';
import { type TrainingOptions, trainingOptions } from '../training.ts';

/** `bow2bot train`: one subcommand per system. */
export function command(): Command {
  return new Command('train').description('train a system on your data').addCommand(clip()).addCommand(word2vec());
}

type Flags = OutputOptions &
  InputFlags & {
    output: string;
    size: string;
    window: string;
    minCount: string;
    negative: string;
    sample: string;
    epochs: string;
    alpha?: string;
    workers: string;
    seed: string;
    cbow?: boolean;
    hs?: boolean;
    sharedNegatives?: boolean;
    from?: string;
    resume?: boolean;
  };

function word2vec(): Command {
  const c = new Command('word2vec')
    .description('word vectors, learned from the contexts of words')
    .argument(
      '<corpus>',
      'one sentence per line (plain or gzip), a folder, JSONL or CSV, or - for standard input; words are separated by blanks',
    )
    .requiredOption('-o, --output <path>', 'a checkpoint folder, or a .bin or .txt file in the word2vec formats')
    .option('--size <n>', 'width of the vectors', '100')
    .option('--window <n>', 'largest distance of a context word', '5')
    .option('--min-count <n>', 'rarer words are left out', '5')
    .option('--negative <n>', 'noise words per prediction', '5')
    .option('--sample <x>', 'drop words more frequent than this share', '1e-3')
    .option('--epochs <n>', 'passes over the corpus', '5')
    .option('--alpha <x>', 'initial learning rate; default 0.025, CBOW 0.05')
    .option('--workers <n>', 'threads; only 1 is reproducible bit for bit', '1')
    .option('--seed <n>', 'seed', '1')
    .option('--cbow', 'continuous bag of words instead of skip-gram')
    .option('--hs', 'hierarchical softmax instead of negative sampling')
    .option('--shared-negatives', 'faster skip-gram: noise words drawn once per window')
    .option('--from <folder>', 'continue training from a checkpoint folder; new words are added')
    .option('--resume', 'resume a run that was stopped (same corpus and options; needs a folder as output)');
  return inputFlags(c)
    .addHelpText(
      'after',
      `
Examples:
  bow2bot train word2vec corpus.txt -o vectors/ --workers 2
  bow2bot train word2vec reviews.jsonl.gz --cbow --size 300 -o vectors.bin
  bow2bot similar vectors/ king`,
    )
    .action(trainWords);
}

async function trainWords(corpus: string, f: Flags): Promise<void> {
  const { rm } = await import('node:fs/promises');
  const { loadWord2Vec } = await import('../../systems/index.ts');
  const { saveWord2Vec, trainWord2Vec, writeVectors } = await import('../../systems/node/index.ts');
  const { openModelFiles } = await import('../../hub/node/index.ts');
  const { readDocuments } = await import('../../text/node/index.ts');
  const file = /\.(bin|txt|vec)$/.test(f.output);
  if (file && f.resume) throw new BowError('usage', '--resume needs a folder as output');
  const signal = stopSignal();
  const n = (text: string, flag: string): number => parseNumber(text, flag);
  const work = `${f.output.replace(/[/\\]+$/, '')}.run`;
  if (!f.resume) await rm(work, { recursive: true, force: true });
  async function* lines(): AsyncGenerator<string | Uint8Array> {
    for await (const d of readDocuments(corpus, inputOptions(f, signal))) yield d.text;
  }
  const started = performance.now();
  const model = await trainWord2Vec(
    lines(),
    {
      vectorSize: n(f.size, '--size'),
      window: n(f.window, '--window'),
      minCount: n(f.minCount, '--min-count'),
      negative: f.hs ? 0 : n(f.negative, '--negative'),
      hs: f.hs ? 1 : 0,
      sample: n(f.sample, '--sample'),
      epochs: n(f.epochs, '--epochs'),
      alpha: f.alpha ? n(f.alpha, '--alpha') : f.cbow ? 0.05 : 0.025,
      workers: n(f.workers, '--workers'),
      seed: n(f.seed, '--seed'),
      sg: f.cbow ? 0 : 1,
      sharedNegatives: f.sharedNegatives === true,
    },
    {
      ...(f.from ? { from: await loadWord2Vec(await openModelFiles(f.from)) } : {}),
      ...(file ? {} : { work }),
      signal,
      onProgress: progressLine(f),
    },
  );
  if (file) await writeVectors(f.output, model.wv);
  else await saveWord2Vec(f.output, model);
  await rm(work, { recursive: true, force: true });
  const seconds = (performance.now() - started) / 1000;
  const result = {
    output: f.output,
    words: model.wv.words.length,
    width: model.wv.width,
    seconds,
    reproducible: model.options.workers === 1,
  };
  printResult(
    f,
    result,
    () =>
      `${f.output}: ${result.words} words × ${result.width} in ${seconds.toFixed(1)} s\ntry it: bow2bot similar ${f.output} ${model.wv.words[0]}`,
  );
}

type ClipFlags = TrainingOptions & {
  data?: string;
  validation?: string;
  splitBy?: string;
  captions?: string;
  from?: string;
  variant?: string;
  size?: string;
  pictures?: string;
  lora?: string;
  freeze?: string[];
};

function clip(): Command {
  const append = (value: string, before: string[] = []): string[] => [...before, value];
  const c = new Command('clip')
    .description('images and text in one embedding space, from your own images or the tabletop')
    .option(
      '--data <path>',
      'folder of images with texts or classes, COCO .json, WebDataset .tar, .parquet (default: the tabletop)',
    )
    .option(
      '--validation <share or path>',
      'images to evaluate on: a share held out by hash, or a set of their own (default: 0.1)',
    )
    .option('--split-by <field>', 'field whose equal values stay on one side of the split')
    .option('--captions <field>', 'column or key of the captions, where it has none of the usual names')
    .option('--from <folder or name>', 'fine-tune a checkpoint: a folder, or a repository of the Hugging Face hub')
    .option('--lora <rank>', 'train a LoRA adapter of the attention (q, v) instead of the weights')
    .option('--freeze <pattern>', 'parameters to freeze: --freeze "visual/**" (repeatable)', append)
    .option('--variant <name>', 'row of the variant table (docs/clip.md) when training from scratch (default: tiny)')
    .option('--size <pixels>', 'width and height of the images (default: what the variant or checkpoint sees)')
    .option('--pictures <n>', 'images of the tabletop to train on (default: 8192)');
  return trainingOptions(c)
    .addHelpText(
      'after',
      `
Presets: default (from scratch), icons (drawings that data icons makes), fine-tune (taken with --from), lora (taken with --lora), smoke.

Examples:
  bow2bot train clip --smoke
  bow2bot train clip --data photos/ -o runs/photos
  bow2bot train clip --data runs/icons/train --validation runs/icons/validation --preset icons
  bow2bot train clip --data shards/ --validation other.tar --set batchSize=256 --set chunk=64
  bow2bot train clip --data photos/ --from openai/clip-vit-base-patch32 --lora 8
  bow2bot train clip --data photos/ --from runs/clip/best --freeze "visual/**" --size 96
  bow2bot train clip -o runs/clip --resume --set steps=3000`,
    )
    .action(trainClip);
}

async function trainClip(o: ClipFlags): Promise<void> {
  const { runTraining } = await import('../training.ts');
  const { clipSystem, clipTraining } = await import('../../systems/index.ts');
  const { prepareTraining } = await import('../../systems/node/index.ts');
  const { clipRecipe } = await import('../clip-recipe.ts');
  const say = (line: string): void => sayLine(o, line);
  const own = clipRecipe(o);
  await runTraining(
    {
      system: 'clip',
      recipe: own,
      presets: clipTraining.presets,
      data: clipTraining.data.schema,
      prepare: (recipe, { signal }) =>
        prepareTraining(clipSystem, recipe, { signal, onProgress: progressLine(o), say }),
      next: (folder) => `measure it: bow2bot ladder ${folder}`,
    },
    { ...o, ...presetFor(o) },
  );
}

/** A checkpoint is trained on with smaller steps than a model from nothing, unless another preset is wanted. A run that is resumed has its own recipe. */
function presetFor(o: ClipFlags): { preset?: string } {
  if (o.from === undefined || o.smoke || o.preset !== undefined) return {};
  return { preset: o.lora === undefined ? 'fine-tune' : 'lora' };
}
