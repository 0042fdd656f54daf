import { cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBowError } from '../../base/index.ts';
import {
  type Checkpoint,
  listCheckpoints,
  openCheckpoints,
  readCheckpoint,
  readCheckpointFolder,
  writeCheckpointFolder,
} from './index.ts';
import { content, stepOf } from './testing/step-checkpoint.ts';

let run: string;
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'bow2bot-run-'));
});
afterEach(() => rm(run, { recursive: true }));

const steps = async (): Promise<number[]> => (await listCheckpoints(run)).map((c) => c.step);

describe('a folder', () => {
  test('holds what was written, in the hub’s layout', async () => {
    const folder = join(run, 'model');
    await writeCheckpointFolder(folder, content(5), { floats: 'float16' });
    const files = [
      'README.md',
      'config.json',
      'model.safetensors',
      'recipe.json',
      'tokenizer.json',
      'training_state.safetensors',
    ];
    expect((await readdir(folder)).sort()).toEqual(files);
    const c = await readCheckpointFolder(folder);
    expect(c.model.info('a/weight').dtype).toBe('float16');
    expect(c.state?.info('a/weight/m').dtype).toBe('float32');
    expect(c.model.metadata).toEqual({ format: 'pt' });
    expect(await stepOf(c)).toBe(5);
  });

  test('is replaced as a whole', async () => {
    const folder = join(run, 'model');
    await writeCheckpointFolder(folder, content(5), { shardBytes: 1000 });
    await writeCheckpointFolder(folder, { config: { step: 6 }, model: new Map() });
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(await readdir(run)).toEqual(['model']);
  });

  test('of another program needs only config and weights', async () => {
    await writeCheckpointFolder(join(run, 'm'), { config: {}, model: content(3).model });
    await using c = await readCheckpoint(join(run, 'm'));
    expect([c.state, c.recipe, c.card]).toEqual([undefined, undefined, undefined]);
  });

  test('a write that fails leaves what was there', async () => {
    const folder = join(run, 'model');
    await writeCheckpointFolder(folder, content(5));
    const broken = { ...content(6), files: { '../escape': 'x' } };
    await expect(writeCheckpointFolder(folder, broken)).rejects.toMatchObject({ code: 'usage' });
    await expect(writeCheckpointFolder(folder, content(6), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(await readdir(run)).toEqual(['model']);
    expect(await stepOf(await readCheckpointFolder(folder))).toBe(5);
  });

  test('damage is a typed error with its place', async () => {
    const folder = join(run, 'model');
    await expect(readCheckpoint(folder)).rejects.toMatchObject({ code: 'data', place: folder });
    await mkdir(folder);
    await expect(readCheckpoint(folder)).rejects.toMatchObject({ code: 'checkpoint', place: folder });
    await rm(folder, { recursive: true });
    await writeCheckpointFolder(folder, content(5));
    for (const file of ['config.json', 'recipe.json', 'model.safetensors', 'training_state.safetensors']) {
      const whole = await readFile(join(folder, file));
      await truncate(join(folder, file), whole.length - 3);
      await expect(readCheckpoint(folder)).rejects.toMatchObject({ code: 'checkpoint', place: join(folder, file) });
      await writeFile(join(folder, file), whole);
    }
    await rm(join(folder, 'model.safetensors'));
    await expect(readCheckpoint(folder)).rejects.toThrow('model.safetensors is missing');
  });
});

describe('a run', () => {
  test('last, best, steps, retention', async () => {
    await using writer = await openCheckpoints(run, { keep: 2 });
    await expect(readCheckpoint(run, 'last')).rejects.toMatchObject({ code: 'checkpoint' });
    for (const step of [10, 20, 30, 40, 50]) {
      await writer.write(step, content(step), step === 20 ? { best: { metric: 'loss', value: 0.5 } } : {});
    }
    expect(await steps()).toEqual([20, 40, 50]);
    expect((await listCheckpoints(run)).map((c) => [c.isLast, c.isBest])).toEqual([
      [false, true],
      [false, false],
      [true, false],
    ]);
    expect(await stepOf(await readCheckpoint(run))).toBe(50);
    expect(await stepOf(await readCheckpoint(run, 'best'))).toBe(20);
    expect(await stepOf(await readCheckpoint(run, 40))).toBe(40);
    await expect(readCheckpoint(run, 30)).rejects.toMatchObject({
      code: 'checkpoint',
      detail: { steps: [20, 40, 50] },
    });
  });

  for (const links of ['symlink', 'hardlink'] as const) {
    test(`other programs see last and best as folders (${links})`, async () => {
      await using writer = await openCheckpoints(run, { links });
      await writer.write(10, content(10), { best: { metric: 'loss', value: 1 } });
      await writer.write(20, content(20));
      expect((await lstat(join(run, 'last'))).isSymbolicLink()).toBe(links === 'symlink');
      expect(await stepOf(await readCheckpointFolder(join(run, 'last')))).toBe(20);
      expect(await stepOf(await readCheckpointFolder(join(run, 'best')))).toBe(10);
      await cp(run, `${run}-moved`, { recursive: true, verbatimSymlinks: true }); // views survive a move
      expect(await stepOf(await readCheckpointFolder(join(`${run}-moved`, 'last')))).toBe(20);
      await rm(`${run}-moved`, { recursive: true });
    });
  }

  test('views that are missing or of the other kind are put right on opening', async () => {
    const adapter = { config: { r: 2 }, tensors: new Map() };
    await (await openWith('hardlink')).write(10, { ...content(10), adapter });
    expect((await readdir(join(run, 'last', 'adapter'))).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    await closeAll();
    await rm(join(run, 'last'), { recursive: true });
    await openWith('hardlink').then(closeAll);
    expect(await stepOf(await readCheckpointFolder(join(run, 'last')))).toBe(10);
    await openWith('symlink').then(closeAll);
    expect((await lstat(join(run, 'last'))).isSymbolicLink()).toBe(true);
    expect(await stepOf(await readCheckpointFolder(join(run, 'last')))).toBe(10);
  });

  test('going back to an earlier step and coming to the same step again', async () => {
    await using writer = await openCheckpoints(run, { keep: 2 });
    for (const step of [10, 20, 30]) await writer.write(step, content(step));
    await writer.write(20, content(20));
    expect((await readdir(run)).filter((f) => f.startsWith('step-')).sort()).toEqual(['step-00000020-2']);
    expect(await stepOf(await readCheckpoint(run))).toBe(20);
    await writer.write(25, content(25));
    expect(await steps()).toEqual([20, 25]);
  });

  test('leftovers of a killed writer are removed, other files stay', async () => {
    await using first = await openCheckpoints(run);
    await first.write(10, content(10));
    await first.close();
    for (const f of ['step-00000020.tmp', 'step-00000005.gone', 'last.old', 'step-notes']) await mkdir(join(run, f));
    await openCheckpoints(run).then((w) => w.close());
    expect((await readdir(run)).sort()).toEqual(['checkpoints.json', 'last', 'step-00000010', 'step-notes']);
  });

  test('a second writer is refused while the first is open', async () => {
    await using writer = await openCheckpoints(run);
    await expect(openCheckpoints(run)).rejects.toMatchObject({ code: 'data', detail: { pid: process.pid } });
    await writer.close();
    await openCheckpoints(run).then((w) => w.close());
  });

  for (const [from, links] of [
    ['', 'symlink'],
    ['last', 'symlink'],
    ['last', 'hardlink'],
  ] as const) {
    test(`a reader beside a writer that removes what it reads sees one checkpoint at a time (${from || 'run'}, ${links})`, async () => {
      await using writer = await openCheckpoints(run, { keep: 1, links });
      await writer.write(1, content(1));
      let writing = true;
      const seen: number[] = [];
      const reader = async (): Promise<void> => {
        while (writing) {
          const opened = await readCheckpoint(join(run, from)).catch((e: unknown) => e);
          if (isBowError(opened)) {
            expect([links, opened.message]).toEqual(['hardlink', expect.stringContaining('no such file')]); // between two renames
            continue;
          }
          await using c = opened as Checkpoint;
          const values = new Set([
            c.config['step'],
            Number(c.state?.metadata['step']),
            ...(await c.model.readFloat32('a/weight')).data,
          ]);
          expect(values.size).toBe(1);
          seen.push(c.config['step'] as number);
        }
      };
      const reading = reader();
      for (let step = 2; step <= 19; step++) await writer.write(step, content(step));
      writing = false;
      await reading;
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(new Set(seen).size).toBeGreaterThan(2);
    });
  }

  test('a damaged list of checkpoints is a typed error', async () => {
    await using writer = await openCheckpoints(run);
    await writer.write(10, content(10));
    for (const text of ['', 'null', '{"last":"../../etc"}', '{"last":"step-00000010","best":{"folder":7}}']) {
      await writeFile(join(run, 'checkpoints.json'), text);
      await expect(readCheckpoint(run)).rejects.toMatchObject({
        code: 'checkpoint',
        place: join(run, 'checkpoints.json'),
      });
    }
  });

  const openWriters: { close(): Promise<void> }[] = [];
  async function openWith(links: 'symlink' | 'hardlink') {
    const writer = await openCheckpoints(run, { links });
    openWriters.push(writer);
    return writer;
  }
  async function closeAll(): Promise<void> {
    for (const w of openWriters.splice(0)) await w.close();
  }
});
