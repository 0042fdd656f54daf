import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { float16ToFloat32 } from '../../base/index.ts';
import type { TensorData } from '../index.ts';
import { referenceFile, referenceMetadata, referenceTensors } from '../testing/reference-file.ts';
import { openSafetensors, writeSafetensors } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-safetensors-'));
});
afterEach(() => rm(folder, { recursive: true }));

const ramp = (n: number): TensorData => ({
  dtype: 'float32',
  shape: [n],
  data: Float32Array.from({ length: n }, (_, i) => i / 3),
});

describe('one file', () => {
  test('written as the reference implementation does, values given or made late', async () => {
    const path = join(folder, 'model.safetensors');
    const lazy = [...referenceTensors].map(
      ([n, t]) => [n, { dtype: t.dtype, shape: t.shape, load: async () => t.data }] as const,
    );
    for (const tensors of [referenceTensors, new Map(lazy)]) {
      expect(await writeSafetensors(path, tensors, { metadata: referenceMetadata })).toEqual([path]);
      expect(new Uint8Array(await readFile(path))).toEqual(referenceFile());
    }
  });

  test('opened by its path and by its folder', async () => {
    await writeFile(join(folder, 'model.safetensors'), referenceFile());
    for (const path of [folder, join(folder, 'model.safetensors')]) {
      const st = await openSafetensors(path);
      expect(await st.read('j')).toEqual(referenceTensors.get('j'));
      await st.close();
      await expect(st.read('j')).rejects.toMatchObject({ code: 'usage' });
    }
  });

  test('float32 stored in half', async () => {
    const path = join(folder, 'half.safetensors');
    const n = (1 << 20) + 3; // more than one block of the conversion
    await writeSafetensors(
      path,
      new Map([
        ['w', ramp(n)],
        ['i', referenceTensors.get('i')!],
      ]),
      { floats: 'float16' },
    );
    const st = await openSafetensors(path);
    expect(st.info('w')).toEqual({ dtype: 'float16', shape: [n], bytes: 2 * n });
    expect(st.info('i').dtype).toBe('int64');
    const { data } = await st.read('w');
    expect(float16ToFloat32(data as Uint16Array).subarray(0, 4)).toEqual(
      Float32Array.of(0, 0.333251953125, 0.66650390625, 1),
    );
    expect((await st.readFloat32('w')).data[n - 1]).toBe(Number.POSITIVE_INFINITY);
    await st.close();
  });

  test('a load that fails leaves the old file and nothing else', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, referenceTensors, { metadata: referenceMetadata });
    const broken = new Map([
      ['w', { dtype: 'float32' as const, shape: [5], load: () => Promise.reject(new Error('gone')) }],
    ]);
    await expect(writeSafetensors(path, broken)).rejects.toThrow('gone');
    await expect(writeSafetensors(path, referenceTensors, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(await readdir(folder)).toEqual(['model.safetensors']);
    expect(new Uint8Array(await readFile(path))).toEqual(referenceFile());
  });

  test('missing, a folder without one, cut off while open', async () => {
    await expect(openSafetensors(join(folder, 'none.safetensors'))).rejects.toMatchObject({ code: 'data' });
    await expect(openSafetensors(folder)).rejects.toMatchObject({ code: 'checkpoint', place: folder });
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, new Map([['w', ramp(7)]]));
    const st = await openSafetensors(path);
    await truncate(path, 90);
    await expect(st.read('w')).rejects.toMatchObject({ code: 'checkpoint', place: `${path}:w` });
    await st.close();
  });
});

describe('shards', () => {
  const tensors = new Map(['a', 'b', 'c', 'd', 'e'].map((n, i) => [n, ramp(11 + i)]));
  const names = (n: number): string[] =>
    Array.from({ length: n }, (_, i) => `model-0000${i + 1}-of-0000${n}.safetensors`);

  test('above the size, with an index; read as one', async () => {
    await writeSafetensors(join(folder, 'model.safetensors'), tensors, { shardBytes: 110, metadata: { format: 'pt' } });
    expect((await readdir(folder)).sort()).toEqual([...names(3), 'model.safetensors.index.json']);
    const index = JSON.parse(await readFile(join(folder, 'model.safetensors.index.json'), 'utf8'));
    expect(index.metadata.total_size).toBe(4 * (11 + 12 + 13 + 14 + 15));
    expect(index.weight_map).toEqual({
      a: names(3)[0],
      b: names(3)[0],
      c: names(3)[1],
      d: names(3)[1],
      e: names(3)[2],
    });
    const st = await openSafetensors(folder);
    expect(st.names).toEqual(['a', 'b', 'c', 'd', 'e']);
    for (const [n, t] of tensors) expect(await st.read(n)).toEqual(t);
    await st.close();
  });

  test('a later write removes what is no longer part of it, and nothing else', async () => {
    const path = join(folder, 'model.safetensors');
    await writeFile(join(folder, 'model-of-mine.safetensors'), '');
    await writeSafetensors(path, tensors, { shardBytes: 110 });
    await writeSafetensors(path, tensors);
    expect((await readdir(folder)).sort()).toEqual(['model-of-mine.safetensors', 'model.safetensors']);
  });

  test('an index that contradicts its files', async () => {
    const path = join(folder, 'model.safetensors');
    const index = `${path}.index.json`;
    await writeSafetensors(path, tensors, { shardBytes: 110 });
    const map = JSON.parse(await readFile(index, 'utf8')).weight_map;
    const lies: [unknown, object][] = [
      ['{', { message: expect.stringContaining('not valid JSON') }],
      [null, { message: expect.stringContaining('no weight_map') }],
      [{ weight_map: { ...map, x: '../secret.safetensors' } }, { place: `${index}:x` }],
      [{ weight_map: { ...map, x: '/etc/passwd' } }, { place: `${index}:x` }],
      [{ weight_map: { ...map, x: 7 } }, { place: `${index}:x` }],
      [{ weight_map: { ...map, x: names(3)[0] } }, { message: expect.stringContaining('does not hold it') }],
    ];
    for (const [lie, error] of lies) {
      await writeFile(index, typeof lie === 'string' ? lie : JSON.stringify(lie));
      await expect(openSafetensors(folder)).rejects.toMatchObject({ code: 'checkpoint', ...error });
    }
    await writeFile(index, JSON.stringify({ weight_map: { ...map, x: 'model-9.safetensors' } }));
    await expect(openSafetensors(folder)).rejects.toMatchObject({
      code: 'data',
      place: join(folder, 'model-9.safetensors'),
    });
    await writeFile(index, JSON.stringify({ weight_map: map }));
    await appendFile(join(folder, names(3)[1]!), 'x');
    await expect(openSafetensors(folder)).rejects.toMatchObject({
      code: 'checkpoint',
      place: join(folder, names(3)[1]!),
    });
  });
});
