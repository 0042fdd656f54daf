/** Names of CLIP's tensors in published checkpoints: Hugging Face's `CLIPModel`, and OpenAI's and open_clip's. */
import type { TensorName } from '../../hub/index.ts';
import type { ClipConfig } from './clip.ts';

const leaves = ['weight', 'bias'] as const;
const towers = ['visual', 'text'] as const;
type Tower = (typeof towers)[number];

const both = (path: string, key: string): TensorName[] => leaves.map((leaf) => [`${path}/${leaf}`, `${key}.${leaf}`]);

function eachBlock(c: ClipConfig, names: (tower: Tower, i: number) => TensorName[]): TensorName[] {
  return towers.flatMap((tower) => Array.from({ length: c[tower].depth }, (_, i) => names(tower, i)).flat());
}

/** The names of Hugging Face's `CLIPModel`; every tensor is as ours. */
export function huggingFaceNames(c: ClipConfig): TensorName[] {
  return [
    ['logit_scale', 'logit_scale'],
    ['text/tokens/weight', 'text_model.embeddings.token_embedding.weight'],
    ['text/positions', 'text_model.embeddings.position_embedding.weight'],
    ['visual/patch/weight', 'vision_model.embeddings.patch_embedding.weight'],
    ['visual/class_token', 'vision_model.embeddings.class_embedding'],
    ['visual/positions', 'vision_model.embeddings.position_embedding.weight'],
    ['text_projection/weight', 'text_projection.weight'],
    ['visual_projection/weight', 'visual_projection.weight'],
    ...both('text/norm', 'text_model.final_layer_norm'),
    ...both('visual/norm_pre', 'vision_model.pre_layrnorm'), // their spelling
    ...both('visual/norm', 'vision_model.post_layernorm'),
    ...eachBlock(c, (tower, i) => {
      const [path, key] = [
        `${tower}/blocks/${i}`,
        `${tower === 'visual' ? 'vision' : 'text'}_model.encoder.layers.${i}`,
      ];
      return [
        ...both(`${path}/ln1`, `${key}.layer_norm1`),
        ...both(`${path}/ln2`, `${key}.layer_norm2`),
        ...both(`${path}/attn/out`, `${key}.self_attn.out_proj`),
        ...(['q', 'k', 'v'] as const).flatMap((x) => both(`${path}/attn/${x}`, `${key}.self_attn.${x}_proj`)),
        ...both(`${path}/mlp/fc1`, `${key}.mlp.fc1`),
        ...both(`${path}/mlp/fc2`, `${key}.mlp.fc2`),
      ];
    }),
  ];
}

/** The names of OpenAI's code and of open_clip: q, k and v in one tensor, in this order; projections [width, embed]. */
export function openClipNames(c: ClipConfig): TensorName[] {
  return [
    ['logit_scale', 'logit_scale'],
    ['text/tokens/weight', 'token_embedding.weight'],
    ['text/positions', 'positional_embedding'],
    ['visual/patch/weight', 'visual.conv1.weight'],
    ['visual/class_token', 'visual.class_embedding'],
    ['visual/positions', 'visual.positional_embedding'],
    { path: 'text_projection/weight', key: 'text_projection', transpose: true },
    { path: 'visual_projection/weight', key: 'visual.proj', transpose: true },
    ...both('text/norm', 'ln_final'),
    ...both('visual/norm_pre', 'visual.ln_pre'),
    ...both('visual/norm', 'visual.ln_post'),
    ...eachBlock(c, (tower, i) => {
      const path = `${tower}/blocks/${i}`;
      const key = `${tower === 'visual' ? 'visual.' : ''}transformer.resblocks.${i}`;
      return [
        ...both(`${path}/ln1`, `${key}.ln_1`),
        ...both(`${path}/ln2`, `${key}.ln_2`),
        ...both(`${path}/attn/out`, `${key}.attn.out_proj`),
        ...both(`${path}/mlp/fc1`, `${key}.mlp.c_fc`),
        ...both(`${path}/mlp/fc2`, `${key}.mlp.c_proj`),
        ...(c[tower].layerScale === undefined
          ? []
          : ([1, 2] as const).map((i): TensorName => [`${path}/ls${i}`, `${key}.ls_${i}.gamma`])),
        ...leaves.map((leaf) => ({
          paths: ['q', 'k', 'v'].map((x) => `${path}/attn/${x}/${leaf}`),
          key: `${key}.attn.in_proj_${leaf}`,
        })),
      ];
    }),
  ];
}

/** What published files hold beside the weights: indices of positions (old Hugging Face files), sizes (OpenAI's archives). */
export const besideWeights: RegExp = /(^|\.)(position_ids|input_resolution|context_length|vocab_size)$/;
