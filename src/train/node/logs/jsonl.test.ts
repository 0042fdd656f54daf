import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LogRecord, openJsonl, readJsonl } from './jsonl.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-jsonl-'));
  path = join(folder, 'run', 'log.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

async function all(): Promise<LogRecord[]> {
  const out: LogRecord[] = [];
  for await (const r of readJsonl(path)) out.push(r);
  return out;
}

async function write(steps: number[], o: { resumeAt?: number } = {}): Promise<void> {
  using log = await openJsonl(path, o);
  for (const step of steps) log.append({ step, loss: 1 / step });
}

test('what is appended is read, over several openings', async () => {
  await write([1, 2]);
  await write([3]);
  expect(await all()).toEqual([1, 2, 3].map((step) => ({ step, loss: 1 / step })));
});

test('numbers that JSON lacks are kept as strings', async () => {
  using log = await openJsonl(path);
  log.append({ step: 1, loss: Number.NaN, nested: { worst: Number.NEGATIVE_INFINITY } });
  expect(await all()).toEqual([{ step: 1, loss: 'NaN', nested: { worst: '-Infinity' } }]);
});

test('a torn last line is skipped by readers and cut off by the next writer, wherever it is torn', async () => {
  await write([1, 2, 3]);
  const whole = await readFile(path);
  const second = whole.indexOf(10, whole.indexOf(10) + 1) + 1;
  for (let cut = second; cut < whole.length; cut++) {
    await writeFile(path, whole.subarray(0, cut));
    expect((await all()).map((r) => r.step)).toEqual([1, 2]);
    await write([7]);
    expect((await all()).map((r) => r.step)).toEqual([1, 2, 7]);
  }
});

test('resuming drops what was logged after the step, in whatever order it stands', async () => {
  await write([1, 2, 5, 3, 6, 4]);
  await appendFile(path, '{"step": 5, "lo');
  await write([5], { resumeAt: 4 });
  expect((await all()).map((r) => r.step)).toEqual([1, 2, 3, 4, 5]);
});

test('long logs over many chunks', async () => {
  const steps = Array.from({ length: 20_011 }, (_, i) => i + 1);
  await write(steps);
  await write([], { resumeAt: 20_000 });
  expect((await all()).map((r) => r.step)).toEqual(steps.slice(0, 20_000));
});

test('damage, a missing file, a closed log, a bad step', async () => {
  await expect(all()).rejects.toMatchObject({ code: 'data', place: path });
  await write([1]);
  await appendFile(path, 'nonsense\n{"step":2}\n');
  await expect(all()).rejects.toMatchObject({ code: 'data', place: `${path}:2` });
  await expect(openJsonl(path)).rejects.toMatchObject({ code: 'data', place: `${path}:2` });
  await writeFile(path, '{"loss":2}\n');
  await expect(all()).rejects.toMatchObject({ code: 'data', place: `${path}:1` });
  await writeFile(path, '');
  const log = await openJsonl(path);
  expect(() => log.append({ step: 1.5 })).toThrow('not an integer');
  log.close();
  expect(() => log.append({ step: 2 })).toThrow('closed');
});
