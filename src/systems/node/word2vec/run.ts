/** `bow2bot train word2vec`: from flags to a checkpoint folder or a file in the word2vec formats. */
import { rm } from 'node:fs/promises';
import { BowError, parseNumber, shellWord } from '../../../base/index.ts';
import { refuseForeign } from '../../../base/node/index.ts';
import { openModelFiles } from '../../../hub/node/index.ts';
import { type FlagValues, flagText, type LoadOptions, texts } from '../../../kinds/index.ts';
import { readTexts } from '../../../kinds/node/index.ts';
import type { OwnResult } from '../../system.ts';
import type { Word2VecOptions } from '../../word2vec/options.ts';
import { loadWord2Vec } from '../../word2vec/word2vec.ts';
import { saveWord2Vec, trainWord2Vec } from './training.ts';
import { writeVectors } from './write-vectors.ts';

/** Trains, writes, and says what to try. Errors: `usage` for flags, those of `trainWord2Vec`. */
export async function runWord2Vec(f: FlagValues, o: LoadOptions): Promise<OwnResult> {
  const [output, from] = [flagText(f, 'output') ?? '', flagText(f, 'from')];
  const file = /\.(bin|txt|vec)$/.test(output);
  if (file && f['resume']) throw new BowError('usage', '--resume needs a folder as output');
  const { data } = texts.fromFlags(f, { smoke: false, under: false });
  const options = optionsOf(f);
  if (!file) await refuseForeign(output, /^config\.json$/);
  const work = `${output.replace(/[/\\]+$/, '')}.run`;
  if (!f['resume']) await rm(work, { recursive: true, force: true });
  async function* lines(): AsyncGenerator<string | Uint8Array> {
    for await (const d of readTexts(data, o)) yield d.text;
  }
  const started = performance.now();
  const model = await trainWord2Vec(lines(), options, {
    ...(from === undefined ? {} : { from: await loadWord2Vec(await openModelFiles(from)) }),
    ...(file ? {} : { work }),
    ...o,
  });
  if (file) await writeVectors(output, model.wv);
  else await saveWord2Vec(output, model);
  await rm(work, { recursive: true, force: true });
  const seconds = (performance.now() - started) / 1000;
  const { words, width } = model.wv;
  const tried = words.find((w) => /^[\p{L}\p{N}]+$/u.test(w)) ?? words[0]!; // frequent, and not a sign
  return {
    result: { output, words: words.length, width, seconds, reproducible: model.options.workers === 1 },
    lines: [
      `${output}: ${words.length} words × ${width} in ${seconds.toFixed(1)} s`,
      ...(words.length < 2 ? ['a vocabulary of one word has no neighbours: give more text, or lower --min-count'] : []),
    ],
    ...(words.length < 2 ? {} : { next: `try it: bow2bot similar ${shellWord(output)} ${shellWord(tried)}` }),
  };
}

function optionsOf(f: FlagValues): Word2VecOptions {
  const n = (name: string, flag: string): number => parseNumber(flagText(f, name) ?? '', flag);
  const [cbow, hs] = [f['cbow'] === true, f['hs'] === true];
  for (const [name, flag] of [
    ['negative', '--negative'],
    ['sharedNegatives', '--shared-negatives'],
  ] as const)
    if (hs && f[name] !== undefined)
      throw new BowError('usage', `${flag} has no effect with --hs`, { hint: 'leave it out' });
  return {
    vectorSize: n('vectorSize', '--vector-size'),
    window: n('window', '--window'),
    minCount: n('minCount', '--min-count'),
    negative: f['negative'] !== undefined ? n('negative', '--negative') : hs ? 0 : 5,
    hs: hs ? 1 : 0,
    sample: n('sample', '--sample'),
    epochs: n('epochs', '--epochs'),
    alpha: f['alpha'] === undefined ? (cbow ? 0.05 : 0.025) : n('alpha', '--alpha'),
    workers: n('workers', '--workers'),
    seed: n('seed', '--seed'),
    sg: cbow ? 0 : 1,
    sharedNegatives: f['sharedNegatives'] === true,
  };
}
