import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainPng, writeFiles } from '../../data/testing/image-fixtures.ts';
import { decodePng } from '../../image/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'bow2bot-inspect-'));
const root = join(folder, 'set');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() =>
  writeFiles(root, {
    'a.png': plainPng([255, 0, 0], 7, 5),
    'b.png': plainPng([0, 255, 0], 11, 13),
    'c.png': plainPng([0, 0, 255], 3, 5),
    'cut.png': plainPng([0, 0, 255]).subarray(0, 50),
    'metadata.csv': 'file_name,text,mood,label\na.png,a red field,warm,fire\nb.png,grass,,grass\ngone.png,x,,\n',
  }),
);

function inspect(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, NO_COLOR: '1' };
  return spawnSync(process.execPath, [resolve('dist/cli/main.js'), 'data', 'inspect', ...args], {
    env,
    encoding: 'utf8',
  });
}

test('data inspect prints what a set holds, and names what cannot be read', () => {
  const sheet = join(folder, 'sheet', 'sheet.png');
  const { status, stdout } = inspect(root, '-q', '--sheet', sheet, '--sheet-size', '8');
  expect(status).toBe(0);
  for (const line of [
    'format    folder',
    'images    3 (and 2 skipped)',
    'width     3 to 11, half of them up to 7',
    'captions  2, on 2 of 3 images',
    '          "a red field"',
    'labels    2: fire (1), grass (1)',
    'fields    mood: 1 value on 1 of 3: warm (1)',
    'cut.png: a png image that cannot be decoded',
    'metadata.csv:4: "gone.png" is listed here but is not in the folder',
  ])
    expect(stdout).toContain(line);
  const { width, height, data } = decodePng(readFileSync(sheet));
  expect([width, height, [...data.subarray(3 * (4 * width + 4), 3 * (4 * width + 5))]]).toEqual([32, 8, [255, 0, 0]]);
});

test('data inspect --json; errors have their exit code', () => {
  const { status, stdout } = inspect(root, '--json', '--validation', '1', '--split-by', 'mood');
  expect(status).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ pictures: 5, readable: 3, split: { train: 0, validation: 3 }, format: 'folder' });
  expect(report.skipped).toHaveLength(2);
  expect([report.samples, report.sheet]).toEqual([undefined, undefined]);
  expect(inspect(join(root, 'nowhere'))).toMatchObject({ status: 3, stderr: expect.stringContaining('no such file') });
  expect(inspect(root, '--validation', 'x')).toMatchObject({ status: 2 });
  expect(inspect(root, '--captions', 'txet')).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('did you mean "text"'),
  });
});

test('data inspect prints no control characters of names and texts, and no caption at full length', async () => {
  const odd = join(folder, 'odd');
  const texts = { file_name: 'a.png', text: 'x'.repeat(5003), label: 'two\nlines\u001b[31m' };
  await writeFiles(odd, {
    'a.png': plainPng([1, 2, 3]),
    'b\u001b[2J\n.png': 'junk',
    'metadata.jsonl': JSON.stringify(texts),
  });
  const { stdout } = inspect(odd, '-q');
  expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(stdout).toContain('labels    1: two\\u000alines\\u001b[31m (1)');
  expect(Math.max(...stdout.split('\n').map((l) => l.length))).toBeLessThan(300);
});
