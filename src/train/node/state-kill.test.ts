/** All that a run remembers, through SIGKILL: teacher, queue, counter, two objectives, parameter groups, accumulation. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { type Checkpoint, readCheckpoint } from './index.ts';

/** Trains the twins in a folder to their end, going on with what is there; says when the steps begin. */
const child = `
  const [module, folder] = process.argv.slice(1);
  const { parseRecipe, train, twins } = await import(module);
  const recipe = parseRecipe({
    system: 'twins', steps: 60, batchSize: 4, accumulate: 2, threads: 1, ema: { decay: 0.9 },
    evaluateEvery: 11, checkpointEvery: 1, log: { every: 1, tensorboard: false },
    optimizer: { name: 'adamw', lr: 0.01 },
    groups: [{ params: ['decoder/**'], optimizer: { name: 'sgd', lr: 0.05, momentum: 0.9 }, freezeSteps: 7 }],
  });
  const onEvent = (e) => { if (e.type === 'run-start') console.log('start'); };
  await train(twins(), recipe, { folder, resume: true, onEvent });
  console.log('end');
`;

/** Runs the child and kills it `ms` after its steps have begun; true when it came to its end. */
async function runs(module: string, folder: string, ms: number): Promise<boolean> {
  const p = spawn(process.execPath, ['--input-type=module', '-e', child, pathToFileURL(module).href, folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, errors] = ['', ''];
  p.stdout.on('data', (d) => {
    if (out === '' && Number.isFinite(ms)) setTimeout(() => p.kill('SIGKILL'), ms);
    out += d;
  });
  p.stderr.on('data', (d) => {
    errors += d;
  });
  await new Promise((done) => p.on('close', done));
  expect(errors).toBe('');
  return out.endsWith('end\n');
}

/** The trainer and the twins as one module beside the compiled code, where its packages are found. */
async function bundle(): Promise<string> {
  const outfile = resolve(`dist/state-kill-${process.pid}.mjs`);
  const contents = `export { parseRecipe } from './index.ts'; export { train } from './node/index.ts'; export { twins } from './testing/twins.ts';`;
  await build({
    stdin: { contents, resolveDir: resolve('src/train'), loader: 'ts' },
    ...{ bundle: true, outfile, platform: 'node', format: 'esm', packages: 'external', external: ['#ort'] },
    target: 'node20',
    logLevel: 'silent',
  });
  return outfile;
}

/** Every tensor of a checkpoint, as bits. */
async function tensors(c: Checkpoint): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const [kind, file] of [
    ['model', c.model],
    ['state', c.state!],
  ] as const)
    for (const name of file.names) {
      const { data } = await file.read(name);
      out[`${kind}/${name}`] = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
    }
  await c.close();
  return out;
}

test('kill -9 at random moments, resumed to the end: every tensor is that of a run in one piece', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bow2bot-state-kill-'));
  const module = await bundle();
  try {
    const [whole, broken] = [join(folder, 'whole'), join(folder, 'broken')];
    expect(await runs(module, whole, Number.POSITIVE_INFINITY)).toBe(true);
    const rng = new Rng('kill state');
    let kills = 0;
    while (!(await runs(module, broken, kills < 5 ? rng.uniform(30, 300) : Number.POSITIVE_INFINITY))) kills++;
    expect(kills).toBeGreaterThan(2);
    const [a, b] = [await tensors(await readCheckpoint(whole)), await tensors(await readCheckpoint(broken))];
    expect(Object.keys(a)).toEqual(
      expect.arrayContaining(['model/head/weight', 'state/teacher/head/weight', 'state/queue/keys/rows', 'state/seen']),
    );
    expect(b).toEqual(a);
  } finally {
    await rm(folder, { recursive: true });
    await rm(module);
  }
}, 120_000);
