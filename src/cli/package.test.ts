/** What is published: nothing in it points to a file that is not. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const pack = ['pack', '--dry-run', '--ignore-scripts', '--offline', '--json'];
const { stdout } = await promisify(execFile)('npm', pack, { maxBuffer: 2 ** 26, shell: process.platform === 'win32' });
const [{ files }]: [{ files: { path: string }[] }] = JSON.parse(stdout);
const published = new Set(files.map(({ path }) => path));
const folders = new Set([...published].map((path) => dirname(path)));
const from = (file: string, link: string): string => posix.join(dirname(file), link).replace(/\/$/, '');

test('every export is there, with its types', () => {
  const targets = Object.values(packageJson.exports).flatMap((e) => (typeof e === 'string' ? [e] : Object.values(e)));
  expect(targets.length).toBeGreaterThan(40);
  expect(targets.filter((path) => !published.has(posix.normalize(path)))).toEqual([]);
});

test('links of its pages and sources of its source maps are there; tests are not', async () => {
  const absent: string[] = [];
  for (const file of published) {
    if (!/\.(md|map)$/.test(file)) continue;
    const text = await readFile(file, 'utf8');
    const links = file.endsWith('.map')
      ? (JSON.parse(text) as { sources: string[] }).sources
      : [...text.matchAll(/\]\((?!\w+:)([^)#\s]+)/g)].map((m) => m[1] ?? '');
    for (const link of links) {
      const path = from(file, link);
      const stale = file.endsWith('.map') && !existsSync(path); // left by an earlier build of a file that has gone since
      if (!stale && !published.has(path) && !folders.has(path)) absent.push(`${file}: ${link}`);
    }
  }
  expect(absent).toEqual([]);
  expect([...published].filter((file) => /\.test\.|\/testing\/|tsbuildinfo/.test(file))).toEqual([]);
});
