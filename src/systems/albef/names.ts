/** Names of ALBEF's tensors in the published checkpoints (`ckpt["model"]` of salesforce/ALBEF), and of the training's state beside them. */
import type { TensorName } from '../../hub/index.ts';
import type { AlbefConfig } from './config.ts';

const leaves = ['weight', 'bias'] as const;
const both = (path: string, key: string): TensorName[] => leaves.map((leaf) => [`${path}/${leaf}`, `${key}.${leaf}`]);
const counted = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Where the keys of a part begin: the twin's have `_m` behind the part's name. */
type Part = (name: string) => string;

function visualNames(c: AlbefConfig, part: Part): TensorName[] {
  const at = part('visual_encoder');
  return [
    { path: 'visual/class_token', key: `${at}.cls_token`, reshape: [[-1], [1, 1, -1]] },
    {
      path: 'visual/positions',
      key: `${at}.pos_embed`,
      reshape: [
        [-1, c.visual.width],
        [1, -1, c.visual.width],
      ],
    },
    ...both('visual/patch', `${at}.patch_embed.proj`),
    ...both('visual/norm', `${at}.norm`),
    ...counted(c.visual.depth).flatMap((i): TensorName[] => {
      const [path, key] = [`visual/blocks/${i}`, `${at}.blocks.${i}`];
      return [
        ...both(`${path}/ln1`, `${key}.norm1`),
        ...both(`${path}/ln2`, `${key}.norm2`),
        ...both(`${path}/attn/out`, `${key}.attn.proj`),
        ...both(`${path}/mlp/fc1`, `${key}.mlp.fc1`),
        ...both(`${path}/mlp/fc2`, `${key}.mlp.fc2`),
        ...leaves.map((leaf) => ({
          paths: ['q', 'k', 'v'].map((x) => `${path}/attn/${x}/${leaf}`),
          key: `${key}.attn.qkv.${leaf}`,
        })),
      ];
    }),
  ];
}

function attentionNames(path: string, key: string): TensorName[] {
  return [
    ...both(`${path}/q`, `${key}.self.query`),
    ...both(`${path}/k`, `${key}.self.key`),
    ...both(`${path}/v`, `${key}.self.value`),
    ...both(`${path}/out`, `${key}.output.dense`),
  ];
}

/** Cross-attention; with `sharedBy` another layer has the same keys and values, which published files hold twice. */
function crossNames(path: string, key: string, sharedBy: string | undefined, isShared: boolean): TensorName[] {
  const own = attentionNames(path, key).filter((n) => !isShared || !/\/cross\/[kv]\//.test((n as [string, string])[0]));
  if (sharedBy === undefined) return own;
  return own.map((n): TensorName => {
    const [p, k] = n as [string, string];
    return /\/cross\/[kv]\//.test(p) ? { path: p, key: k, tied: [k.replace(key, sharedBy)] } : n;
  });
}

function layerNames(path: string, key: string, cross: TensorName[]): TensorName[] {
  return [
    ...attentionNames(`${path}/attn`, `${key}.attention`),
    ...both(`${path}/ln1`, `${key}.attention.output.LayerNorm`),
    ...cross,
    ...(cross.length > 0 ? both(`${path}/ln_cross`, `${key}.crossattention.output.LayerNorm`) : []),
    ...both(`${path}/mlp/fc1`, `${key}.intermediate.dense`),
    ...both(`${path}/mlp/fc2`, `${key}.output.dense`),
    ...both(`${path}/ln2`, `${key}.output.LayerNorm`),
  ];
}

/** Embeddings and, with a head, the table of words and the head's bias under all the keys that they have. */
function embeddingNames(path: string, bert: string, head: string | undefined): TensorName[] {
  const [at, key] = [`${path}/embeddings`, `${bert}.embeddings`];
  const words = { path: `${at}/tokens/weight`, key: `${key}.word_embeddings.weight` };
  return [
    head === undefined ? words : { ...words, tied: [`${head}.decoder.weight`] },
    [`${at}/positions`, `${key}.position_embeddings.weight`],
    [`${at}/types`, `${key}.token_type_embeddings.weight`],
    ...both(`${at}/norm`, `${key}.LayerNorm`),
    ...(head === undefined
      ? []
      : [
          { path: `${path}/head/bias`, key: `${head}.bias`, tied: [`${head}.decoder.bias`] },
          ...both(`${path}/head/dense`, `${head}.transform.dense`),
          ...both(`${path}/head/norm`, `${head}.transform.LayerNorm`),
        ]),
  ];
}

/** Fine-tuned forms have BERT without its head for words, and their keys no `bert.` (released code: BertModel instead of BertForMaskedLM). */
function textNames(c: AlbefConfig, part: Part): TensorName[] {
  const at = part('text_encoder');
  const bert = c.heads.words ? `${at}.bert` : at;
  return [
    ...embeddingNames('text', bert, c.heads.words ? `${at}.cls.predictions` : undefined),
    ...counted(c.text.fusion).flatMap((i) => layerNames(`text/blocks/${i}`, `${bert}.encoder.layer.${i}`, [])),
    ...counted(c.images * (c.text.depth - c.text.fusion)).flatMap((j) => {
      const [layer, place] = [c.text.fusion + Math.floor(j / c.images), j % c.images];
      const path = c.images === 2 ? `text/pairs/${layer}/${place}` : `text/blocks/${layer}`;
      const at = (i: number): string => `${bert}.encoder.layer.${c.text.fusion + i}`;
      const sharedBy = c.images === 2 && place === 0 ? `${at(j + 1)}.crossattention` : undefined;
      return layerNames(path, at(j), crossNames(`${path}/cross`, `${at(j)}.crossattention`, sharedBy, place === 1));
    }),
  ];
}

function decoderNames(depth: number, part: Part): TensorName[] {
  const at = part('text_decoder');
  return [
    ...embeddingNames('decoder', `${at}.bert`, `${at}.cls.predictions`),
    ...counted(depth).flatMap((i) => {
      const [path, key] = [`decoder/blocks/${i}`, `${at}.bert.encoder.layer.${i}`];
      return layerNames(path, key, crossNames(`${path}/cross`, `${key}.crossattention`, undefined, false));
    }),
  ];
}

/** The parts that have momentum twins: all but the heads for matching and text assignment, and the temperature. */
function twinnedNames(c: AlbefConfig, part: Part): TensorName[] {
  const { contrast, decoder, classes } = c.heads;
  return [
    ...visualNames(c, part),
    ...textNames(c, part),
    ...(contrast
      ? [...both('image_projection', part('vision_proj')), ...both('text_projection', part('text_proj'))]
      : []),
    ...(decoder ? decoderNames(decoder, part) : []),
    ...(classes
      ? [...both('classifier/fc1', `${part('cls_head')}.0`), ...both('classifier/fc2', `${part('cls_head')}.2`)]
      : []),
  ];
}

/** The names of the released checkpoints. */
export function albefNames(c: AlbefConfig): TensorName[] {
  const { contrast, match, assignment } = c.heads;
  return [
    ...twinnedNames(c, (name) => name),
    ...(contrast ? [['temperature', 'temp'] as const] : []),
    ...(match ? both('match', 'itm_head') : []),
    ...(assignment ? both('assignment', 'ta_head') : []),
  ];
}

/** The names of the momentum twins, under `teacher/<path>` with us. */
export function twinNames(c: AlbefConfig): TensorName[] {
  return twinnedNames(c, (name) => `${name}_m`).map((name): TensorName => {
    if (!('path' in name || 'paths' in name)) return [`teacher/${name[0]}`, name[1]];
    if ('paths' in name) return { ...name, paths: name.paths.map((p) => (p === null ? p : `teacher/${p}`)) };
    return { ...name, path: `teacher/${name.path}` };
  });
}

/** What published files hold beside the weights: indices of positions, and the state of their training. */
export const besideWeights: RegExp = /(^|\.)position_ids$|_m\.|^(image|text|idx)_queue$|^queue_ptr$/;
