import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { encodePng } from '../image/index.ts';
import { splitSystems } from './systems-option.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-train-command-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const at = (...parts: string[]): string => join(folder, ...parts);

type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

/** Node on these arguments; `seen` sees everything on stderr so far. */
function node(args: readonly string[], seen: (err: string, child: ChildProcess) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, BOW2BOT_PROGRAM: 'bow2bot', CI: '1', XDG_CACHE_HOME: at('cache') },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (b: Buffer) => {
    out += String(b);
  });
  child.stderr.on('data', (b: Buffer) => {
    err += String(b);
    seen(err, child);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}
const bow2bot = (...args: string[]): Promise<Ended> => node(['dist/cli/main.js', ...args]);

describe('help comes from the registry', () => {
  test('train lists what can be trained, with titles; without a system it is an error', {
    timeout: 60_000,
  }, async () => {
    const { code, out } = await bow2bot('train', '--help');
    expect(code).toBe(0);
    expect(out).toMatch(/^Examples:\n {2}bow2bot train /);
    expect(out).toMatch(/^ {2}clip .*CLIP: /m);
    expect(out).toMatch(/^ {2}word2vec .*word2vec: /m);
    expect(out).not.toContain('bag-of-words');
    const bare = await bow2bot('train');
    expect([bare.code, bare.out]).toEqual([2, '']);
  });

  test('a system shows examples, its data’s flags, its presets and variants', { timeout: 60_000 }, async () => {
    const { out } = await bow2bot('train', 'clip', '--help');
    expect(out).toMatch(/^Examples:\n {2}bow2bot train clip --smoke\n {2}bow2bot train clip --data photos\/ /);
    for (const flag of [
      '--data',
      '--split-by',
      '--size',
      '--from',
      '--lora',
      '--freeze',
      '--variant',
      '--set',
      '--json',
    ])
      expect(out).toContain(`${flag} `);
    expect(out).toMatch(
      /Presets: default \(from scratch\), fine-tune \(with --from\), lora \(with --from and --lora\), icons/,
    );
    expect(out.replaceAll(/\s+/g, ' ')).toContain('tiny, icons, scenes, eyes, ViT-B/32');
  });

  test.each([
    [['train', 'clp', '--smoke'], /unknown system "clp" \(did you mean "clip"\?\)/],
    [['train', 'tf-idf', 'docs/'], /"tf-idf" cannot be trained here[\s\S]*bow2bot fit/],
    [['train', 'word2vec', 'corpus.txt'], /-o, --output <path> is required/],
    [['train', 'word2vec', '-o', 'x.bin', '--resume', 'corpus.txt'], /--resume needs a folder as output/],
    [
      ['train', 'word2vec', '-o', 'x', '--vector-size', 'wide', 'corpus.txt'],
      /--vector-size needs a number, not "wide"/,
    ],
    [['--systems'], /--systems needs a module/],
    [['--systems', 'nowhere.mjs', 'train'], /cannot be loaded[\s\S]*nowhere\.mjs/],
    [['--systems', at('typed.tsx'), 'train'], /cannot be loaded[\s\S]*compile it to JavaScript/],
    [['--systems', 'docs/examples/touch-policy.mjs', 'train'], /the module exports no system/],
    [['train', '--systems', 'docs/examples/linear-scorer.mjs', '--help'], /./],
  ])('%j', { timeout: 60_000 }, async (args, message) => {
    await writeFile(at('typed.tsx'), 'export const system = {};'); // no version of Node loads .tsx
    const { code, out, err } = await bow2bot(...args);
    if (args.includes('--help')) return expect(out).not.toContain('linear-scorer'); // it stands before the command, or nowhere
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  test('modules stand before the command', () => {
    expect(splitSystems(['--systems', 'a', '--systems=b', 'train', '--systems', 'c'])).toEqual({
      modules: ['a', 'b'],
      rest: ['train', '--systems', 'c'],
    });
  });
});

describe('a system of one’s own, defined in one file', () => {
  const own = ['--systems', 'docs/examples/linear-scorer.mjs'];
  const colours = { red: [220, 0, 0], green: [0, 160, 0], blue: [0, 0, 230], white: [250, 250, 250] } as const;

  beforeAll(async () => {
    await mkdir(at('photos'));
    for (const [name, colour] of Object.entries(colours))
      for (let i = 0; i < 8; i++) {
        const rng = new Rng(`${name}/${i}`);
        const data = Uint8Array.from({ length: 3 * 19 * 17 }, (_, k) =>
          Math.min(255, Math.max(0, colour[k % 3]! + 20 * rng.normal())),
        );
        await writeFile(at('photos', `${name}-${i}.png`), encodePng({ width: 19, height: 17, channels: 3, data }));
        await writeFile(at('photos', `${name}-${i}.txt`), `a ${name} image`);
      }
  });

  /** The arguments of a training of 90 steps. */
  const training = (run: string): string[] => {
    const keys = [
      'threads=1',
      'batchSize=8',
      'steps=90',
      'evaluateEvery=30',
      'checkpointEvery=30',
      'data.positives=caption',
    ];
    const data = ['--data', at('photos'), '--validation', '0.4', '-o', at(run)];
    return [...own, 'train', 'linear-scorer', ...data, ...keys.flatMap((key) => ['--set', key])];
  };
  const weights = (run: string): Promise<Buffer> => readFile(at(run, 'last', 'model.safetensors'));

  test('is in the help', { timeout: 60_000 }, async () => {
    expect((await bow2bot(...own, 'train', '--help')).out).toMatch(/^ {2}linear-scorer .*Linear scorer: pixels/m);
    const { out } = await bow2bot(...own, 'train', 'linear-scorer', '--help');
    expect(out).toMatch(/^Examples:\n {2}bow2bot train linear-scorer --smoke\n/);
    expect(out).not.toContain('--lora');
  });

  test('learns, is stopped and resumed bit for bit', { timeout: 180_000 }, async () => {
    const whole = await bow2bot(...training('whole'), '--json');
    expect([whole.code, whole.err]).toEqual([0, '']);
    const { metrics, best } = JSON.parse(whole.out);
    expect(best.metric).toBe('eval/text_to_image_R@1');
    expect(metrics['eval/loss']).toBeLessThan(1.5); // of eight images four colours: ln 8 = 2.08 at random
    let stopped = false;
    const cut = await node(['dist/cli/main.js', ...training('cut')], (err, child) => {
      if (stopped || !err.includes('step 30 ·')) return;
      stopped = true;
      child.kill('SIGINT');
    });
    expect([cut.code, cut.err]).toEqual([130, expect.stringContaining('stopped on request')]);
    const rest = await bow2bot(...training('cut'), '--resume');
    expect([rest.code, rest.err]).toEqual([0, expect.stringMatching(/resumed after step \d\d\b/)]);
    expect(rest.out).toContain('measure it: bow2bot --systems docs/examples/linear-scorer.mjs ladder ');
    expect((await weights('cut')).equals(await weights('whole'))).toBe(true);
  });

  test('is measured, indexes and searches', { timeout: 120_000 }, async () => {
    const ladder = await bow2bot(
      ...[...own, 'ladder', at('whole'), '--data', at('photos'), '--split', 'all', '--no-tabletop'],
      ...['-o', at('ladder.html'), '--json'],
    );
    const { rows } = JSON.parse(ladder.out).ladder;
    expect(rows[0].system).toBe('linear-scorer');
    expect(rows[0].results['photos/pictures']['text_to_image_R@10']).toBeGreaterThan(0.5);
    const made = await bow2bot(...own, 'index', at('photos'), '-m', at('whole'), '-o', at('photos.index'), '--json');
    expect([made.code, made.err]).toEqual([0, '']);
    const found = await bow2bot(...own, 'search', at('photos.index'), 'blue', '--mode', 'picture', '-k', '3', '--json');
    expect(JSON.stringify(JSON.parse(found.out)).match(/blue-\d\.png/g)?.length).toBeGreaterThanOrEqual(3);
    const unknown = await bow2bot('ladder', at('whole'), '--no-tabletop', '--data', at('photos'));
    expect([unknown.code, unknown.err]).toEqual([3, expect.stringContaining('a model of "linear-scorer"')]);
  });

  test('is in the registry of a program; a model loads, saves and opens', { timeout: 60_000 }, async () => {
    const program = `
      import { linearScorer } from './docs/examples/linear-scorer.mjs';
      import { registerSystem, systemIds } from 'bow2bot/systems';
      import { loadModel, openModel, saveModel } from 'bow2bot/systems/node';
      registerSystem(linearScorer);
      const model = await loadModel(linearScorer, ${JSON.stringify(at('whole', 'last'))});
      await saveModel(linearScorer, ${JSON.stringify(at('copy'))}, model);
      const vectors = [];
      for (const path of ${JSON.stringify([at('whole', 'last'), at('copy')])}) {
        const system = await openModel(path);
        vectors.push(Array.from((await system.encodeText(['a red image'])).data));
        await system.close();
      }
      console.log(JSON.stringify({ ids: systemIds(), vectors }));`;
    const { code, out, err } = await node(['--input-type=module', '-e', program]);
    expect([code, err]).toEqual([0, '']);
    const { ids, vectors } = JSON.parse(out);
    expect(ids).toContain('linear-scorer');
    expect(vectors[1]).toEqual(vectors[0]);
    expect(Math.hypot(...vectors[0])).toBeCloseTo(1, 5);
  });
});
