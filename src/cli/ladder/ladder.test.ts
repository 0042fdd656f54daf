import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Store, trace } from '../../engine/index.ts';
import { clipPreprocessing, encodePng } from '../../image/index.ts';
import { clipSystem, clipVariants, traceClip } from '../../systems/index.ts';
import { saveBagOfWords, saveModel } from '../../systems/node/index.ts';
import { CountVectorizer, trainClipTokenizer } from '../../text/index.ts';

const root = await mkdtemp(join(tmpdir(), 'bow2bot-ladder-'));
afterAll(() => rm(root, { recursive: true, force: true }));
const [words, seeing, flowers, photos] = ['words', 'seeing', 'flowers', 'photos'].map((n) => join(root, n)) as [
  string,
  string,
  string,
  string,
];

const cli = async (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [resolve('dist/cli/main.js'), ...args], {
    cwd: root, // where no runs/ folder of the person testing is found
    env: { ...process.env, CI: '1' },
  });
const refusal = async (...args: string[]): Promise<{ code: string; message: string }> => {
  const e = (await cli(...args, '--json').catch((x: unknown) => x)) as { stderr: string };
  return (JSON.parse(e.stderr.trim().split('\n').at(-1)!) as { error: { code: string; message: string } }).error;
};

/** One colour an image, so that a probe has something to find. */
const image = (red: number, shade: number): Uint8Array =>
  encodePng({
    width: 19,
    height: 13,
    channels: 3,
    data: new Uint8Array(3 * 19 * 13).map((_, at) => (at % 3 === (red === 1 ? 0 : 2) ? 200 + shade : 3 * shade)),
  });

beforeAll(async () => {
  const texts = ['a red rose', 'a blue iris', 'a photo of a red rose', 'an iris in bloom'];
  await saveBagOfWords(words, new CountVectorizer().fit(texts));
  const tokenizer = trainClipTokenizer(texts, { vocabulary: 530 });
  const config = { ...clipVariants.tiny, text: { ...clipVariants.tiny.text, vocabulary: tokenizer.vocabulary } };
  const store = new Store(5);
  const { size } = config.visual;
  const inputs = {
    image: { dtype: 'float32', shape: [1, 3, size, size] },
    tokens: { dtype: 'int32', shape: [1, config.text.context] },
  } as const;
  const traced = trace((s, x) => ({ loss: traceClip(s, x, config).loss }), inputs);
  for (const { spec } of traced.trace.params.values()) store.ensure(spec);
  const pixels = clipPreprocessing(size);
  await saveModel(clipSystem, seeing, { config, store, parts: { tokenizer, pad: tokenizer.endOfText, pixels } });
  for (const [i, name] of ['rose', 'iris'].entries()) {
    await mkdir(join(flowers, name), { recursive: true });
    for (let k = 0; k < 23; k++) await writeFile(join(flowers, name, `${k}.png`), image(i, k));
  }
  await writeFile(join(flowers, 'rose', 'broken.png'), 'no image');
  await mkdir(photos);
  for (let k = 0; k < 7; k++) {
    await writeFile(join(photos, `${k}.png`), image(k % 2, 5 * k));
    await writeFile(join(photos, `${k}.txt`), `picture number ${k}\nthe one with number ${k}`);
  }
});

test('sets are asked for what they have, systems for what they can do; a report is left', async () => {
  const report = join(root, 'out', 'ladder.html');
  const args = [words, seeing, '--no-tabletop', '--data', flowers, '--data', photos, '--split-by', 'none'];
  expect((await refusal('ladder', ...args)).message).toMatch(/no image has the field "none"/);
  const whole = ['ladder', words, seeing, '--no-tabletop', '--data', photos, '--split', 'all', '-o', report];
  const { ladder, sets } = JSON.parse((await cli(...whole, '--json')).stdout);
  expect(sets).toMatchObject([{ id: 'photos', pictures: 7, probe: 0, skipped: [] }]);
  const by = Object.fromEntries(ladder.rows.map((r: { system: string; results: object }) => [r.system, r.results]));
  expect(by['clip']['photos/pictures']).toHaveProperty('image_to_text_R@5');
  expect(Object.keys(by['bag-of-words']).every((id) => id === 'photos/captions')).toBe(true);
  expect(await readFile(report, 'utf8')).toMatch(/<img src="data:image\/png;base64,/);

  const divided = ['ladder', seeing, '--no-tabletop', '--data', flowers, '--limit', '40', '-o', report];
  const { stdout, stderr } = await cli(...divided);
  expect(stdout).toMatch(/flowers: \d+ validation images\nsystem +zero-shot top-1 +linear probe top-1/);
  expect(stdout).toMatch(/^\(raw pixels, 16 × 16\) +– +1\.000$/m);
  expect(`${stdout}${stderr}`).not.toMatch(/internal error/);
});

test('a folder that is divided already is taken as it is', async () => {
  const divided = join(root, 'divided');
  for (const [part, count] of [
    ['train', 7],
    ['validation', 3],
  ] as const)
    for (const [i, name] of ['rose', 'iris'].entries()) {
      await mkdir(join(divided, part, name), { recursive: true });
      for (let k = 0; k < count; k++) await writeFile(join(divided, part, name, `${k}.png`), image(i, k));
    }
  const args = ['ladder', seeing, '--no-tabletop', '--data', divided, '-o', join(root, 'divided.html'), '--json'];
  const { ladder, sets } = JSON.parse((await cli(...args)).stdout);
  expect(sets).toMatchObject([{ id: 'divided', pictures: 6, probe: 14 }]);
  expect(ladder.benchmarks.map((b: { id: string }) => b.id)).toEqual(['divided/zero-shot', 'divided/probe']);
});

test('icons are measured when they are there', async () => {
  const icons = join(root, 'runs', 'icons');
  for (const part of ['train', 'validation']) {
    await mkdir(join(icons, part), { recursive: true });
    const things = [0, 1, 2, 3, 4].filter((k) => part === 'validation' || k < 3);
    for (const k of things) await writeFile(join(icons, part, `${k}.png`), image(k % 2, 7 * k));
    const rows = things.map((k) => JSON.stringify({ file_name: `${k}.png`, text: `icon ${k}`, concept: `c${k}` }));
    await writeFile(join(icons, part, 'metadata.jsonl'), rows.join('\n'));
  }
  const args = ['ladder', seeing, '--no-tabletop', '-o', join(root, 'icons.html'), '--json'];
  expect((await refusal(...args)).message).toMatch(/nothing to measure on/); // not finished: no list of licences yet
  await writeFile(join(icons, 'LICENCES.md'), '');
  const { ladder, sets } = JSON.parse((await cli(...args)).stdout);
  expect(sets).toMatchObject([{ id: 'icons', pictures: 5 }]);
  expect(ladder.benchmarks.map((b: { id: string; chance: number }) => [b.id, b.chance])).toEqual([
    ['icons/pictures', 1 / 5],
    ['icons/seen', 1 / 3],
    ['icons/unseen', 1 / 2],
  ]);
  const same = [
    'ladder',
    seeing,
    '--no-tabletop',
    '--data',
    icons,
    '--split-by',
    'concept',
    '-o',
    join(root, 'icons.html'),
  ];
  expect((await cli(...same)).stdout).toMatch(/unseen things: text → picture R@1/);
  await rm(icons, { recursive: true });
});

test('the tabletop is the main job’s', async () => {
  const args = ['ladder', seeing, '--limit', '11', '-o', join(root, 'table.html'), '--json'];
  const { ladder } = JSON.parse((await cli(...args)).stdout);
  expect(ladder.benchmarks.map((b: { id: string }) => b.id)).toEqual([
    'descriptions',
    'pictures',
    'unseen-pairs',
    'colour-shape',
    'match',
  ]);
  const [{ results }] = ladder.rows;
  expect(results.match).toHaveProperty('blind_match_accuracy');
});

test('refusals are typed', async () => {
  expect((await refusal('ladder', seeing, '--split', 'test')).code).toBe('usage');
  expect((await refusal('ladder', seeing, '--no-tabletop')).message).toMatch(/nothing to measure on/);
  expect((await refusal('ladder', seeing, '--template', 'a photo')).message).toMatch(/no \{\}/);
  const report = await refusal('ladder', seeing, '--no-tabletop', '--data', photos, '-o', root);
  expect(report.message).toMatch(/is a folder/);
  await mkdir(join(root, 'few'));
  await writeFile(join(root, 'few', '1.png'), image(0, 1));
  const few = await refusal('ladder', seeing, '--no-tabletop', '--data', join(root, 'few'));
  expect(few).toMatchObject({ code: 'data', hint: expect.stringContaining('--split all') });
  expect((await refusal('ladder', join(root, 'nowhere'), '--no-tabletop', '--data', photos)).code).toBe('data');
  await mkdir(join(root, 'bare'));
  await writeFile(join(root, 'bare', '1.png'), image(1, 1));
  const bare = ['ladder', seeing, '--no-tabletop', '--split', 'all', '--data', join(root, 'bare')];
  expect((await refusal(...bare)).message).toMatch(/nothing to measure/);
});

test('zero-shot names images with probabilities that add up', async () => {
  const file = join(photos, '3.png');
  const { pictures: images } = JSON.parse(
    (await cli('zero-shot', seeing, file, flowers, '-l', 'rose, iris,tulip', '--json')).stdout,
  );
  expect(images).toHaveLength(47);
  expect(images[0].picture).toBe(file);
  const sum = images[0].labels.reduce((s: number, l: { probability: number }) => s + l.probability, 0);
  expect(sum).toBeCloseTo(1, 6);
  const text = await cli('zero-shot', seeing, file, '-l', 'rose,iris', '--template', 'a photo of a red {}', '-k', '1');
  expect(text.stdout).toMatch(/3\.png\n {2}0\.\d{3} {2}(rose|iris)\n$/);
  expect((await refusal('zero-shot', seeing, file, '-l', 'rose')).message).toMatch(/two labels/);
  expect((await refusal('zero-shot', words, file, '-l', 'rose,iris')).message).toMatch(/does not encode both/);
  const broken = await refusal('zero-shot', seeing, join(flowers, 'rose', 'broken.png'), '-l', 'a,b');
  expect([broken.code, broken.message.split('(at ').length]).toEqual(['data', 2]); // its place once
  expect((await refusal('zero-shot', seeing, file, '-l', 'a,b', '-k', '0')).message).toMatch(/--top/);
  expect((await refusal('zero-shot', seeing, join(root, 'no.jpg'), '-l', 'a,b')).message).toMatch(/no such file/i);
});
