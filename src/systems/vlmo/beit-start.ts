/** A BEiT as what a VLMo's image parts start from (§2.3: "we use the pre-trained BEiT"). */
import { type NdArray, Store } from '../../engine/index.ts';
import { checkKeys, pathsOf, readTensors, type Safetensors, type TensorName } from '../../hub/index.ts';
import { spreadBiases } from './beit.ts';
import type { VlmoConfig } from './config.ts';
import { beitNames, besideWeights } from './names.ts';

/** What a fine-tuned BEiT has for classes of images, which VLMo leaves behind (`convert_to_textpt_ckpt`). */
const besideImages = new RegExp(`${besideWeights.source}|^(head|fc_norm|lm_head)\\.`);

/**
 * The tensors of a BEiT under our paths, from a file with the names of its code: a pre-trained one, whose single table of relative positions becomes the
 * columns of every layer, or a fine-tuned one with a table a layer. The head stays behind, as the text's rows are not there. Errors: `checkpoint` for a file that is no BEiT, or of another depth.
 */
export async function readBeit(file: Safetensors, c: VlmoConfig): Promise<Store> {
  const form = file.has('blocks.0.attn.relative_position_bias_table') ? 'fine-tuned' : 'pre-trained';
  const norm: TensorName[] = ['weight', 'bias'].map((leaf) => [`norm/${leaf}`, `norm.${leaf}`]);
  const names = [
    ...beitNames(c, form).filter((name) => !pathsOf(name).some((path) => /^(mim\/head|norm)\//.test(path))),
    ...(file.has('norm.weight') ? norm : []), // one that pools by the mean has none
  ];
  checkKeys(file, names, { ignore: besideImages, hint: 'a BEiT under the names of its code, as large as the variant' });
  const store = new Store();
  for (const [path, array] of await readTensors(file, names, { partial: true })) store.set(path, array as NdArray);
  spreadBiases(store, c);
  return store;
}
