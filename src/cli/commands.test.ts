import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, expect, test, vi } from 'vitest';
import { BowError, isBowError } from '../base/index.ts';
import { commandNames } from './command-names.ts';
import { commands, groups } from './commands.ts';
import { inFlags } from './flag-words.ts';
import { programHelp, styleHelp } from './help.ts';
import { outputOptions } from './output.ts';
import { asPrinted, runProgram } from './run-program.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-commands-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const below = (c: Command): Command[] => (c.commands.length === 0 ? [c] : c.commands.flatMap(below));
const top = await Promise.all(
  Object.values(commands).map(async ({ load, page }) => styleHelp(outputOptions(await load()), page)),
);
const leaves = top.flatMap(below);
const options = leaves.flatMap((c) => c.options.map((o) => ({ command: c.name(), ...o, o })));

/** What a command line that is wrong ends with, in this process. */
async function mistake(...args: string[]): Promise<BowError> {
  const found = await runProgram(args).then(
    () => undefined,
    (e: unknown) => asPrinted(e, args),
  );
  if (isBowError(found)) return found;
  throw new Error(`${args.join(' ')}: ${String(found)}`);
}

/** What `bow2bot help …` prints. */
async function help(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await runProgram(['help', ...args]);
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

test('an option has one name, one letter and one default style in all commands', () => {
  const letters = new Map<string, string>();
  for (const { short, long } of options) {
    if (!short || !long) continue;
    expect(letters.get(short) ?? long, short).toBe(long);
    letters.set(short, long);
  }
  const withLetter = new Set(letters.values());
  for (const { command, short, long } of options)
    if (withLetter.has(long!)) expect(short, `${command} ${long}`).toBeDefined();
  expect(Object.fromEntries(letters)).toMatchObject({ '-o': '--output', '-k': '--top', '-n': '--count' });
  for (const { command, long, description } of options) {
    expect(description, `${command} ${long}`).not.toMatch(/;? default: (?!.*\))/);
    expect(long, command).not.toMatch(/^--(out|vectors|episodes)$/);
  }
});

test('every command has examples, its options and its page in its help', () => {
  for (const c of leaves) {
    let help = '';
    c.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    c.outputHelp();
    expect(help, c.name()).toMatch(/^Examples:\n {2}bow2bot /);
    expect(help, c.name()).toMatch(/\nDocumentation: .*docs.[\w-]+\.md\n$/);
    expect(help, c.name()).not.toMatch(/default: ("|\[\])/);
  }
});

test('the names that suggestions are recognised by are those of the commands', () => {
  expect(Object.keys(commands).sort()).toEqual([...commandNames]);
});

test('the help of the program names every command with an example', () => {
  const help = programHelp();
  for (const [name, { example }] of Object.values(groups).flatMap((g) => Object.entries(g))) {
    expect(help).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(example.split(' ')[0]).toBe(name);
  }
  expect(help.indexOf('start ')).toBeLessThan(help.indexOf('doctor '));
});

test('help of a group and below it', async () => {
  expect(await help('world')).toMatch(/render[\s\S]*demo[\s\S]*generate[\s\S]*evaluate/);
  expect(await help('train', 'clip')).toContain('--preset <name>');
  expect((await mistake('help', 'world', 'rendr')).message).toContain('did you mean "render"?');
});

test.each([
  [['train', 'clip', '--steps', '5'], /unknown option "--steps"[\s\S]*--set steps=5/],
  [['train', 'clip', '--lr=1e-3'], /unknown option "--lr"[\s\S]*--set optimizer\.lr=1e-3/],
  [['train', 'clip', '--batch-size', '5'], /--set batchSize=5/],
  [['train', 'clip', '--preset', 'tiny'], /unknown preset "tiny"[\s\S]*one of default, smoke, /],
  [['insights', 'foo'], /unknown insight "foo"[\s\S]*one of word-order, /],
  [['start', '--out', 'x'], /--out is called --output now/],
  [['world', 'render', '--out', 'x.png'], /--out is called --output now/],
  [['world', 'evaluate', '--episodes', '3'], /--episodes is called --count now/],
  [['train', 'word2vec', 'c.txt', '-o', 'v', '--size', '3'], /--size is called --vector-size now/],
  [['analogy', 'a', 'b', 'c', '--vectors', 'v'], /--vectors is an argument now[\s\S]*bow2bot analogy vectors\/ man/],
  [['world', 'rendr'], /unknown command of world "rendr" \(did you mean "render"\?\)[\s\S]*one of render, /],
  [['fit', 'tf-idf', 'x', '-o', 'y', '--ngrams', '2'], /--ngrams takes two numbers, not "2"/],
  [['fit', 'tf-idf', 'x'], /-o, --output <folder> is required/],
  [['similar', 'v'], /no <words> given: similar takes <vectors> <words\.\.\.>[\s\S]*bow2bot similar --help/],
  [['doctor', 'x'], /more arguments than doctor takes/],
  [['fit', 'bm25', 'x', '-o', 'y', '--method', 'z'], /--method is one of lucene, .*, not "z"/],
  [['fit', 'tf-idf', 'x', '-o'], /-o, --output <folder> needs a value/],
  [['fit', 'tf-idf', 'x', '-o', 'y', '--sublinar'], /unknown option "--sublinar"/],
  [['--jsn'], /unknown option "--jsn"/],
  [['constructor'], /unknown command "constructor"/],
] as const)('%j is a mistake, said in one style', async (args, said) => {
  const found = await mistake(...args);
  expect(found.format()).toMatch(said);
  expect(found.code).toMatch(/^(usage|config)$/);
});

test.each([
  [['fit', 'tf-idf', 'x', '-o', 'y', '--method', 'atire'], '--method has no effect on tf-idf'],
  [['fit', 'bm25', 'x', '-o', 'y', '--norm', 'l1', '--no-sublinear'], '--no-sublinear, --norm has no effect on bm25'],
  [['fit', 'bag-of-words', 'x', '-o', 'y', '--no-index'], '--no-index has no effect on bag-of-words'],
  [['classify', 'x', '-m', 'm', '-o', 'y', '--min-df', '2'], '--output, --min-df has no effect with --model'],
  [['keywords', 'x', '-m', 'm', '--binary'], '--binary has no effect with --model'],
  [['analogy', 'v', '--questions', 'q', '--mul'], '--mul has no effect with --questions'],
  [['analogy', 'v', 'a', 'b', 'c', '--restrict', '3'], '--restrict has no effect without --questions'],
  [['analogy', 'v', 'a', 'b', 'c', '--pairs', 'p'], 'words or a file, not both'],
  [['similar', 'v', 'a', '--odd', '-k', '3'], '--top has no effect with --odd'],
  [['data', 'inspect', 'x', '--sheet-size', '32'], '--sheet-size has no effect without --sheet'],
  [['insights', '--seeds', '3'], '--seeds has no effect without an id'],
  [['insights', 'clip-prompts', '--smoke', '--work', 'w'], '--work has no effect with --smoke'],
  [['insights', 'word-order', '--smoke'], '--smoke has no effect on word-order'],
  [['download', 'gpt2', 'config.json', '--parallel', '2'], '--parallel has no effect with single files'],
  [['download', 'gpt2@main', '-r', 'x'], '--revision has no effect with owner/name@revision'],
  [['ladder', '--split', 'all'], '--split has no effect without --data'],
  [['ladder', '-d', 'x', '--split', 'all', '--split-by', 'y'], '--split-by has no effect with --split all'],
  [['world', 'render', '--scene', 's', '--split', 'train'], '--split has no effect with --scene'],
  [['world', 'demo', '--replay', 's', '--seed', '2'], '--seed has no effect with --replay'],
  [['world', 'demo', 'touch the cube', '--replay', 's'], 'an instruction or --replay, not both'],
  [['world', 'evaluate', '--step-timeout', '5'], '--step-timeout has no effect with --policy oracle'],
  [['train', 'word2vec', 'c', '-o', 'v', '--hs', '--negative', '3'], '--negative has no effect with --hs'],
  [['train', 'word2vec', 'c', '-o', 'v', '--hs', '--shared-negatives'], '--shared-negatives has no effect with --hs'],
  [['keywords', 'x', '--analyzer', 'char', '--stop-words', 'a'], '--stop-words has no effect with --analyzer char'],
  [['fit', 'bm25', 'x', '-o', 'y', '--analyzer', 'char_wb', '--segment', 'ja'], '--segment has no effect with'],
  [['data', 'inspect', 'x', '--validation', '0', '--split-by', 'a'], '--split-by has no effect with --validation 0'],
] as const)('%j: an option without effect is refused', async (args, said) => {
  expect(await mistake(...args)).toMatchObject({ code: 'usage', message: expect.stringContaining(said) });
});

test('errors name flags where the library names its options', async () => {
  const fit = leaves.find((c) => c.name() === 'fit')!;
  const word2vec = leaves.find((c) => c.name() === 'word2vec')!;
  const said = (e: BowError, c: Command): string => inFlags(e, c).format();
  expect(said(new BowError('data', 'x', { place: 'maxFeatures', hint: 'lower minDf or raise maxDf' }), fit)).toBe(
    'BowError[data]: x (at --max-features)\n  hint  lower --min-df or raise --max-df',
  );
  expect(said(new BowError('data', 'x', { hint: 'text without spaces needs segment: "intl"' }), fit)).toContain(
    'needs --segment <locale>',
  );
  expect(said(new BowError('config', 'window 0: needs an integer from 1 to 1000'), word2vec)).toContain(
    ': --window 0: needs',
  );
  const path = new BowError('config', 'unknown key data.splitBy', { place: 'data.splitBy' });
  const clip = leaves.find((c) => c.name() === 'clip')!;
  expect(said(path, clip)).toBe(path.format());
  await writeFile(join(folder, 'one.txt'), 'a b c\n');
  const rare = await mistake('train', 'word2vec', join(folder, 'one.txt'), '-o', join(folder, 'vec'));
  expect(rare.hint).toBe('lower --min-count');
});

test('more images than memory holds are an error, not a crash', async () => {
  const e = await mistake('train', 'clip', '--pictures', '1e9', '-o', join(folder, 'many'));
  expect([e.code, e.message]).toEqual([
    'data',
    expect.stringContaining('1000000000 images of 64×64 pixels do not fit'),
  ]);
});
