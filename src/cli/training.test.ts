import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { listCheckpoints, readCheckpoint } from '../train/node/index.ts';
import { evaluationLine, trainingOptions } from './training.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-training-'));
});
afterEach(() => rm(folder, { recursive: true }));

type Ended = { code: number | null; out: string; err: string };

/** Starts the training command; `ended` resolves when the process has. */
function start(...args: string[]): {
  child: ChildProcess;
  ended: Promise<Ended>;
  saw: (text: string) => Promise<void>;
} {
  const child = spawn(process.execPath, ['src/cli/testing/train-waves.mjs', ...args]);
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (b: Buffer) => out.push(String(b)));
  child.stderr.on('data', (b: Buffer) => err.push(String(b)));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, out: out.join(''), err: err.join('') }));
  });
  const saw = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (err.join('').includes(text)) resolve();
      };
      child.stderr.on('data', look);
      child.on('close', () => resolve());
    });
  return { child, ended, saw };
}

const settings = (o: Record<string, unknown>): string[] =>
  Object.entries(o).flatMap(([k, v]) => ['--set', `${k}=${JSON.stringify(v)}`]);

/** All tensors of a checkpoint as text; fails when anything in the folder cannot be read. */
async function tensors(run: string, which?: 'last' | 'best' | number): Promise<Record<string, string>> {
  await using c = await readCheckpoint(run, which);
  const out: Record<string, string> = {};
  for (const part of [c.model, c.state!]) {
    for (const name of part.names) {
      const { data } = await part.read(name);
      out[name] = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    }
  }
  return out;
}

test('the options are explained in --help', () => {
  const help = trainingOptions(new Command('waves')).helpInformation();
  for (const option of ['--output', '--recipe', '--preset', '--smoke', '--set', '--resume', '--device']) {
    expect(help).toContain(option);
  }
});

describe('a training command', () => {
  test('prints the result on stdout and everything else on stderr', async () => {
    const { code, out, err } = await start('-o', folder, '--smoke', ...settings({ seed: 3 })).ended;
    expect(code).toBe(0);
    expect(out).toMatch(/^finished after 20 steps, \d+ s\neval\/loss {2}0\.\d+\nsaved in /);
    expect(err).toContain('waves tiny: 245 parameters, 20 steps on cpu');
    expect(err).toMatch(/step 10 · eval\/loss 0\.\d+ · best so far/);
    expect(JSON.parse(await readFile(join(folder, 'last', 'recipe.json'), 'utf8'))).toMatchObject({
      steps: 20,
      seed: 3,
    });
  });

  test('--json: one document on stdout, nothing on stderr', async () => {
    const { out, err } = await start('-o', folder, '--smoke', '--json').ended;
    expect(JSON.parse(out)).toMatchObject({
      system: 'waves',
      folder,
      step: 20,
      reason: 'finished',
      best: { metric: 'eval/loss' },
    });
    expect(err).toBe('');
  });

  test('--resume takes the recipe of the run; keys may be set again', async () => {
    await start('-o', folder, '--smoke').ended;
    const { code, err } = await start('-o', folder, '--resume', ...settings({ steps: 30 })).ended;
    expect([code, err]).toEqual([0, expect.stringMatching(/30 steps on cpu \(\d+ threads\), resumed after step 20/)]);
    expect((await start('-o', folder, '--resume', ...settings({ seed: 9 })).ended).err).toContain('(at seed)');
  });

  test('--resume where there is no run is an error, in an empty folder a new run', async () => {
    const none = await start('-o', join(folder, 'none'), '--resume', '--smoke').ended;
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('no run to resume')]);
    await mkdir(join(folder, 'empty'), { recursive: true });
    const { code, err } = await start('-o', join(folder, 'empty'), '--resume', '--smoke').ended;
    expect([code, err]).toEqual([0, expect.stringContaining('nothing to resume in')]);
  });

  test.each([
    [['--set', 'optimizer.lrr=1'], 3, 'unknown key "lrr" (did you mean "lr"?) (at optimizer.lrr)'],
    [['--set', 'lr'], 2, 'no setting'],
    [['--preset', 'smok'], 3, 'did you mean "smoke"?'],
    [['--smoke', '--preset', 'default'], 2, 'two presets'],
    [['--recipe', 'nowhere.json'], 3, 'no such file'],
  ])('%j is refused', async (args, code, message) => {
    const ended = await start('-o', folder, ...args).ended;
    expect([ended.code, ended.out]).toEqual([code, '']);
    expect(ended.err).toContain(message);
  });

  test('a recipe file', async () => {
    const path = join(folder, 'recipe.json');
    await writeFile(path, JSON.stringify({ steps: 3, batchSize: 7, optimizer: { eps: 1e-7 } }));
    const { code } = await start('-o', join(folder, 'run'), '--recipe', path, '--epsilon', '1e-6').ended;
    expect(code).toBe(0);
    await using last = await readCheckpoint(join(folder, 'run'));
    expect(last.recipe).toMatchObject({ steps: 3, batchSize: 7, optimizer: { eps: 1e-6 } }); // a flag wins over the file
    await writeFile(path, JSON.stringify({ system: 'ripples' }));
    const { err } = await start('-o', join(folder, 'other'), '--recipe', path).ended;
    expect(err).toContain('the recipe is for "ripples"');
  });
});

describe('stopped and killed', () => {
  const long = settings({ steps: 100_000, evaluateEvery: 3, checkpointEvery: 100_000, threads: 1 });

  test.skipIf(process.platform === 'win32')('Ctrl-C writes a checkpoint and exits with 130', async () => {
    const { child, ended, saw } = start('-o', folder, ...long);
    await saw('step 6 ');
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect([code, out]).toEqual([130, '']);
    expect(err).toContain('saving progress');
    const at = Number(/stopped on request after step (\d+) of 100000/.exec(err)![1]);
    expect((await listCheckpoints(folder)).find((c) => c.isLast)).toMatchObject({ step: at });
    await tensors(folder);
  });

  test('killed at random moments and resumed: bit for bit an uninterrupted run, every checkpoint readable', async () => {
    const recipe = settings({ steps: 240, evaluateEvery: 7, checkpointEvery: 2, threads: 1 });
    const [whole, cut] = [join(folder, 'whole'), join(folder, 'cut')];
    await mkdir(cut, { recursive: true });
    expect((await start('-o', whole, ...recipe).ended).code).toBe(0);
    const rng = new Rng('kill');
    const reached: number[] = [];
    for (let kills = 0; ; kills++) {
      const { child, ended, saw } = start('-o', cut, '--resume', ...recipe);
      if (kills < 10) {
        await saw('steps on cpu');
        await new Promise((wake) => setTimeout(wake, rng.uniform(0, 250)));
        child.kill('SIGKILL');
      }
      const { code } = await ended;
      const checkpoints = await listCheckpoints(cut);
      for (const { step } of checkpoints) await tensors(cut, step);
      if (checkpoints.length > 0) await tensors(cut, 'last');
      if (checkpoints.some((c) => c.isBest)) await tensors(cut, 'best');
      reached.push(checkpoints.find((c) => c.isLast)?.step ?? 0);
      if (code === 0) break;
      expect(kills).toBeLessThan(10);
    }
    expect(reached).toEqual(reached.toSorted((a, b) => a - b));
    expect(new Set(reached).size).toBeGreaterThan(3); // the kills did hit a run that was getting somewhere
    expect(await tensors(cut)).toEqual(await tensors(whole));
    expect(await tensors(cut, 'best')).toEqual(await tensors(whole, 'best'));
  }, 120_000);
});

test('an evaluation is one line: the selection, the loss, and every metric that is not finite', () => {
  const event = { type: 'evaluation-end', step: 20, selectionMetric: 'r1', isBest: true } as const;
  expect(evaluationLine({ ...event, metrics: { r1: 0.51239, 'eval/loss': 1, depth: 3 } })).toBe(
    'step 20 · r1 0.5124 · eval/loss 1 · best so far',
  );
  expect(evaluationLine({ ...event, metrics: { r1: 0.5, margin: Number.NaN }, isBest: false })).toBe(
    'step 20 · r1 0.5 · margin NaN',
  );
});
