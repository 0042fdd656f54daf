/** LoRA adapters in the layout of Hugging Face's PEFT: what `PeftModel.from_pretrained` puts onto the model that was adapted. */
import type { NdArray, Store } from '../engine/index.ts';
import { plainNames, type TensorNames } from '../hub/index.ts';
import { LORA_FACTORS } from '../nn/index.ts';
import type { Recipe } from './recipe-schema.ts';
import type { Adapter } from './storage.ts';

/**
 * The LoRA adapter of a model (its averages, where it has some) by the names of its published layout. Undefined where it is not all that was
 * trained (`train`), and where a layer has no published name of its own: then the adapter alone is not the model.
 */
export function adapterOf(
  view: Store,
  o: {
    readonly lora: NonNullable<Recipe['lora']>;
    readonly from: string | null;
    readonly tensors?: TensorNames;
  },
): Adapter | undefined {
  const { lora } = o;
  const names = plainNames(o.tensors ?? []);
  if (lora.train.length > 0) return undefined;
  const tensors = new Map<string, NdArray>();
  const layers = new Set<string>();
  for (const [path, array] of view.entries('param', 'buffer')) {
    const factor = LORA_FACTORS.find((f) => path.endsWith(`/${f}`));
    if (factor === undefined) continue;
    const weight = names?.get(`${path.slice(0, -factor.length)}weight`);
    if (!weight?.endsWith('.weight')) return undefined;
    const layer = weight.slice(0, -'.weight'.length);
    layers.add(layer);
    tensors.set(`base_model.model.${layer}.${factor.replaceAll('/', '.')}`, array);
  }
  return { tensors, config: configOf(lora, [...layers].sort(), o.from) };
}

/** `adapter_config.json` of PEFT's `LoraConfig`: what it leaves out is off. */
function configOf(
  lora: NonNullable<Recipe['lora']>,
  layers: readonly string[],
  from: string | null,
): Adapter['config'] {
  return {
    peft_type: 'LORA',
    task_type: null,
    base_model_name_or_path: from,
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.alpha ?? lora.rank,
    lora_dropout: lora.dropout,
    target_modules: layers,
    bias: 'none',
    fan_in_fan_out: false,
  };
}
