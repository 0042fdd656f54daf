/** The part of the main job that trains: every system by its recipe, resumed where it was interrupted. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BowError } from '../../base/index.ts';
import { readText, writeFileAtomic } from '../../base/node/index.ts';
import type { ImageTextPairs } from '../../data/index.ts';
import { captionedImages, captionedImagesData, dataInMemory, tabletopData } from '../../kinds/index.ts';
import { loadSystem, type SystemTraining } from '../../systems/index.ts';
import { copyModel, trainSystem } from '../../systems/node/index.ts';
import { parseRecipe, type Recipe, type RecipeInput } from '../../train/index.ts';
import { readJsonl } from '../../train/node/index.ts';
import { type JobOptions, type JobPlan, seed } from './plan.ts';

/** Loss by step. */
export type Curve = readonly (readonly [step: number, loss: number])[];

/** Both sides of the images, which are rendered once for all systems. */
export type JobImages = { readonly train: ImageTextPairs; readonly validation: ImageTextPairs };

async function trainingOf(id: string): Promise<SystemTraining> {
  const { training } = await loadSystem(id);
  if (training?.data.id === captionedImages.id) return training;
  throw new BowError('usage', `"${id}" does not learn from captioned images`, { place: id });
}

/** The recipe of a system, all keys filled in: a run with another one starts anew. */
export async function jobRecipe(id: string, plan: JobPlan): Promise<Recipe> {
  const { presets, data } = await trainingOf(id);
  return parseRecipe({ ...settings(plan), system: id }, { data: data.schema, presets, preset });
}

/** Of the trained systems: for scenes of the tabletop, on eyes that are trained already. */
const preset = 'scenes';

function settings({ pictures, gallery, steps, batchSize }: JobPlan): RecipeInput {
  const evaluateEvery = Math.max(1, Math.ceil(steps / 5));
  return {
    steps,
    batchSize,
    evaluateEvery,
    checkpointEvery: evaluateEvery,
    seed,
    data: { pictures, validation: gallery, seed },
    log: { every: Math.max(1, Math.ceil(steps / 100)), tensorboard: false },
    schedule: { name: 'cosine', warmup: Math.min(50, steps) },
  };
}

/** Trains a system, resuming an interrupted run of the same plan (`key`), and keeps the model in `<folder>/<id>`. */
export async function trainJobSystem(id: string, o: JobOptions, images: JobImages, key: string): Promise<Curve> {
  const run = join(o.folder, `${id}-run`);
  const mark = join(o.folder, `${id}-run.json`);
  if (o.fresh || !existsSync(mark) || (await readText(mark)) !== key) {
    await rm(run, { recursive: true, force: true });
    await writeFileAtomic(mark, key);
  }
  const recipe = await jobRecipe(id, o.plan);
  const data = tabletopData(images.train, images.validation, captionedImagesData.parse(recipe.data));
  await trainSystem(
    id,
    { ...settings(o.plan), preset },
    {
      folder: run,
      resume: true,
      load: dataInMemory(captionedImages, data),
      signal: o.signal,
      onProgress: o.onProgress,
      onEvent: (e) => {
        if (e.type === 'evaluation-end') {
          const at = Number(e.metrics['eval/text_to_image_R@1']?.toFixed(3));
          o.say(`step ${e.step}: the right one of ${o.plan.gallery} images ranks first for ${at} of the captions`);
        }
      },
    },
  );
  await copyModel(join(run, 'last'), join(o.folder, id));
  return await lossCurve(join(run, 'log.jsonl'));
}

/** The loss from a run's log, which also knows the steps before an interruption. */
async function lossCurve(path: string): Promise<Curve> {
  const points: [number, number][] = [];
  for await (const record of readJsonl(path)) {
    const loss = record['train/loss'];
    if (typeof loss === 'number') points.push([record.step, loss]);
  }
  return points;
}
