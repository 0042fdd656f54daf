/** Names of ViLT's tensors in published checkpoints: Hugging Face's classes, and the paper's own code. */
import type { TensorName } from '../../hub/index.ts';
import type { ViltConfig } from './config.ts';
import { modalities } from './vilt.ts';

const leaves = ['weight', 'bias'] as const;
const both = (path: string, key: string): TensorName[] => leaves.map((leaf) => [`${path}/${leaf}`, `${key}.${leaf}`]);
const eachBlock = (c: ViltConfig, names: (i: number) => TensorName[]): TensorName[] =>
  Array.from({ length: c.depth }, (_, i) => names(i)).flat();
/** Leaves of q, k and v. */
const projected = (c: ViltConfig): readonly ('weight' | 'bias')[] => (c.qkvBias ? leaves : ['weight']);

/** BERT's embeddings, which both have under their own prefix. */
const textNames = (prefix: string, { tasks }: ViltConfig): TensorName[] => [
  {
    path: 'text/tokens/weight',
    key: `${prefix}word_embeddings.weight`,
    tied: tasks.mlm === 'tied' ? ['mlm_score.decoder.weight'] : [],
  },
  ['text/positions', `${prefix}position_embeddings.weight`],
  ['text/types', `${prefix}token_type_embeddings.weight`],
  ...both('text/norm', `${prefix}LayerNorm`),
];

/** What both keep in other shapes than ours: class token [1 1 d], positions [1 n d], modalities in one table. */
function tableNames(c: ViltConfig, keys: { class: string; positions: string; modalities: string }): TensorName[] {
  return [
    { path: 'image/class_token', key: keys.class, reshape: [[-1], [1, 1, -1]] },
    { path: 'image/positions', key: keys.positions, reshape: [[-1, c.width], [1, -1, c.width]] }, // biome-ignore format: one line
    { paths: modalities.slice(0, c.modalities).map((name) => `modality/${name}`), key: keys.modalities },
  ];
}

/** The layers of a classifier, under its name in the file: `nn.Sequential` of map, norm, GELU, map. */
const classifier = (path: string, key: string): TensorName[] => [
  ...both(`${path}/fc1`, `${key}.0`),
  ...both(`${path}/norm`, `${key}.1`),
  ...both(`${path}/fc2`, `${key}.3`),
];

/** The head for masked words, alike in both. transformers 4 calls its bias `bias` (and `decoder.bias`), transformers 5 `decoder.bias` alone. */
function mlmNames({ tasks }: ViltConfig, bias: readonly [string, ...string[]]): TensorName[] {
  if (!tasks.mlm) return [];
  const [key, ...tied] = bias;
  return [
    ...both('mlm/dense', 'mlm_score.transform.dense'),
    ...both('mlm/norm', 'mlm_score.transform.LayerNorm'),
    ...(tasks.mlm === 'own' ? ([['mlm/decoder/weight', 'mlm_score.decoder.weight']] as const) : []),
    tied.length > 0 ? { path: 'mlm/bias', key, tied, writeTied: true } : ['mlm/bias', key],
  ];
}

/**
 * The names of Hugging Face's classes. Each of these has one head; a model of ours may have several: what none of them has is called as in the paper's
 * code, and a classifier for statements beside one for answers, too. `ViltModel`, which has none, is not inside another model.
 */
export function huggingFaceNames(c: ViltConfig): TensorName[] {
  const { tasks } = c;
  const inner = Object.keys(tasks).length === 0 ? '' : 'vilt.';
  const at = `${inner}embeddings.`;
  return [
    ...textNames(`${at}text_embeddings.`, c),
    ...tableNames(c, {
      class: `${at}cls_token`,
      positions: `${at}position_embeddings`,
      modalities: `${at}token_type_embeddings.weight`,
    }),
    ...both('image/patch', `${at}patch_embeddings.projection`),
    ...eachBlock(c, (i) => {
      const [path, key] = [`blocks/${i}`, `${inner}encoder.layer.${i}`];
      const parts = { q: 'query', k: 'key', v: 'value' };
      return [
        ...both(`${path}/ln1`, `${key}.layernorm_before`),
        ...both(`${path}/ln2`, `${key}.layernorm_after`),
        ...Object.entries(parts).flatMap(([own, name]) =>
          projected(c).map(
            (leaf): TensorName => [`${path}/attn/${own}/${leaf}`, `${key}.attention.attention.${name}.${leaf}`],
          ),
        ),
        ...both(`${path}/attn/out`, `${key}.attention.output.dense`),
        ...both(`${path}/mlp/fc1`, `${key}.intermediate.dense`),
        ...both(`${path}/mlp/fc2`, `${key}.output.dense`),
      ];
    }),
    ...both('norm', `${inner}layernorm`),
    ...both('pool', `${inner}pooler.dense`),
    ...mlmNames(c, ['mlm_score.bias', 'mlm_score.decoder.bias']),
    ...(tasks.itm ? both('itm', 'itm_score.fc') : []),
    ...(tasks.rank ? both('rank', 'rank_output') : []),
    ...(tasks.answers ? classifier('answers', 'classifier') : []),
    ...(tasks.statements ? classifier('statements', tasks.answers ? 'nlvr2_classifier' : 'classifier') : []),
  ];
}

/** The names of the paper's code (`ViLTransformerSS`): q, k and v in one tensor, in this order. */
export function officialNames(c: ViltConfig): TensorName[] {
  const { tasks } = c;
  return [
    ...textNames('text_embeddings.', c),
    ...tableNames(c, {
      class: 'transformer.cls_token',
      positions: 'transformer.pos_embed',
      modalities: 'token_type_embeddings.weight',
    }),
    ...both('image/patch', 'transformer.patch_embed.proj'),
    ...eachBlock(c, (i) => {
      const [path, key] = [`blocks/${i}`, `transformer.blocks.${i}`];
      return [
        ...both(`${path}/ln1`, `${key}.norm1`),
        ...both(`${path}/ln2`, `${key}.norm2`),
        ...projected(c).map((leaf) => ({
          paths: ['q', 'k', 'v'].map((x) => `${path}/attn/${x}/${leaf}`),
          key: `${key}.attn.qkv.${leaf}`,
        })),
        ...both(`${path}/attn/out`, `${key}.attn.proj`),
        ...both(`${path}/mlp/fc1`, `${key}.mlp.fc1`),
        ...both(`${path}/mlp/fc2`, `${key}.mlp.fc2`),
      ];
    }),
    ...both('norm', 'transformer.norm'),
    ...both('pool', 'pooler.dense'),
    ...mlmNames(c, ['mlm_score.bias']),
    ...(tasks.itm ? both('itm', 'itm_score.fc') : []),
    ...(tasks.rank ? both('rank', 'rank_output') : []),
    ...(tasks.answers ? classifier('answers', 'vqa_classifier') : []),
    ...(tasks.statements ? classifier('statements', 'nlvr2_classifier') : []),
  ];
}

/** What published files hold beside the weights: indices of positions and of token types, the classifier of the vision transformer they began as. */
export const besideWeights: RegExp = /(^|\.)(position_ids|token_type_ids)$|^transformer\.head\./;
