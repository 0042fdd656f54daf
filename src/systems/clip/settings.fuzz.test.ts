/** One key of a published folder changed: what transformers makes of it (testing/settings/make.py), or an error that names the key. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { isBowError, Rng } from '../../base/index.ts';
import type { DenseVectors } from '../../capabilities/index.ts';
import { memoryFiles } from '../../hub/index.ts';
import { imageBatch } from '../../image/index.ts';
import { clipSystem } from './index.ts';
import { type ClipModel, openClip } from './open.ts';

type Numbers = { ids: number[][]; pixels: number[]; texts: number[]; image: number[] };
type Change = 'remove' | ['value', unknown];
type Case = [file: string, path: (string | number)[], change: Change, result: 'same' | 'error' | Partial<Numbers>];

const folder = resolve('src/systems/clip/testing/settings');
const { texts, plain, cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as {
  texts: string[];
  plain: Numbers;
  cases: Case[];
};
const files = Object.fromEntries(
  readdirSync(join(folder, 'model')).map((name) => [name, readFileSync(join(folder, 'model', name))]),
);
const weights = new Uint8Array(files['model.safetensors']!);
const settings = Object.fromEntries(
  Object.entries(files).flatMap(([name, bytes]) =>
    name.endsWith('.json') ? [[name, JSON.parse(bytes.toString()) as unknown]] : [],
  ),
);
const picture = {
  width: 20,
  height: 14,
  data: Uint8Array.from({ length: 840 }, (_, i) => (i * i * 7 + 13 * i) % 256),
};

/** How often, as a multiple: `BOW2BOT_FUZZ=100 npx vitest run fuzz`. */
const times = Number(process.env['BOW2BOT_FUZZ'] ?? 1);

type Tree = Record<string | number, unknown>;

function changed([file, path, change]: Case | [string, (string | number)[], Change]): Record<string, unknown> {
  const all = structuredClone(settings);
  const last = path.at(-1);
  if (last === undefined) return { ...all, [file]: (change as [string, unknown])[1] };
  const parent = path.slice(0, -1).reduce<Tree>((j, key) => j[key] as Tree, all[file] as Tree);
  if (change !== 'remove') parent[last] = change[1];
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return all;
}

async function load(all: Record<string, unknown>): Promise<ClipModel> {
  const texts = Object.fromEntries(Object.entries(all).map(([name, j]) => [name, JSON.stringify(j)]));
  return await clipSystem.load(memoryFiles({ 'model.safetensors': weights, ...texts }, 'model'));
}

const close = (found: ArrayLike<number>, wanted: readonly number[]): void =>
  wanted.forEach((w, i) => expect(Math.abs(found[i]! - w)).toBeLessThan(2e-3 * Math.max(1, Math.abs(w))));

/** The numbers of a model before its weights count. */
function prepared({ config, parts }: ClipModel): Pick<Numbers, 'ids' | 'pixels'> {
  const longest = parts.longest ?? config.text.context;
  const rows = parts.tokenizer.rows(texts, longest, { pad: parts.pad });
  const ids = texts.map((_, i) => [...rows.subarray(i * longest, (i + 1) * longest)]);
  const { data } = imageBatch([picture], parts.pixels);
  return { ids, pixels: [data.length, data.reduce((s, v) => s + v, 0), data.reduce((s, v) => s + v * v, 0)] };
}

async function compareVectors(model: ClipModel, wanted: Numbers): Promise<void> {
  const system = openClip(model, { threads: 1 });
  const t = (await system.encodeText(texts)) as DenseVectors;
  close(
    texts.flatMap((_, i) => [...(t.data as Float32Array).subarray(i * t.width, i * t.width + 2)]),
    wanted.texts,
  );
  const v = (await system.encodeImages([picture])) as DenseVectors;
  close(v.data as Float32Array, wanted.image);
  await system.close();
}

/** The key, for a place in a list that of the list, and texts that were put there. */
function namesOf([file, path, change]: Case): string[] {
  const keys = path.filter((p) => typeof p === 'string').map((key) => key.replace(/_dict$/, ''));
  const put = change === 'remove' ? '' : JSON.stringify(change[1]);
  return [...(keys.length === 0 ? [file] : keys.slice(-2)), ...(put.match(/(?<=")[^"]{2,}(?=")/g) ?? [])];
}

async function check(c: Case, base: ClipModel): Promise<'equal' | 'refused'> {
  const result = c[3];
  let model: ClipModel;
  try {
    model = await load(changed(c));
  } catch (e) {
    if (!isBowError(e)) throw e;
    const said = `${e.message} ${e.hint} ${JSON.stringify(e.detail)}`;
    if (!namesOf(c).some((name) => said.includes(name))) throw e;
    return 'refused';
  }
  const wanted = { ...plain, ...(typeof result === 'object' ? result : {}) };
  const found = prepared(model);
  expect(found.ids).toEqual(wanted.ids);
  close(found.pixels, wanted.pixels);
  const isNew = JSON.stringify(model.config) !== JSON.stringify(base.config);
  if (result === 'error')
    expect(isNew).toBe(false); // the reference minds the type of a value that changes nothing
  else if (isNew || typeof result === 'object') await compareVectors(model, wanted);
  return 'equal';
}

test('the folder unchanged gives transformers’ ids, pixels and vectors', async () => {
  const model = await load(settings);
  expect(prepared(model).ids).toEqual(plain.ids);
  close(prepared(model).pixels, plain.pixels);
  await compareVectors(model, plain);
});

const seed = 'settings';

test('a changed key gives transformers’ result, or an error that names it', async () => {
  const base = await load(settings);
  const count = Math.min(cases.length, 50 * times);
  const rng = new Rng(seed);
  const some = count === cases.length ? cases : Array.from({ length: count }, () => cases[rng.int(cases.length)]!);
  const counts = { equal: 0, refused: 0 };
  const failed: string[] = [];
  for (const c of some)
    try {
      counts[await check(c, base)]++;
    } catch (e) {
      failed.push(`${JSON.stringify(c)}: ${(e as Error).message.slice(0, 300)}`);
    }
  expect(failed).toEqual([]);
  expect(counts.equal).toBeGreaterThan(0);
  expect(counts.refused).toBeGreaterThan(0);
}, 600_000);

/** Values that no key expects. */
const odd: readonly unknown[] = [
  ...[null, true, 0, -1, 0.5, 1e9, 2 ** 32, 2 ** 53, 1e300, '', 'x', '12', '__proto__', [], [1, 2], {}, { a: 1 }, [[]]],
  ...[[null], '\u0000', '\ud800', 'a'.repeat(5000), { content: 'red' }, [{ id: 1 }]],
];

test('whatever a key says, the folder opens or is refused by a typed error, soon', async () => {
  const rng = new Rng(seed);
  const raw: string[] = [];
  for (let i = 0; i < 60 * times; i++) {
    const all = structuredClone(settings);
    const edits = 1 + rng.int(2);
    const said: unknown[] = [];
    for (let k = 0; k < edits; k++) {
      const file = Object.keys(all)[rng.int(Object.keys(all).length)]!;
      let parent = all as Tree;
      let key: string | number = file;
      while (typeof parent[key] === 'object' && parent[key] !== null && rng.uniform(0, 1) > 0.15) {
        const inside = parent[key] as Tree;
        const keys = Object.keys(inside);
        if (keys.length === 0) break;
        parent = inside;
        key = keys[rng.int(keys.length)]!;
      }
      const value = odd[rng.int(odd.length)];
      const kind = rng.int(4);
      if (kind === 0) delete parent[key];
      else if (kind === 1) parent[`${key}s`] = parent[key];
      else parent[key] = value;
      said.push([file, key, kind, value]);
    }
    const started = performance.now();
    try {
      prepared(await load(all));
    } catch (e) {
      if (!isBowError(e)) raw.push(`${JSON.stringify(said)}: ${(e as Error).stack?.slice(0, 400)}`);
    }
    if (performance.now() - started > 10_000) raw.push(`${JSON.stringify(said)}: ${performance.now() - started} ms`);
  }
  expect(raw).toEqual([]);
}, 600_000);
