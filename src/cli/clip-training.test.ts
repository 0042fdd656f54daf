import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { encodePng } from '../image/index.ts';
import { clipSystem } from '../systems/index.ts';
import { loadModel, modelFolder } from '../systems/node/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-clip-training-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const at = (...parts: string[]): string => join(folder, ...parts);

type Ended = { readonly code: number; readonly out: string; readonly err: string };

/** `bow2bot train clip`, compiled: images of 16 pixels, so that a run takes seconds. */
function trainClip(...args: string[]): Promise<Ended> {
  const settings = ['--set', 'threads=1', '--set', 'batchSize=5'];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['dist/cli/main.js', 'train', 'clip', ...settings, ...args],
      { env: { ...process.env, CI: '1', XDG_CACHE_HOME: at('cache') } },
      (e, out, err) => resolve({ code: e ? Number(e.code) : 0, out, err }),
    );
  });
}

const colours = {
  red: [220, 0, 0],
  'dark-green': [0, 90, 0],
  blue: [0, 0, 230],
  yellow: [230, 230, 0],
  white: [250, 250, 250],
} as const;

/** A noisy plain image. */
function plain(colour: keyof typeof colours, seed: number): Uint8Array {
  const rng = new Rng(`${colour}/${seed}`);
  const [width, height] = [19, 17];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) =>
    Math.min(255, Math.max(0, colours[colour][i % 3]! + 20 * rng.normal())),
  );
  return encodePng({ width, height, channels: 3, data });
}

const names = Object.keys(colours) as (keyof typeof colours)[];

beforeAll(async () => {
  for (const name of names) {
    await mkdir(at('classes', name), { recursive: true });
    for (let i = 0; i < 8; i++) await writeFile(at('classes', name, `${i}.png`), plain(name, i));
  }
  await mkdir(at('captioned'));
  const lines = names.map((name, i) => ({ file_name: `${i}.png`, text: `a ${name} picture`, set: i % 2 }));
  for (const [i, name] of names.entries()) await writeFile(at('captioned', `${i}.png`), plain(name, 100 + i));
  await writeFile(at('captioned', 'broken.png'), 'no image');
  lines.push({ file_name: 'broken.png', text: 'nothing', set: 0 });
  await writeFile(at('captioned', 'metadata.jsonl'), lines.map((l) => JSON.stringify(l)).join('\n'));
  await mkdir(at('alike'));
  for (let i = 0; i < 3; i++) {
    await writeFile(at('alike', `${i}.png`), plain('red', i));
    await writeFile(at('alike', `${i}.txt`), 'a red image');
  }
  await mkdir(at('bare'));
  await writeFile(at('bare', 'x.png'), plain('red', 0));
});

describe('images of one’s own', () => {
  test('a folder for each class: captions from templates, evaluated by naming unseen images', async () => {
    const run = at('run-classes');
    const fast = [
      '--set',
      'steps=80',
      '--set',
      'schedule.warmup=5',
      '--set',
      'evaluateEvery=40',
      '--set',
      'optimizer.lr=3e-3',
    ];
    const { code, out } = await trainClip(
      '--data',
      at('classes'),
      '--validation',
      '0.3',
      '--size',
      '16',
      ...fast,
      '--json',
      '-o',
      run,
    );
    expect(code).toBe(0);
    const result = JSON.parse(out);
    expect(result.metrics['eval/zero_shot_top1']).toBeGreaterThan(0.9);
    expect(result.best.metric).toBe('eval/zero_shot_top1');
    expect(result.data.train + result.data.validation).toBe(40);
    const {
      config,
      parts: { tokenizer },
    } = await loadModel(clipSystem, await modelFolder(run));
    expect(config.visual).toMatchObject({ size: 16, patch: 8 });
    expect(tokenizer.rows(['a photo of a dark green.'], 16)).toHaveLength(16);
    expect(JSON.parse(await readFile(join(run, 'last', 'recipe.json'), 'utf8')).data).toMatchObject({
      source: 'pictures',
      path: at('classes'),
      validation: 0.3,
    });
  }, 180_000);

  test('captions, a separate evaluation set, a broken image named; resumed from its own recipe', async () => {
    const run = at('run-captioned');
    const first = await trainClip(
      '--data',
      at('captioned'),
      '--validation',
      at('captioned'),
      '--size',
      '16',
      '--set',
      'steps=3',
      '-o',
      run,
    );
    expect(first.code).toBe(0);
    expect(first.err).toContain('5 images to train on, 5 to evaluate on, 2 left out');
    expect(first.err).toMatch(/left out: .*broken\.png: /);
    expect(first.out).toMatch(/eval\/text_to_image_R@1 {2}\d/);
    const more = await trainClip('-o', run, '--resume', '--set', 'steps=5');
    expect([more.code, more.err]).toEqual([0, expect.stringContaining('resumed after step 3')]);
    await writeFile(at('captioned', '0.png'), plain('blue', 7));
    const other = await trainClip('-o', run, '--resume', '--set', 'steps=7');
    await writeFile(at('captioned', '0.png'), plain('red', 100));
    expect([other.code, other.err]).toEqual([
      3,
      expect.stringContaining('the data is not what the run was started with'),
    ]);
  }, 180_000);

  test('from a checkpoint: LoRA adapters, frozen parts, another size, chunks', async () => {
    const base = at('base');
    const data = ['--data', at('captioned'), '--validation', '0'];
    await trainClip(...data, '--size', '16', '--set', 'steps=2', '--set', 'data.fit=stretch', '-o', base);
    const before = await loadModel(clipSystem, join(base, 'last'));
    const few = ['--set', 'steps=2', '--set', 'schedule.warmup=0'];
    const from = ['--from', join(base, 'last'), '--lora', '2'];
    const lora = await trainClip(...data, ...from, ...few, '-o', at('lora'));
    expect([lora.code, lora.err]).toEqual([0, expect.stringContaining('clip base: ')]);
    const { optimizer } = JSON.parse(await readFile(at('lora', 'last', 'recipe.json'), 'utf8'));
    expect(optimizer).toMatchObject({ lr: 5e-4, weightDecay: 0 });
    const adapted = await loadModel(clipSystem, at('lora', 'last'));
    expect(adapted.store.get('visual/patch/weight')).toEqual(before.store.get('visual/patch/weight'));
    expect(adapted.store.get('text/blocks/0/attn/q/weight')).not.toEqual(
      before.store.get('text/blocks/0/attn/q/weight'),
    );
    expect(adapted.parts.tokenizer.toJson()).toEqual(before.parts.tokenizer.toJson());
    expect([before, adapted].map((m) => m.parts.pixels.shape)).toMatchObject([{ fit: 'stretch' }, { fit: 'stretch' }]); // the preprocessing of the checkpoint is kept
    const frozen = ['--freeze', 'visual/**', '--freeze', 'visual_projection/*'];
    const wide = await trainClip(
      ...data,
      '--from',
      base,
      '--size',
      '24',
      ...frozen,
      '--set',
      'chunk=1',
      ...few,
      '-o',
      at('wide'),
    );
    expect(wide.code).toBe(0);
    const grown = await loadModel(clipSystem, at('wide', 'last'));
    expect(grown.store.get('visual/positions').shape[0]).toBe(10);
    expect(grown.store.get('visual/patch/weight')).toEqual(before.store.get('visual/patch/weight'));
    expect(grown.store.get('text/positions')).not.toEqual(before.store.get('text/positions'));
  }, 180_000);
});

describe('what does not fit is reported before the training', () => {
  const data = (name: string): string[] => ['--data', at(name), '--validation', '0', '-o', at('refused')];
  test.each([
    [() => data('bare'), 3, /no image has a caption or a class/],
    [() => data('alike'), 3, /all images have the same text/],
    [() => data('nowhere'), 3, /no such file/],
    [() => [...data('classes'), '--size', '20'], 3, /patches of 8 pixels do not tile images of 20/],
    [
      () => [...data('classes'), '--set', 'batchSize=99', '--size', '16'],
      3,
      /a batch of 99 needs more than the \d+ samples/,
    ],
    [
      () => [...data('classes'), '--set', 'data.distinct=label', '--set', 'batchSize=6', '--size', '16'],
      3,
      /than the 5 samples/,
    ],
    [
      () => [...data('captioned'), '--set', 'data.positives=colour', '--size', '16'],
      3,
      /no image has the field "colour"/,
    ],
    [() => [...data('captioned'), '--validation', '0.001', '--size', '16'], 3, /held out at a share of 0\.001/],
    // of seed 2 the broken image alone is held out
    [
      () => [...data('captioned'), '--validation', '0.1', '--set', 'data.seed=2', '--size', '16'],
      3,
      /can be read for validation[^\n]*\n.*skipped +1/,
    ],
    [() => [...data('classes'), '--validation', '1'], 3, /data\.validation/],
    [
      () => [...data('classes'), '--set', 'data.pth=x'],
      3,
      /unknown key "pth" \(did you mean "path"\?\) \(at data\.pth\)/,
    ],
    [() => [...data('classes'), '--set', 'data.source=web'], 3, /unknown source "web"/],
    [
      () => ['--set', 'data.distinct=label', '-o', at('refused')],
      3,
      /unknown key "distinct" here: it belongs to data\.source "pictures" \(at data\.distinct\)[^\n]*\n +hint +images .* --data <folder>/,
    ],
    [() => [...data('classes'), '--from', at('bare')], 3, /config\.json/],
    [() => [...data('classes'), '--from', at('bare'), '--variant', 'tiny'], 2, /exclude each other/],
    [() => [...data('classes'), '--lora', '4'], 2, /--lora adapts a checkpoint/],
    [() => ['--validation', '0.1', '-o', at('refused')], 2, /--validation needs --data/],
    [() => [...data('classes'), '--set', 'chunk=2', '--size', '16'], 3, /chunks of 2 do not fill a batch of 5/],
    [
      () => [...data('classes'), '--set', 'chunk=1', '--size', '32', '--variant', 'icons'],
      3,
      /chunks do not fit this model: "visual\/patch_norm\/running_mean"/,
    ],
    [
      () => [...data('classes').slice(0, 4), '--size', '16', '-o', at('bare', 'x.png')],
      3,
      /is a file where a folder is needed/,
    ],
    [() => [...data('nowhere').slice(0, 4), '-o', at('run-captioned')], 2, /a run is stored here already/],
  ])('%#', async (args, code, message) => {
    const ended = await trainClip(...args());
    expect([ended.code, ended.out]).toEqual([code, '']);
    expect(ended.err).toMatch(message);
  });
});
