/** Options that commands on collections of texts share. */
import type { Command } from 'commander';
import { BowError, parseNumber } from '../base/index.ts';
import { idFlag, textFlags, textOptions } from '../kinds/index.ts';
import type { CountOptions } from '../text/index.ts';
import type { DocumentOptions } from '../text/node/index.ts';
import { addFlags } from './flags.ts';
import { choice } from './options.ts';
import { noticeLine, type OutputOptions, printable } from './output.ts';

/** Flags of {@link inputOptions}. */
export type InputFlags = OutputOptions & {
  format?: string;
  field?: string;
  idField?: string;
  encoding?: string;
  decodeError?: string;
  labelField?: string;
};

/** Flags of {@link countingOptions}. */
export type CountingFlags = {
  analyzer?: string;
  ngrams?: string;
  minDf?: string;
  maxDf?: string;
  maxFeatures?: string;
  stopWords?: string;
  stripAccents?: string;
  segment?: string;
  binary?: boolean;
  keepCase?: boolean;
};

/** Adds how an input is read; with `ids` where something is said of each text. */
export function inputFlags(c: Command, o: { readonly ids: boolean }): Command {
  return addFlags(c, o.ids ? [...textFlags, idFlag] : textFlags);
}

/** The reader's options of the flags. */
export function inputOptions(f: InputFlags, signal?: AbortSignal): DocumentOptions {
  const { format, idField, ...reading } = textOptions({ ...f });
  return {
    ...(format === null ? {} : { format }),
    ...reading,
    ...(idField === null ? {} : { idField }),
    ...(f.labelField ? { labelField: f.labelField } : {}),
    signal,
    onNotice: (text) => {
      if (!f.quiet) noticeLine(printable(text));
    },
  };
}

/** Adds how texts become terms. */
export function countingFlags(c: Command): Command {
  return c
    .addOption(choice('--analyzer <name>', 'what a term is', ['word', 'char', 'char_wb']))
    .option('--ngrams <min,max>', 'terms of several words or characters, such as 1,2')
    .option('--min-df <n>', 'documents a term must occur in: a count, or a share below 1')
    .option('--max-df <n>', 'documents a term may occur in: a share, or a count from 2')
    .option('--max-features <n>', 'keep the most frequent terms')
    .option('--stop-words <list>', "'english', or words separated by commas")
    .addOption(choice('--strip-accents <name>', 'letters without their accents', ['unicode', 'ascii']))
    .option('--segment <locale>', 'words of text without spaces, such as zh or ja')
    .option('--binary', 'counts become 1')
    .option('--keep-case', 'no lower case');
}

/** The names of {@link CountingFlags} as parsed options have them. */
export const countingNames: readonly (keyof CountingFlags)[] = [
  'analyzer',
  'ngrams',
  'minDf',
  'maxDf',
  'maxFeatures',
  'stopWords',
  'stripAccents',
  'segment',
  'binary',
  'keepCase',
];

/** The counter's options of the flags. Values are checked by the counter itself. Error `usage` for what is about words where terms are characters. */
export function countingOptions(f: CountingFlags): CountOptions {
  const words = f.segment !== undefined ? '--segment' : f.stopWords !== undefined ? '--stop-words' : undefined;
  if (words !== undefined && f.analyzer !== undefined && f.analyzer !== 'word')
    throw new BowError('usage', `${words} has no effect with --analyzer ${f.analyzer}, whose terms are no words`, {
      hint: 'leave it out',
    });
  const o: Record<string, unknown> = {};
  if (f.analyzer !== undefined) o['analyzer'] = f.analyzer;
  if (f.ngrams !== undefined) {
    const range = f.ngrams.split(',').map((n) => parseNumber(n, '--ngrams'));
    if (range.length !== 2)
      throw new BowError('usage', `--ngrams takes two numbers, not "${f.ngrams}"`, { hint: '--ngrams 1,2' });
    o['ngramRange'] = range;
  }
  if (f.minDf !== undefined) o['minDf'] = parseNumber(f.minDf, '--min-df');
  if (f.maxDf !== undefined) o['maxDf'] = parseNumber(f.maxDf, '--max-df');
  if (f.maxFeatures !== undefined) o['maxFeatures'] = parseNumber(f.maxFeatures, '--max-features');
  if (f.stopWords !== undefined)
    o['stopWords'] = f.stopWords === 'english' ? 'english' : f.stopWords.split(',').map((w) => w.trim());
  if (f.stripAccents) o['stripAccents'] = f.stripAccents;
  if (f.segment !== undefined) Object.assign(o, { segment: 'intl', locale: f.segment });
  if (f.binary) o['binary'] = true;
  if (f.keepCase) o['lowercase'] = false;
  return o;
}
