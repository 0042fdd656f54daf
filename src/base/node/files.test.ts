import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkWritable, compiledUrl, makeFolder, writeFileAtomic } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('folders are made on the way, by several at once', async () => {
  await Promise.all(['a', 'b', 'c'].map((name) => writeFileAtomic(join(folder, 'x', 'y', name), name)));
  expect(await readFile(join(folder, 'x', 'y', 'b'), 'utf8')).toBe('b');
  await makeFolder(join(folder, 'x', 'y'));
});

test('a place that cannot be written is a typed error, and nothing is left behind', async () => {
  await writeFile(join(folder, 'file'), 'old');
  const wrong: [string, string][] = [
    [folder, 'is a folder'],
    [join(folder, 'file', 'x.png'), 'is a file'],
    [join(folder, 'file', 'deeper', 'x.png'), 'is a file'],
  ];
  for (const [path, said] of wrong)
    await expect(writeFileAtomic(path, 'new'), path).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining(said),
    });
  for (const [path] of wrong) await expect(checkWritable(path), path).rejects.toMatchObject({ code: 'data' });
  await checkWritable(join(folder, 'file'));
  expect([await readdir(folder), await readFile(join(folder, 'file'), 'utf8')]).toEqual([['file'], 'old']);
});

test.skipIf(!existsSync('/proc/self'))(
  'where no folder can be made, that is reported and not tried for ever',
  async () => {
    const script = `import(${JSON.stringify(compiledUrl('./index.js', import.meta.url).href)})
    .then((m) => m.writeFileAtomic('/proc/none/x', 'a')).catch((e) => process.stdout.write(e.code + ' ' + e.place))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 20_000 });
    expect(stdout).toBe('data /proc/none');
  },
);

test.skipIf(process.platform === 'win32')('a pipe or a device is written to, not replaced by a file', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const [read] = await Promise.all([readFile(pipe, 'utf8'), writeFileAtomic(pipe, 'through the pipe')]);
  expect(read).toBe('through the pipe');
  expect((await lstat(pipe)).isFIFO()).toBe(true);
});
