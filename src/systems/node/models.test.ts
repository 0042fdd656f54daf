import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { DenseVectors } from '../../capabilities/index.ts';
import { type HubServer, startHub } from '../../hub/testing/hub-server.ts';
import { clipSystem } from '../clip/index.ts';
import { tinyClip, tinyConfig } from '../clip/testing/tiny-clip.ts';
import { modelFolder, openModel, saveModel } from './models.ts';

let folder: string;
let hub: HubServer | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-model-'));
  const model = await tinyClip();
  await saveModel(clipSystem, join(folder, 'huggingface'), model);
  await saveModel(clipSystem, join(folder, 'open-clip'), model, { layout: 'open-clip' });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub?.close();
  hub = undefined;
});
afterAll(() => rm(folder, { recursive: true }));

/** A hub whose `org/name` holds the files of a folder and some that nobody needs. */
async function serve(
  name: string,
  o: { without?: string; extra?: Record<string, string>; inside?: string } = {},
): Promise<void> {
  const files: Record<string, Buffer> = {
    'pytorch_model.bin': Buffer.alloc(70_001),
    'onnx/model.onnx': Buffer.alloc(9),
  };
  for (const f of await readdir(join(folder, name)))
    files[(o.inside ?? '') + f] = await readFile(join(folder, name, f));
  for (const [f, text] of Object.entries(o.extra ?? {})) files[f] = Buffer.from(text);
  if (o.without) delete files[o.without];
  hub = await startHub(files, [
    'pytorch_model.bin',
    'onnx/model.onnx',
    ...Object.keys(files).filter((f) => /safet/.test(f)),
  ]);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HUB_CACHE', await mkdtemp(join(folder, 'cache-')));
  vi.stubEnv('HF_TOKEN', 'hf_secret');
}

test('a folder is taken as it is; a path that does not exist is distinguished from a name', async () => {
  expect(await modelFolder(join(folder, 'huggingface'))).toBe(join(folder, 'huggingface'));
  for (const path of [
    join(folder, 'nothing'),
    './nothing',
    'a/b/c',
    '../no folder of this name',
    'nothing',
    'src/nothing',
  ])
    await expect(modelFolder(path)).rejects.toMatchObject({ code: 'data', place: path });
  await expect(modelFolder(join(folder, 'hugingface'))).rejects.toMatchObject({
    hint: `did you mean ${join(folder, 'huggingface')}?`,
  });
  const file = join(folder, 'huggingface', 'config.json');
  await expect(modelFolder(file)).rejects.toMatchObject({ code: 'data', place: file });
});

test.each(['huggingface', 'open-clip'])('a name of the hub: what a %s model needs, and nothing else', async (name) => {
  await serve(name, { extra: name === 'open-clip' ? { 'config.json': '{"architecture": "vit"}' } : {} });
  const system = await openModel('org/name');
  expect([system.id, ((await system.encodeText!(['a red cube'])) as DenseVectors).width]).toEqual([
    'clip',
    tinyConfig.embed,
  ]);
  await system.close();
  expect(hub!.seen.filter((q) => /bin|onnx/.test(q.path))).toEqual([]);
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await readdir(await modelFolder('org/name@main'))).toContain('tokenizer.json');
});

test('a repository of sentence-transformers: the folder that modules.json names, whole', async () => {
  const modules = [{ idx: 0, name: '0', path: '0_CLIPModel', type: 'sentence_transformers.models.CLIPModel' }];
  await serve('huggingface', { inside: '0_CLIPModel/', extra: { 'modules.json': JSON.stringify(modules) } });
  const path = await modelFolder('org/name');
  expect([path.endsWith('0_CLIPModel'), (await readdir(path)).sort()]).toEqual([
    true,
    (await readdir(join(folder, 'huggingface'))).sort(),
  ]);
  const system = await openModel('org/name');
  expect(system.id).toBe('clip');
  await system.close();
  expect(hub!.seen.filter((q) => /bin|onnx/.test(q.path))).toEqual([]);
});

test('errors say what was looked for', async () => {
  await serve('huggingface', { without: 'model.safetensors' });
  await expect(modelFolder('org/name')).rejects.toThrow(/no folder org\/name here.*no safetensors weights/);
  await expect(modelFolder('org/other')).rejects.toMatchObject({ code: 'download' });
  await expect(modelFolder('not a/name')).rejects.toMatchObject({ code: 'usage' });
  const strange = await mkdtemp(join(folder, 'strange-'));
  await writeFile(join(strange, 'config.json'), '{"model_type": "bert"}');
  await expect(openModel(strange)).rejects.toThrow(/"bert", which this program does not support/);
  await expect(openModel(strange)).rejects.toMatchObject({ hint: expect.stringContaining('--systems <module>') });
});
