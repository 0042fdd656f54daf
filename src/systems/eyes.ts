/** A convolutional tower that was trained once, as where another model's tower or stem starts (docs/decisions/0110). */
import { BowError } from '../base/index.ts';
import type { NdArray, ParamSpec, Store } from '../engine/index.ts';
import type { ModelFiles } from '../hub/index.ts';

/** How a recipe names the tower that the package holds (`models/eyes`). */
export const PACKAGED_EYES = 'eyes';

/** Where a tower's tensors lie in its own file: those of a CLIP with a residual tower. */
const TOWER = 'visual/';

/**
 * Puts the tower's tensors in the place of a model's initial values: `visual/<name>` of the file becomes `<stem>/<name>`, as far as the model has it (a stem of
 * fewer stages takes the first ones). Batch norms come with their statistics. Errors: `data` for a file without such a tower, `config` for a stem of another shape.
 */
export async function putEyes(
  store: Store,
  files: ModelFiles,
  stem: string,
  specs: ReadonlyMap<string, ParamSpec>,
): Promise<void> {
  await using file = await files.tensors();
  let taken = 0;
  for (const [path, { shape, kind }] of specs) {
    if (!path.startsWith(`${stem}/`)) continue;
    const name = TOWER + path.slice(stem.length + 1);
    if (!file.has(name)) continue;
    const found = await file.readFloat32(name);
    if (found.shape.join() !== shape.join())
      throw new BowError('config', `the stem "${path}" has another shape than the tower's "${name}"`, {
        place: files.place,
        detail: { stem: shape, tower: found.shape },
        hint: 'eyes null starts from initial values',
      });
    store.set(path, found as NdArray, kind);
    taken++;
  }
  if (taken > 0) return;
  throw new BowError('data', `no tower: none of its tensors is called ${TOWER}… as in "${stem}"`, {
    place: files.place,
  });
}
