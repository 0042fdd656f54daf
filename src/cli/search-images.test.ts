import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BowError, exitCode, isBowError } from '../base/index.ts';
import { startHub } from '../hub/testing/hub-server.ts';
import { decodePng } from '../image/index.ts';
import { tinyClip } from '../systems/clip/testing/tiny-clip.ts';
import { clipSystem } from '../systems/index.ts';
import { saveModel } from '../systems/node/index.ts';
import { colourPng, tinyImages, writeTinyImages } from '../systems/testing/tiny-images.ts';
import { command as indexCommand } from './commands/index-images.ts';
import { command as searchCommand } from './commands/search.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-search-'));
  await saveModel(clipSystem, join(folder, 'model'), await tinyClip(3));
  await saveModel(clipSystem, join(folder, 'other'), await tinyClip(4));
  await writeTinyImages(join(folder, 'photos'), { broken: true });
});
afterAll(() => rm(folder, { recursive: true }));

const main = resolve('dist/cli/main.js');

/** Runs the command line in the folder of the test. */
async function bow2bot(
  args: readonly string[],
  env: Record<string, string> = {},
  input = '',
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { cwd: folder, env: { ...process.env, NO_COLOR: '1', BOW2BOT_PROGRAM: 'bow2bot', ...env } },
      (e, out, err) => done({ code: e ? Number(e.code) : 0, out, err }),
    );
    child.stdin?.on('error', () => {}); // one that has ended reads nothing
    child.stdin?.end(input);
  });
}

test('index, search in all ways, index again', { timeout: 120_000 }, async () => {
  const first = await bow2bot(['index', 'photos/', '--model', 'model', '-q']);
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toMatch(
    /^photos\.index: 15 images \(15 encoded\) in .* s\n1 left out:\n {2}.*broken\.png: not an image/,
  );
  const again = JSON.parse((await bow2bot(['index', 'photos', '--json'])).out);
  expect(again).toMatchObject({
    folder: 'photos.index',
    store: 'exact',
    model: join(folder, 'model'),
    count: 15,
    encoded: 0,
    kept: 15,
  });

  const search = async (
    ...args: string[]
  ): Promise<{ mode: string; hits: { id: string; score: number; found: object }[] }> =>
    JSON.parse((await bow2bot(['search', 'photos.index', ...args, '--json'])).out);
  const hybrid = await search('a yellow square', '-k', '3');
  expect([hybrid.mode, hybrid.hits.length]).toEqual(['hybrid', 3]);
  expect(hybrid.hits[0]).toMatchObject({ captions: [expect.any(String)], fields: { colour: expect.any(String) } });
  const words = await search('yellow', '--mode', 'text');
  expect(words.hits.map((h) => h.id).sort()).toEqual(['yellow-0.png', 'yellow-19.png', 'yellow-7.png']);
  const image = await search('--picture', join('photos', 'blue-7.png'), '--filter', 'shade in (0, 7) and not bright');
  expect([image.mode, image.hits.length]).toEqual(['picture', 10]);
  expect(image.hits[0]).toMatchObject({ id: 'blue-7.png', found: { picture: { rank: 1 } } });
  expect(image.hits[0]!.score).toBeCloseTo(1, 5);
  const both = await search('a red square', '--picture', 'photos/red-0.png', '-k', '2');
  expect(both.hits[0]).toMatchObject({ id: 'red-0.png', found: { picture: { rank: 1 }, words: { rank: 1 } } });

  const piped = await bow2bot(['search', 'photos.index', '--mode', 'text', '-k', '1'], {}, 'yellow\n\nblue\n');
  expect(piped.out.trim().split('\n')).toEqual([expect.stringContaining('yellow'), expect.stringContaining('blue')]);
  const silent = await bow2bot(['search', 'photos.index']);
  expect([silent.code, silent.err]).toEqual([2, expect.stringContaining('no query given')]);

  const shown = await bow2bot(['search', 'photos.index', 'green', '-k', '7', '--sheet', 'found.png']);
  expect(shown.out.trimEnd().split('\n')).toHaveLength(8);
  const sheet = decodePng(await readFile(join(folder, 'found.png')));
  expect([sheet.width, sheet.height]).toEqual([5 * 164 - 4, 2 * 164 - 4]);
});

/** Runs a command in this process, for its error: exit code and text. */
async function failure(args: readonly string[]): Promise<[number, string]> {
  const before = ['SIGINT', 'SIGTERM'].map((name) => [name, process.listeners(name as 'SIGINT')] as const);
  const command = args[0] === 'index' ? indexCommand() : searchCommand();
  try {
    await command.parseAsync(args.slice(1), { from: 'user' });
    return [0, ''];
  } catch (e) {
    expect(isBowError(e)).toBe(true);
    return [exitCode(e), (e as BowError).format()];
  } finally {
    for (const [name, known] of before)
      for (const l of process.listeners(name as 'SIGINT')) if (!known.includes(l)) process.off(name, l);
  }
}

test('failures are reported, with the exit code of their kind', { timeout: 60_000 }, async () => {
  const at = (name: string): string => join(folder, name);
  const index = at('photos.index');
  const wrong: [string[], number, string][] = [
    [['index', at('nothing'), '-m', at('model'), '-o', at('new.index')], 3, 'no such file or folder'],
    [['index', at('photos'), '-o', at('new.index')], 2, 'no model given'],
    [['index', at('photos'), '-o', index, '-m', at('other')], 2, 'made with another model'],
    [['index', at('photos'), '-m', at('model'), '-o', at('other')], 3, 'picture-index is needed'],
    [['index', at('photos'), '-m', at('model'), '-o', at('other'), '--fresh'], 2, 'holds no readable image index'],
    [['index', at('photos'), '-o', index, '--batch', '0'], 2, '--batch'],
    [['search', index, 'red', '--model', at('other')], 3, 'not the model that the index was made with'],
    [['search', index, 'red', '--filter', 'colour ='], 2, 'a value is needed'],
    [['search', index, 'red', '--filter', 'color = red'], 2, 'did you mean "colour"'],
    [['search', index, '--picture', at('photos/broken.png')], 3, 'not an image'],
    [['search', index, '--picture', at('none.png')], 3, 'no such file'],
    [['search', index, 'red', '--mode', 'text', '--picture', at('photos/red-0.png')], 2, 'captions only'],
    [['search', index, '--picture', at('photos/red-0.png'), '--mode', 'hybrid'], 2, 'needs a query'],
    [['search', index, 'red', '-k', '1.5'], 2, '--top'],
    [['search', at('model'), 'red'], 2, 'cannot be searched'],
    [['search', index, ' '], 2, 'the query is empty'],
    [['search', index, '', '--mode', 'text'], 2, 'the query is empty'],
    [['search', index, 'red', '--explain'], 2, '--explain is for text indexes'],
    [['search', index, 'red', '--sheet', at('found.jpg')], 2, 'written as PNG'],
    [
      ['search', index, 'red', '--mode', 'text', '--sheet', join(at('photos'), 'red-0.png', 'found.png')],
      3,
      'is a file',
    ],
    [['index', at('photos'), '-m', at('model'), '-o', join(at('photos'), 'red-0.png')], 2, 'a file where'],
  ];
  for (const [args, exit, says] of wrong) {
    const [got, text] = await failure(args);
    expect([args.join(' '), got]).toEqual([args.join(' '), exit]);
    expect(text).toContain(says);
  }
});

test('a model that has moved', { timeout: 60_000 }, async () => {
  for (const [from, to] of [
    ['photos.index', 'moved.index'],
    ['model', 'moved'],
  ] as const)
    await cp(join(folder, from), join(folder, to), { recursive: true });
  const config = join(folder, 'moved.index', 'config.json');
  await writeFile(config, (await readFile(config, 'utf8')).replace(join(folder, 'model'), join(folder, 'gone')));
  const missing = await bow2bot(['search', 'moved.index', 'red', '--json']);
  expect([missing.code, missing.out]).toEqual([3, '']);
  expect(JSON.parse(missing.err).error).toMatchObject({ code: 'data', hint: expect.stringContaining('--model') });
  expect((await bow2bot(['search', 'moved.index', 'red', '--mode', 'text'])).code).toBe(0);
  expect((await bow2bot(['search', 'moved.index', 'red', '--model', 'moved'])).code).toBe(0);
});

test('a model of the hub, by name; later without a network', { timeout: 60_000 }, async () => {
  const files: Record<string, Buffer> = {};
  for (const f of await readdir(join(folder, 'model'))) files[f] = await readFile(join(folder, 'model', f));
  const hub = await startHub(files, ['model.safetensors']);
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(folder, 'cache'), HF_TOKEN: 'hf_secret' };
  try {
    const made = await bow2bot(['index', 'photos', '-m', 'org/name', '-o', 'hub.index', '--json'], env);
    expect(JSON.parse(made.out)).toMatchObject({ count: 15, encoded: 15, model: 'org/name' });
  } finally {
    await hub.close();
  }
  const found = await bow2bot(['search', 'hub.index', 'red', '-k', '3', '--json'], { ...env, HF_HUB_OFFLINE: '1' });
  expect([found.code, JSON.parse(found.out).hits.length]).toEqual([0, 3]);
});

test('killed in the middle, it resumes and ends with the same index', { timeout: 120_000 }, async () => {
  const many = Array.from({ length: 120 }, (_, i) => ({ ...tinyImages[i % 15]!, name: `${i}.png`, shade: i }));
  await writeTinyImages(join(folder, 'many'), { images: many });
  await writeFile(join(folder, 'many', 'extra.png'), colourPng('blue', 50));
  const part = join(folder, 'killed.index.part');
  const args = ['index', 'many', '-m', 'model', '-o', 'killed.index', '--batch', '2', '--json'];
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: 'ignore' });
  const ended = new Promise((done) => child.on('close', done));
  while ((await stat(part).catch(() => ({ size: 0 }))).size < 2000) await new Promise((done) => setTimeout(done, 2));
  child.kill('SIGKILL');
  await ended;
  expect(await readdir(folder)).not.toContain('killed.index');
  const second = JSON.parse((await bow2bot(args)).out);
  expect(second.count).toBe(121);
  expect(second.encoded).toBeGreaterThan(0);
  expect(second.encoded).toBeLessThan(112);
  await bow2bot(['index', 'many', '-m', 'model', '-o', 'whole.index', '--batch', '2']);
  for (const file of ['records.jsonl', 'config.json', 'vectors.safetensors'])
    expect(await readFile(join(folder, 'killed.index', file))).toEqual(
      await readFile(join(folder, 'whole.index', file)),
    );
  expect((await readdir(folder)).filter((f) => /killed\.index\./.test(f))).toEqual([]);
});

test('names and captions that no shell and no terminal should take as they are', { timeout: 60_000 }, async () => {
  const odd = 'a b\x1b[31m\nc';
  await writeTinyImages(join(folder, odd), { images: tinyImages.slice(0, 3) });
  await writeFile(
    join(folder, odd, 'metadata.jsonl'),
    `${JSON.stringify({ file_name: 'red-0.png', text: 'two\nlines \x1b[2J\x9b2J of red' })}\n`,
  );
  const built = await bow2bot(['index', odd, '-m', 'model']);
  expect(built.out.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^a b .*c\.index: \d+ images/),
    `search it: bow2bot search 'a b [31m c.index' "some words"`,
  ]);
  const found = await bow2bot(['search', `${odd}.index`, 'lines', '--mode', 'text']);
  expect(found.out).toMatch(/^\d\.\d{4} {2}red-0\.png {2}two lines \[2J 2J of red\n$/);
});

test('captions without words: what images show is enough', { timeout: 60_000 }, async () => {
  await writeTinyImages(join(folder, '1'), { images: [{ name: '1.png', colour: 'red', shade: 0 }] });
  await writeFile(join(folder, '1', 'metadata.jsonl'), `${JSON.stringify({ file_name: '1.png', text: '!' })}\n`);
  await bow2bot(['index', '1', '-m', 'model', '-q']);
  const found = await bow2bot(['search', '1.index', 'red', '--json']);
  expect(JSON.parse(found.out)).toMatchObject({ mode: 'picture', hits: [{ id: '1.png', captions: ['!'] }] });
});

test('an index by its default name is not taken for other images of that name', { timeout: 60_000 }, async () => {
  for (const [name, shade] of [
    ['x', 0],
    ['y', 19],
  ] as const)
    await writeTinyImages(join(folder, name, 'set'), { images: [{ name: 'a.png', colour: 'red', shade }] });
  await bow2bot(['index', join('x', 'set'), '-m', 'model', '-q']);
  const other = await bow2bot(['index', join('y', 'set'), '-q']);
  expect([other.code, other.out]).toEqual([2, '']);
  expect(other.err).toContain('the index belongs to other images');
  expect((await bow2bot(['index', join('y', 'set'), '-q', '-o', 'set.index'])).code).toBe(0); // who names it means it
  await rename(join(folder, 'y'), join(folder, 'z'));
  expect((await bow2bot(['index', join('z', 'set'), '-q'])).out).toContain('1 known already'); // they have moved
});
