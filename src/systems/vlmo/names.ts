/** Names of VLMo's tensors in its published state dicts, and of BEiT's in those of masked image modelling. */
import type { TensorName } from '../../hub/index.ts';
import { SHARED_BIAS } from './beit.ts';
import { fusionOf, type VlmoConfig } from './config.ts';
import { tableRows } from './positions.ts';

const leaves = ['weight', 'bias'] as const;
const both = (path: string, key: string): TensorName[] => leaves.map((leaf) => [`${path}/${leaf}`, `${key}.${leaf}`]);
const blocks = (c: VlmoConfig, of: (i: number) => TensorName[]): TensorName[] =>
  Array.from({ length: c.depth }, (_, i) => of(i)).flat();

/** A vector that the file keeps as [1, 1, d]. */
const token = (path: string, key: string): TensorName => ({ path, key, reshape: [[-1], [1, 1, -1]] });

/** Attention, γ and the norm before it: the same in both. q, k and v lie in one weight, the key has no bias. */
function sharedPart(path: string, key: string, c: VlmoConfig): TensorName[] {
  return [
    ...both(`${path}/ln1`, `${key}.norm1`),
    { paths: ['q', 'k', 'v'].map((x) => `${path}/attn/${x}/weight`), key: `${key}.attn.qkv.weight` },
    [`${path}/attn/q/bias`, `${key}.attn.q_bias`],
    [`${path}/attn/v/bias`, `${key}.attn.v_bias`],
    ...both(`${path}/attn/out`, `${key}.attn.proj`),
    ...(c.layerScale === undefined
      ? []
      : ([1, 2] as const).map((i): TensorName => [`${path}/ls${i}`, `${key}.gamma_${i}`])),
  ];
}

/** One expert; `suffix`: what its names end with. */
function expert(path: string, key: string, suffix: string): TensorName[] {
  return [
    ...both(`${path}/ln2`, `${key}.norm2${suffix}`),
    ...both(`${path}/mlp/fc1`, `${key}.mlp${suffix}.fc1`),
    ...both(`${path}/mlp/fc2`, `${key}.mlp${suffix}.fc2`),
  ];
}

/** What an image enters by; `at`: before the keys. */
function visual(c: VlmoConfig, at: string): TensorName[] {
  return [
    ...(c.stem ? stemPaths(c.stem).map((path): TensorName => [`visual/stem/${path}`, `${at}stem.${path.replaceAll('/', '.')}`]) : []), // biome-ignore format: one line
    ...both('visual/patch', `${at}patch_embed.proj`),
    token('visual/class_token', `${at}cls_token`),
    ...(c.positions === 'relative'
      ? []
      : [{ path: 'visual/positions', key: `${at}pos_embed`, reshape: [[-1, c.width], [1, -1, c.width]] } as const]), // biome-ignore format: one line
  ];
}

/** The tensors of a residual stem. */
function stemPaths({ stages, depth }: NonNullable<VlmoConfig['stem']>): string[] {
  const norm = (path: string): string[] =>
    ['weight', 'bias', 'running_mean', 'running_var'].map((leaf) => `${path}/${leaf}`);
  const door = (at: string): string[] => [`${at}patch/weight`, ...norm(`${at}patch_norm`)];
  const block = (at: string): string[] => [1, 2].flatMap((i) => [`${at}/conv${i}/weight`, ...norm(`${at}/norm${i}`)]);
  return stages.flatMap((_, i) => [
    ...door(i === 0 ? '' : `stages/${i}/`),
    ...Array.from({ length: depth }, (__, j) => block(`stages/${i}/blocks/${j}`)).flat(),
  ]);
}

/** BEiT's head for hidden patches, the token that stands for them and the table that all its layers share. */
function masked(c: VlmoConfig, at: string): TensorName[] {
  return [
    token('mim/mask_token', `${at}mask_token`),
    ...both('mim/head', `${at}lm_head`),
    ...(c.positions === 'relative' ? [[SHARED_BIAS, `${at}rel_pos_bias.relative_position_bias_table`] as const] : []),
  ];
}

/** The table of a VLMo: our three parts are rows of one. */
function table(c: VlmoConfig): TensorName[] {
  if (c.positions === 'absolute') return [];
  const rows = Object.entries(tableRows(c));
  return [
    {
      paths: rows.map(([part]) => `relative_bias/${part}`),
      sizes: rows.map(([, n]) => n),
      key: 'relative_position_bias_table',
    },
  ];
}

const classifier = (path: string, key: string): TensorName[] => [
  ...both(`${path}/fc1`, `${key}.0`),
  ...both(`${path}/norm`, `${key}.1`),
  ...both(`${path}/fc2`, `${key}.3`),
];

/** The heads that a model has. `mim` has no key in VLMo's own files: there it is what BEiT's file becomes, `transformer.` before its keys. */
function heads(c: VlmoConfig): TensorName[] {
  const { tasks } = c;
  const projections = tasks.itc === 'both' ? ['text', 'image', 'vl_text', 'vl_image'] : ['text', 'image'];
  return [
    ...(tasks.mim ? masked(c, 'transformer.') : []),
    ...(tasks.mlm
      ? [
          ...both('mlm/dense', 'mlm_score.transform.dense'),
          ...both('mlm/norm', 'mlm_score.transform.LayerNorm'),
          ['mlm/decoder/weight', 'mlm_score.decoder.weight'] as const,
          ['mlm/bias', 'mlm_score.bias'] as const,
        ]
      : []),
    ...(tasks.itc
      ? [
          ...projections.map((x): TensorName => [`itc/${x}/weight`, `itc_${x}_proj.fc.weight`]),
          ...['logit_scale', ...(tasks.itc === 'both' ? ['logit_vl_scale'] : [])].map((x): TensorName => [x, x]),
        ]
      : []),
    ...(tasks.itm ? both('itm', 'itm_score.fc') : []),
    ...(tasks.vqa === undefined ? [] : classifier('vqa', 'vqa_classifier')),
    ...(tasks.nlvr2 ? classifier('nlvr2', 'nlvr2_classifier') : []),
  ];
}

/** The names of VLMo's code. */
export function vlmoNames(c: VlmoConfig): TensorName[] {
  return [
    ['text/tokens/weight', 'text_embeddings.word_embeddings.weight'],
    ['text/positions', 'text_embeddings.position_embeddings.weight'],
    ['text/types', 'text_embeddings.token_type_embeddings.weight'],
    ...both('text/norm', 'text_embeddings.LayerNorm'),
    {
      paths: ['text', 'image', ...(c.tasks.nlvr2 ? ['second_image'] : [])].map((x) => `modality/${x}`),
      key: 'token_type_embeddings.weight',
    },
    ...visual(c, 'transformer.'),
    ...table(c),
    ...blocks(c, (i) => {
      const [path, key] = [`blocks/${i}`, `transformer.blocks.${i}`];
      return [
        ...sharedPart(path, key, c),
        ...expert(`${path}/text`, key, '_text'),
        ...expert(`${path}/image`, key, '_imag'),
        ...(i >= fusionOf(c) ? expert(`${path}/vl`, key, '_vl') : []),
      ];
    }),
    ...both('norm', 'transformer.norm'),
    ...both('pooler', 'pooler.dense'),
    ...heads(c),
  ];
}

/** The names of BEiT's code: of a pre-trained model with its head and one table, or of a fine-tuned one with a table in every layer and no norm behind. */
export function beitNames(c: VlmoConfig, form: 'pre-trained' | 'fine-tuned'): TensorName[] {
  return [
    ...visual(c, ''),
    ...blocks(c, (i) => [
      ...sharedPart(`blocks/${i}`, `blocks.${i}`, c),
      ...expert(`blocks/${i}/image`, `blocks.${i}`, ''),
    ]),
    ...(form === 'pre-trained'
      ? [...both('norm', 'norm'), ...masked(c, '')]
      : [
          {
            path: 'relative_bias/image',
            keys: Array.from({ length: c.depth }, (_, i) => `blocks.${i}.attn.relative_position_bias_table`),
            axis: 1,
          },
        ]),
  ];
}

/** What published files hold beside the weights, which is made again from the config: indices of positions. */
export const besideWeights: RegExp = /(^|\.)(position_ids|((text_)?(imag_)?)relative_position_index)$/;
