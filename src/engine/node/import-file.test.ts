import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compile, ndarray } from '../index.ts';
import { importOnnxFile } from './index.ts';

let folder: string;
beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), 'bow2bot-import-'));
  folder = join(root, 'model');
  await mkdir(folder);
  await writeFile(join(root, 'secret.bin'), new Uint8Array(64));
  await writeFile(join(folder, 'weights.bin'), new Uint8Array(Float32Array.of(9, 9, 2, 3, 4).buffer));
  await symlink(join(root, 'secret.bin'), join(folder, 'link.bin'));
});
afterAll(() => rm(join(folder, '..'), { recursive: true }));

/** y = x + w, with w [3] in another file. */
async function model(entries: Record<string, string>): Promise<string> {
  const type = { value: { case: 'tensorType', value: { elemType: 1 } } } as const;
  const bytes = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: '', version: 21n }],
      graph: {
        node: [{ opType: 'Add', input: ['x', 'w'], output: ['y'] }],
        initializer: [
          {
            name: 'w',
            dims: [3n],
            dataType: 1,
            dataLocation: 1,
            externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
          },
        ],
        input: [{ name: 'x', type }],
        output: [{ name: 'y', type }],
      },
    }),
  );
  const path = join(folder, 'model.onnx');
  await writeFile(path, bytes);
  return path;
}

async function run(path: string): Promise<number[]> {
  const part = await importOnnxFile(path);
  const fn = compile((s, inputs) => part(s, inputs), { threads: 1 });
  try {
    const { y } = await fn.run({ x: ndarray('float32', [3], [1, 1, 1]) });
    return [...(y!.data as Float32Array)];
  } finally {
    await fn.close();
  }
}

test('values in a file beside the model', async () => {
  expect(await run(await model({ location: 'weights.bin', offset: '8', length: '12' }))).toEqual([3, 4, 5]);
  expect(await run(await model({ location: 'weights.bin', offset: '8' }))).toEqual([3, 4, 5]);
});

test.each([
  [{ location: '../secret.bin' }, /lies outside the model's folder/],
  [{ location: '/etc/passwd' }, /lies outside/],
  [{ location: 'sub/../../secret.bin' }, /lies outside/],
  [{ location: 'link.bin' }, /leads outside/],
  [{ location: '.' }, /lies outside/],
  [{ location: 'absent.bin' }, /cannot be read/],
  [{ location: 'weights.bin', offset: '12' }, /bytes 12 to 24 of "weights.bin", which has 20/],
  [{ location: 'weights.bin', offset: '-4' }, /is no count of bytes/],
  [{ location: 'weights.bin', offset: '9'.repeat(30) }, /is no count of bytes/],
  [{ location: 'weights.bin', length: '99999999999' }, /do not hold \[3\]/],
  [{ offset: '0' }, /not named/],
])('refuses %j', async (entries, message) => {
  await expect(model(entries as Record<string, string>).then(run)).rejects.toThrow(message);
  await expect(model(entries as Record<string, string>).then(run)).rejects.toMatchObject({ code: 'checkpoint' });
});

test('a missing model is a data error', async () => {
  await expect(importOnnxFile(join(folder, 'none.onnx'))).rejects.toMatchObject({ code: 'data' });
});
