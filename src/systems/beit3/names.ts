/** Names of BEiT-3's tensors in the released checkpoints. */
import type { TensorName } from '../../hub/index.ts';
import type { Beit3Config } from './config.ts';

const leaves = ['weight', 'bias'] as const;
const normLeaves = [...leaves, 'running_mean', 'running_var'] as const;

const both = (path: string, key: string): TensorName[] => leaves.map((leaf) => [`${path}/${leaf}`, `${key}.${leaf}`]);

/** A layer's copies under both namings: none where the modalities share it. */
function copies(path: string, key: string, ways: readonly string[]): TensorName[] {
  return ways.length === 0 ? both(path, key) : ways.flatMap((way) => both(`${path}/${way}`, `${key}.${way}`));
}

function blockNames(c: Beit3Config, i: number): TensorName[] {
  const [path, key] = [`encoder/blocks/${i}`, `beit3.encoder.layers.${i}`];
  const shared = c.sharedAttention ? [] : ['A', 'B'];
  const experts = ['A', 'B', ...(i >= c.depth - (c.fusionLayers ?? 0) ? ['VL'] : [])];
  return [
    ...(['q', 'k', 'v', 'out'] as const).flatMap((x) =>
      copies(`${path}/attn/${x}`, `${key}.self_attn.${x}_proj`, shared),
    ),
    ...copies(`${path}/attn/norm`, `${key}.self_attn.inner_attn_ln`, shared),
    ...copies(`${path}/ln1`, `${key}.self_attn_layer_norm`, shared),
    ...copies(`${path}/ln2`, `${key}.final_layer_norm`, experts),
    ...experts.flatMap((way) => [
      ...both(`${path}/mlp/${way}/fc1`, `${key}.ffn.${way}.fc1`),
      ...both(`${path}/mlp/${way}/fc2`, `${key}.ffn.${way}.fc2`),
      ...both(`${path}/mlp/${way}/norm`, `${key}.ffn.${way}.ffn_layernorm`),
    ]),
  ];
}

/** The stem's, which are ours: its paths with dots. */
function stemNames({ stages, depth }: NonNullable<Beit3Config['stem']>): TensorName[] {
  const patch = ['patch/weight', ...normLeaves.map((leaf) => `patch_norm/${leaf}`)];
  const block = [1, 2].flatMap((i) => [`conv${i}/weight`, ...normLeaves.map((leaf) => `norm${i}/${leaf}`)]);
  const paths = stages.flatMap((_, i) => [
    ...patch.map((path) => (i === 0 ? path : `stages/${i}/${path}`)),
    ...Array.from({ length: depth }, (_, j) => block.map((path) => `stages/${i}/blocks/${j}/${path}`)).flat(),
  ]);
  return paths.map((path) => [`encoder/stem/${path}`, `beit3.vision_embed.stem.${path.replaceAll('/', '.')}`]);
}

/** Heads of different tasks have different keys, so that one file may hold several. */
function headNames({ tasks }: Beit3Config): TensorName[] {
  const when = (has: unknown, names: () => TensorName[]): TensorName[] => (has ? names() : []);
  return [
    ...when(tasks.retrieval, () => [
      ['logit_scale', 'logit_scale'],
      ['vision_head/weight', 'vision_head.weight'],
      ['language_head/weight', 'language_head.weight'],
    ]),
    ...when(tasks.tokens, () => both('mlm_head', 'mlm_head')),
    ...when(tasks.codes, () => [
      ...both('mim_head', 'mim_head'), // ours, as the codes: no released code has them
      ['visual_tokens/codes', 'visual_tokens.codes'],
    ]),
    ...when(tasks.answers, () => [
      ...both('pooler/norm', 'pooler.norm'),
      ...both('pooler/dense', 'pooler.dense'),
      ...both('answer_head/fc1', 'head.0'),
      ...both('answer_head/norm', 'head.1'),
      ...both('answer_head/fc2', 'head.3'),
    ]),
    ...when(tasks.pairs, () =>
      ['norm1', 'dense1', 'norm2', 'dense2'].flatMap((x) => both(`pair_head/${x}`, `head.${x}`)),
    ),
    ...when(tasks.classes, () => [...both('fc_norm', 'fc_norm'), ...both('class_head', 'head')]),
  ];
}

/** The names of the released state dicts. */
export function releasedNames(c: Beit3Config): TensorName[] {
  const token = (path: string, key: string): TensorName => ({ path, key, reshape: [[-1], [1, 1, -1]] });
  return [
    ['encoder/tokens/weight', 'beit3.text_embed.weight'],
    ...(c.stem ? stemNames(c.stem) : both('encoder/patch', 'beit3.vision_embed.proj')),
    token('encoder/class_token', 'beit3.vision_embed.cls_token'),
    token('encoder/mask_token', 'beit3.vision_embed.mask_token'),
    ['encoder/positions/A', 'beit3.encoder.embed_positions.A.weight'],
    ['encoder/positions/B', 'beit3.encoder.embed_positions.B.weight'],
    ...Array.from({ length: c.depth }, (_, i) => blockNames(c, i)).flat(),
    ...(c.finalNorm ? copies('encoder/norm', 'beit3.encoder.layer_norm', c.sharedAttention ? [] : ['A', 'B']) : []),
    ...headNames(c),
  ];
}
