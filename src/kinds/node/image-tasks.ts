/** Images with captions and questions from disk, or drawn: the loader of the kind. */
import type { z } from 'zod';
import { BowError } from '../../base/index.ts';
import type { LoadedImages } from '../../data/index.ts';
import { readQuestions } from '../../data/node/index.ts';
import type { Json } from '../../train/index.ts';
import { type ImageNeeds, imageSetData } from '../captioned-images/data.ts';
import { allCaptioned, type ImageTasks, tabletopTasks, withQuestions } from '../image-tasks/data.ts';
import { imageTasksData } from '../image-tasks/recipe.ts';
import type { LoadOptions } from '../kind.ts';
import { bothSides, geometryOf, tabletopSides } from './captioned-images.ts';

type ImageSetTasks = Extract<z.infer<typeof imageTasksData>, { source: 'pictures' }>;

/** Errors: `data` for a set with neither captions nor questions, and for questions about none of the images; those of `openImages`, `loadImages` and `readQuestions`. */
export async function loadImageTasks(json: Json, needs: ImageNeeds, o: LoadOptions): Promise<ImageTasks> {
  const data = imageTasksData.parse(json);
  if (data.source === 'pictures') return await imageSetTasks(data, needs, o);
  const { train, validation } = await tabletopSides(data, needs, o);
  return tabletopTasks(train, validation, data);
}

async function imageSetTasks(data: ImageSetTasks, needs: ImageNeeds, o: LoadOptions): Promise<ImageTasks> {
  const geometry = geometryOf(data, needs);
  const sides: { train: LoadedImages; validation: LoadedImages | undefined } = await bothSides(data, geometry, o);
  const asked =
    data.questions === null ? [] : await readQuestions(data.questions, { annotations: data.annotations ?? undefined });
  const apart =
    data.validationQuestions === null
      ? asked
      : await readQuestions(data.validationQuestions, { annotations: data.validationAnnotations ?? undefined });
  const captions = asked.length > 0 ? 'optional' : 'needed';
  const { ids, ...images } = imageSetData({ ...sides, geometry }, data, { captions });
  const found = withQuestions(images, ids, { train: asked, validation: apart }, data);
  if (asked.length > 0 && found.train.questions.length === 0)
    throw new BowError('data', 'none of the questions is about one of the images', {
      place: data.questions!,
      detail: { asked: asked[0]!.images.join(', '), images: ids.train.slice(0, 3).join(', ') },
      hint: 'names are compared without folders and endings',
    });
  if (asked.length === 0 && !allCaptioned(found.train))
    throw new BowError('data', 'images without captions and without questions', { place: data.path });
  return found;
}
