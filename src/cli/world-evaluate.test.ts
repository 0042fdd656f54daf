import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { saveBagOfWords } from '../systems/node/index.ts';
import { CountVectorizer } from '../text/index.ts';

const root = await mkdtemp(join(tmpdir(), 'bow2bot-policy-'));
afterAll(() => rm(root, { recursive: true, force: true }));

const evaluate = async (policy: string, ...args: string[]) => {
  const all = [
    resolve('dist/cli/main.js'),
    'world',
    'evaluate',
    '--policy',
    policy,
    '--json',
    '--workers',
    '2',
    ...args,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, all, { env: { ...process.env, CI: '1' } });
  return JSON.parse(stdout).rows[0];
};
const refusal = async (policy: string): Promise<{ code: string; message: string }> => {
  const e = (await evaluate(policy, '-n', '1').catch((x: unknown) => x)) as { stderr: string };
  return JSON.parse(e.stderr.trim().split('\n').at(-1)!).error;
};
const written = async (name: string, source: string): Promise<string> => {
  await writeFile(join(root, name), source);
  return join(root, name);
};

test('ten lines that act and ten that plan are evaluated on the same episodes', async () => {
  const touch = await evaluate('docs/examples/touch-policy.mjs', '--families', 'T1', '-n', '12');
  expect(touch.episodes).toBe(12);
  expect(touch.successes).toBeGreaterThan(3); // 6 when this was written; the random policy has 0 of 100
  const words = await evaluate('docs/examples/word-planner.mjs', '--families', 'T1', '-n', '8');
  expect(words.successes).toBeGreaterThan(0);
  expect(words.failures.every((f: { plan: string[] }) => f.plan.length > 0)).toBe(true);
  const random = await evaluate('random', '--families', 'T1', '-n', '8');
  const instruction = (r: { failures: { index: number; instruction: string }[] }, i: number) =>
    r.failures.find((f) => f.index === i)?.instruction;
  for (const { index } of words.failures)
    expect([undefined, instruction(words, index)]).toContain(instruction(random, index));
}, 120_000);

test('a factory, failures by reason, and what is no policy', async () => {
  const made = await written(
    'made.mjs',
    'export const policy = async () => ({ act: async () => { throw new Error("no weights") } });',
  );
  const row = await evaluate(made, '--families', 'T2', '-n', '3');
  expect(row).toMatchObject({ successes: 0, reasons: [{ reason: 'the policy threw: no weights', episodes: 3 }] });
  expect(await refusal(join(root, 'nowhere.mjs'))).toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/no such module/),
  });
  const broken = await written('broken.mjs', 'export const policy = ;');
  expect(await refusal(broken)).toMatchObject({ code: 'usage', message: expect.stringMatching(/cannot be loaded/) });
  const typed = await written('typed.tsx', 'export const act = 1;'); // no version of Node loads .tsx
  expect(await refusal(typed)).toMatchObject({
    code: 'usage',
    hint: expect.stringMatching(/compile it to JavaScript/),
  });
  const empty = await written('empty.mjs', 'export const policy = 7;');
  expect(await refusal(empty)).toMatchObject({ code: 'usage', message: expect.stringMatching(/exports no policy/) });
  const words = join(root, 'words');
  await saveBagOfWords(words, new CountVectorizer().fit(['a red cube']));
  expect(await refusal(words)).toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/bag-of-words neither acts nor plans/),
  });
  expect(await refusal(join(root, 'no-folder'))).toMatchObject({ code: 'data' });
}, 120_000);

test('a checkpoint of a system of one’s own is a policy in every thread', async () => {
  const systems = await written(
    'systems.mjs',
    `const still = { move: [0, 0, 0], turn: [0, 0, 0], grip: -1, done: true };
     const act = async () => ({ views: [], act: async () => still });
     const recognises = async (files) => files.names.has('lazy.txt');
     export const lazy = { id: 'lazy', title: 'Lazy', paper: 'a test', variants: [], recognises,
       layouts: [{ id: 'own', settings: ['lazy.txt'], recognises }],
       open: async () => ({ id: 'lazy', act, close: async () => {} }) };`,
  );
  const folder = join(root, 'lazy');
  await mkdir(folder);
  await writeFile(join(folder, 'lazy.txt'), '');
  const flags = ['world', 'evaluate', '--policy', folder, '--families', 'T2', '-n', '3', '--json'];
  const all = [resolve('dist/cli/main.js'), '--systems', systems, ...flags];
  const { stdout } = await promisify(execFile)(process.execPath, all, { env: { ...process.env, CI: '1' } });
  const reasons = [{ reason: 'ended without reaching the goal', episodes: 3 }];
  expect(JSON.parse(stdout).rows[0]).toMatchObject({ episodes: 3, steps: 1, reasons });
}, 120_000);
