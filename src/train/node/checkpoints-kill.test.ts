import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { listCheckpoints, openCheckpoints, readCheckpoint, readCheckpointFolder } from './index.ts';
import { content, stepOf } from './testing/step-checkpoint.ts';

let run: string;
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'bow2bot-kill-'));
});
afterEach(() => rm(run, { recursive: true }));

/** Writes checkpoints as fast as it can, telling each on stdout when `write` has returned; every third is the best so far. */
const child = `
  const { openCheckpoints, readCheckpoint } = await import(process.argv[1]);
  const [run, links] = process.argv.slice(2);
  const filled = (n, v) => ({ dtype: 'float32', shape: [n], data: new Float32Array(n).fill(v) });
  const writer = await openCheckpoints(run, { links });
  let step = 0;
  try {
    const c = await readCheckpoint(run, 'last');
    step = c.config.step;
    await c.close();
  } catch (e) {
    if (e.code !== 'checkpoint') throw e;
  }
  console.log('open');
  for (;;) {
    step++;
    await writer.write(step, {
      config: { step },
      model: new Map([['a', filled(100003, step)], ['b', filled(7, step)]]),
      state: new Map([['m', filled(50021, step)]]),
      stateMetadata: { step: String(step) },
      recipe: { step },
      card: '# step ' + step + '\\n',
      files: { 'tokenizer.json': JSON.stringify({ step }) },
    }, step % 3 === 0 ? { best: { metric: 'loss', value: 1 / step } } : {});
    console.log(step);
  }
`;

/** Starts the child and kills it `ms` after it has opened the run; gives the last step it has reported. */
async function killedAfter(ms: number, links: string): Promise<number> {
  const module = pathToFileURL(resolve('dist/train/node/checkpoints.js')).href;
  const p: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', child, module, run, links], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  p.stdout!.on('data', (d) => {
    if (out === '') setTimeout(() => p.kill('SIGKILL'), ms);
    out += d;
  });
  p.stderr!.on('data', (d) => {
    errors += d;
  });
  await new Promise((done) => p.on('close', done));
  expect(errors).toBe('');
  const reported = out.trim().split('\n').slice(1);
  return Number(reported.at(-1) ?? 0);
}

test('kill -9 at random moments: every checkpoint is whole, nothing that was reported is lost', async () => {
  const rng = new Rng('kill checkpoints');
  let reported = 0;
  for (let kill = 0; kill < 15; kill++) {
    reported = Math.max(reported, await killedAfter(rng.uniform(0, 250), kill % 2 === 0 ? 'symlink' : 'hardlink'));
    const all = await listCheckpoints(run);
    for (const c of all) expect(await stepOf(await readCheckpointFolder(c.folder))).toBe(c.step);
    if (all.length === 0) {
      expect(reported).toBe(0);
      continue;
    }
    expect(await stepOf(await readCheckpoint(run, 'last'))).toBeGreaterThanOrEqual(reported);
    const best = all.find((c) => c.isBest);
    if (reported >= 3) expect(best!.step % 3).toBe(0);
    for (const view of ['last', 'best']) {
      const shown = await stat(join(run, view)).catch(() => undefined); // hard-linked views may be missing for a moment, never half-filled
      if (shown) await stepOf(await readCheckpointFolder(join(run, view)));
    }
  }
  expect(reported).toBeGreaterThan(5);
}, 60_000);

/**
 * Writes checkpoints 1 … 4 (the first is the best, one more is kept) and dies by SIGKILL before the n-th change of the file system; tells the
 * last step whose \`write\` has returned. Ends by itself when there are fewer changes.
 */
const counted = `
  import fs from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const [module, run, links, n] = process.argv.slice(1);
  let left = Number(n);
  for (const name of ['rename', 'rm', 'symlink', 'link', 'mkdir', 'open', 'copyFile']) {
    const real = fs[name];
    fs[name] = (...a) => {
      if (--left === 0) process.kill(process.pid, 'SIGKILL');
      return real(...a);
    };
  }
  syncBuiltinESMExports();
  const { openCheckpoints } = await import(module);
  const filled = (n, v) => ({ dtype: 'float32', shape: [n], data: new Float32Array(n).fill(v) });
  const writer = await openCheckpoints(run, { links, keep: 1 });
  for (let step = 1; step <= 4; step++) {
    await writer.write(step, {
      config: { step },
      model: new Map([['a', filled(101, step)]]),
      state: new Map([['m', filled(53, step)]]),
      stateMetadata: { step: String(step) },
      recipe: { step },
      card: '# step ' + step + '\\n',
      files: { 'tokenizer.json': JSON.stringify({ step }) },
    }, step === 1 ? { best: { metric: 'loss', value: 1 } } : {});
    console.log(step);
  }
  await writer.close();
`;

for (const links of ['symlink', 'hardlink']) {
  test(`kill -9 before changes of the file system, counted through (${links})`, async () => {
    const module = pathToFileURL(resolve('dist/train/node/checkpoints.js')).href;
    let kills = 0;
    // every eleventh keeps the test short; with a step of 1 every single change is tried
    for (let n = 1; ; n += 11) {
      const folder = join(run, String(n));
      const p = spawnSync(process.execPath, ['--input-type=module', '-e', counted, module, folder, links, String(n)], {
        encoding: 'utf8',
      });
      expect(p.stderr).toBe('');
      const reported = Number(p.stdout.trim().split('\n').at(-1) ?? 0);
      const all = await listCheckpoints(folder);
      for (const c of all) expect(await stepOf(await readCheckpointFolder(c.folder))).toBe(c.step);
      const last = all.length === 0 ? 0 : await stepOf(await readCheckpoint(folder, 'last'));
      expect([reported, reported + 1]).toContain(last); // what was reported, or the one that was just being finished
      if (reported > 0) expect(await stepOf(await readCheckpoint(folder, 'best'))).toBe(1);
      const writer = await openCheckpoints(folder, { links: links as 'symlink' | 'hardlink', keep: 1 });
      await writer.write(5, content(5));
      await writer.close();
      const left = (await readdir(folder)).sort();
      const expected = ['checkpoints.json', 'last', 'step-00000005'];
      expect(left).toEqual(
        reported > 0 || left.includes('best')
          ? ['best', ...expected.slice(0, 2), 'step-00000001', expected[2]]
          : expected,
      );
      expect(await stepOf(await readCheckpointFolder(join(folder, 'last')))).toBe(5);
      if (p.signal !== 'SIGKILL') break;
      kills++;
    }
    expect(kills).toBeGreaterThan(7);
  }, 120_000);
}
