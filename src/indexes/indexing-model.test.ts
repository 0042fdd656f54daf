import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fitTfIdf } from '../systems/index.ts';
import { modelFingerprint, saveTfIdf } from '../systems/node/index.ts';
import { indexingModel } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-indexing-model-'));
afterAll(() => rm(folder, { recursive: true }));

test('a model is named by its folder, system and files; one that sees no images is refused when it is opened', async () => {
  await saveTfIdf(folder, fitTfIdf(['a red cube', 'a blue bowl']));
  const model = await indexingModel(relative(process.cwd(), folder));
  expect(model).toMatchObject({ name: folder, system: 'tf-idf', fingerprint: await modelFingerprint(folder) });
  await expect(model.open()).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/sees no images/) });
  await model.close();
  await expect(indexingModel(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'data' });
});
