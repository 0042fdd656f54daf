/**
 * config.json of a VLMo. Its checkpoints are published without one: it holds the settings of the code (`vlmo/config.py`) under their names, with the
 * network's arguments (`MultiWayTransformer`) in `transformer`, where they are not those that `model_arch` stands for. Every key is obeyed, known to
 * change nothing, or refused by name.
 */
import { checkSettings } from '../../base/index.ts';
import type { ResidualOptions } from '../../nn/index.ts';
import { divides, type Json, only, positive, refuse, type Section, section, whole } from '../clip/config-numbers.ts';
import { stemPatch, type VlmoConfig, type VlmoTasks, variants } from './config.ts';

/** Largest counts of a model: larger ones are no VLMo, and would cost hours before anything else failed. */
export const largest = {
  size: 2 ** 12,
  patch: 2 ** 10,
  width: 2 ** 14,
  depth: 256,
  heads: 2 ** 10,
  hidden: 2 ** 17,
  vocabulary: 2 ** 22,
  context: 2 ** 11,
  outputs: 2 ** 20,
} as const;

/** Names of the code's registry with the rows of our table. */
const archs = { base: 'vlmo_base_patch16', large: 'vlmo_large_patch16', base_plus: 'vlmo_base_plus_patch16' } as const;

/** Settings of training, logging and evaluation, which change nothing of a model. */
const harmless = (
  'model_type architectures transformers_version exp_name seed datasets batch_size train_transform_keys draw_false_image image_only text_only tokenizer ' +
  'whole_word_masking mlm_prob draw_false_text optim_type learning_rate weight_decay decay_power max_epoch max_steps warmup_steps end_lr lr_mult ' +
  'get_recall_metric get_recall_rerank_metric k_test resume_from fast_dev_run val_check_interval test_only use_sharded_training ' +
  'resume_during_training data_root log_dir per_gpu_batchsize num_gpus num_nodes load_path num_workers precision id2label label2id'
).split(' ');

const obeyed =
  'image_size model_arch drop_path_rate max_text_len max_text_len_of_initckpt vocab_size vqav2_label_size loss_names transformer val_transform_keys'.split(
    ' ',
  );

/** Arguments of the network that may have one value only; the first is its default. */
const fixed: Readonly<Record<string, readonly unknown[]>> = {
  in_chans: [3],
  qkv_bias: [true],
  qk_scale: [null],
  drop_rate: [0],
  attn_drop_rate: [0],
  layer_norm_eps: [1e-6],
};
const network =
  'img_size patch_size embed_dim depth num_heads mlp_ratio vlffn_start_layer_index use_abs_pos_emb need_relative_position_embed layer_scale_init_values stem'.split(
    ' ',
  );

const losses = ['itm', 'itc', 'mlm', 'textmlm', 'vqa', 'nlvr2', 'irtr'] as const;

/** True for the numbers by which the code says that it trains something. */
function isOn(s: Section, key: string): boolean {
  const x = s.json[key] ?? 0;
  if (x === 0 || x === 1) return x === 1;
  return refuse(s, key, '0 and 1');
}

/** The heads that the code makes for its losses. Ours beside them: `mim`, what BEiT's head gives, 'pixels' or a count of visual tokens. */
function tasksOf(s: Section): VlmoTasks {
  const l = 'loss_names' in s.json ? section(s, 'loss_names') : { ...s, json: { itm: 1, itc: 1, mlm: 1 } };
  checkSettings(l.json, [...losses, 'mim'], l);
  const on = (name: (typeof losses)[number]): boolean => isOn(l, name);
  const both = on('itc');
  const mim = l.json['mim'] ?? null;
  return {
    ...(mim === null ? {} : { mim: mim === 'pixels' ? { predicts: mim } : { predicts: 'tokens', vocabulary: whole(l, 'mim', 1, largest.outputs) } }), // biome-ignore format: one line
    ...(on('mlm') || on('textmlm') ? { mlm: true } : {}),
    ...(both || on('irtr') ? { itc: both ? 'both' : 'unimodal' } : {}),
    ...(on('itm') ? { itm: true } : {}),
    ...(on('vqa') ? { vqa: whole(s, 'vqav2_label_size', 3129, largest.outputs) } : {}),
    ...(on('nlvr2') ? { nlvr2: true } : {}),
  };
}

function flag(s: Section, key: string, fallback: boolean): boolean {
  const x = s.json[key] ?? fallback;
  return typeof x === 'boolean' ? x : refuse(s, key, 'true or false');
}

function layerScaleOf(s: Section): { layerScale?: number } {
  const x = 'layer_scale_init_values' in s.json ? s.json['layer_scale_init_values'] : 0.1;
  return x === null ? {} : { layerScale: positive({ ...s, json: { layer_scale_init_values: x } }, 'layer_scale_init_values', 0.1, 1e3) }; // biome-ignore format: one line
}

type Network = Omit<VlmoConfig, 'size' | 'dropPath' | 'text' | 'tasks' | 'textOnly'>;

/** Our own key: a residual stem. */
function stemOf(s: Section, size: number, patch: number): { stem?: ResidualOptions } {
  if ((s.json['stem'] ?? null) === null) return {};
  const stem = section(s, 'stem');
  checkSettings(stem.json, ['patch', 'stages', 'depth'], stem);
  const list = stem.json['stages'];
  const isCount = (n: unknown): n is number => Number.isInteger(n) && Number(n) > 0 && Number(n) <= largest.width;
  if (!Array.isArray(list) || list.length === 0 || list.length > 8 || !list.every(isCount))
    return refuse(stem, 'stages', 'up to 8 counts of channels');
  const found = { patch: whole(stem, 'patch', 4, size), stages: list, depth: whole(stem, 'depth', 1, largest.depth) };
  return stemPatch(found) === patch
    ? { stem: found }
    : refuse(s, 'stem', `stems whose tokens stand for ${patch} pixels`);
}

/** The network's arguments; what is left out has the default of its class. */
function networkOf(s: Section, size: number): Network {
  checkSettings(s.json, [...network, ...Object.keys(fixed)], s);
  for (const [key, values] of Object.entries(fixed)) only(s, key, values);
  only(s, 'img_size', [size]);
  const width = whole(s, 'embed_dim', 768, largest.width);
  const heads = whole(s, 'num_heads', 12, largest.heads);
  divides(s, width, heads, 'num_heads');
  const depth = whole(s, 'depth', 12, largest.depth);
  const relative = flag(s, 'need_relative_position_embed', true);
  if (flag(s, 'use_abs_pos_emb', false) === relative) refuse(s, 'use_abs_pos_emb', String(!relative));
  const patch = whole(s, 'patch_size', 16, Math.min(size, largest.patch));
  return {
    ...{ patch, width, depth, heads, ...stemOf(s, size, patch) },
    hidden: Math.floor(width * positive(s, 'mlp_ratio', 4, largest.hidden / width)),
    fusion: s.json['vlffn_start_layer_index'] === 0 ? 0 : whole(s, 'vlffn_start_layer_index', 10, depth),
    positions: relative ? 'relative' : 'absolute',
    ...layerScaleOf(s),
  };
}

/** The network that `model_arch` names. */
function networkNamed(s: Section): Network {
  const name = s.json['model_arch'] ?? archs.base;
  const found = Object.entries(archs).find(([, arch]) => arch === name)?.[0] as keyof typeof archs | undefined;
  if (!found) return refuse(s, 'model_arch', `${Object.values(archs).join(', ')}; or say \`transformer\``);
  const { size: _, dropPath: __, text: ___, tasks: ____, ...sizes } = variants[found];
  return sizes;
}

/** Images are squashed to squares; other transforms would show the model something else. */
function checkTransforms(s: Section): void {
  const keys = s.json['val_transform_keys'] ?? ['square_transform'];
  if (!Array.isArray(keys) || keys.some((k) => k !== 'square_transform'))
    refuse(s, 'val_transform_keys', '["square_transform"]');
}

function dropPathOf(s: Section): number {
  const x = s.json['drop_path_rate'] ?? 0.1;
  return typeof x === 'number' && x >= 0 && x < 1 ? x : refuse(s, 'drop_path_rate', 'numbers from 0 up to 1');
}

/**
 * A model from config.json; `place` is the file, for errors. What is left out has the default of the code. Error `checkpoint` for what is unknown or
 * cannot be obeyed.
 */
export function configFromFile(json: unknown, place = 'config.json'): VlmoConfig {
  const s = { ...section({ json: { config: json }, path: '', place }, 'config'), path: '' };
  checkSettings(s.json, [...obeyed, ...harmless], s);
  checkTransforms(s);
  const size = whole(s, 'image_size', 224, largest.size);
  const sizes = (s.json['transformer'] ?? null) === null ? networkNamed(s) : networkOf(section(s, 'transformer'), size);
  if (size % sizes.patch !== 0) refuse(s, 'image_size', `multiples of the patches’ ${sizes.patch}`);
  const context = whole(s, 'max_text_len', 40, largest.context);
  const span = whole(s, 'max_text_len_of_initckpt', 196, largest.context);
  if (span < Math.max(2, context)) refuse(s, 'max_text_len_of_initckpt', `numbers from max_text_len, ${context}`);
  return {
    ...sizes,
    size,
    ...(isOn(section(s, 'loss_names'), 'textmlm') ? { textOnly: true } : {}),
    dropPath: dropPathOf(s),
    text: { vocabulary: whole(s, 'vocab_size', 30522, largest.vocabulary), context, span },
    tasks: tasksOf(s),
  };
}

/** Which keys decide the shapes of which tensors. */
export const configKeys = {
  depth: 'depth and vlffn_start_layer_index of transformer, and loss_names',
  shapes: [
    [/^text\/tokens/, 'vocab_size, and embed_dim of transformer'],
    [/^text\/positions/, 'max_text_len, and embed_dim of transformer'],
    [/^visual\/patch/, 'patch_size and embed_dim of transformer'],
    [/^visual\/positions/, 'image_size, and patch_size and embed_dim of transformer'],
    [/relative_bias/, 'image_size, max_text_len_of_initckpt, and patch_size, depth and num_heads of transformer'],
    [/^vqa\/fc2/, 'vqav2_label_size'],
    [/./, 'embed_dim and mlp_ratio of transformer'],
  ],
} as const;

/** The settings of a model. */
export function configToFile(c: VlmoConfig): { readonly model_type: 'vlmo' } & Json {
  const { tasks, text } = c;
  const on = (x: unknown): number => (x ? 1 : 0);
  return {
    model_type: 'vlmo',
    image_size: c.size,
    drop_path_rate: c.dropPath,
    max_text_len: text.context,
    max_text_len_of_initckpt: text.span,
    vocab_size: text.vocabulary,
    ...(tasks.vqa === undefined ? {} : { vqav2_label_size: tasks.vqa }),
    loss_names: {
      itm: on(tasks.itm),
      itc: on(tasks.itc === 'both'),
      mlm: on(tasks.mlm && !c.textOnly),
      textmlm: on(c.textOnly),
      vqa: on(tasks.vqa),
      nlvr2: on(tasks.nlvr2),
      irtr: on(tasks.itc === 'unimodal'),
      ...(tasks.mim ? { mim: tasks.mim.predicts === 'pixels' ? 'pixels' : tasks.mim.vocabulary } : {}),
    },
    transformer: {
      img_size: c.size,
      patch_size: c.patch,
      embed_dim: c.width,
      depth: c.depth,
      num_heads: c.heads,
      mlp_ratio: c.hidden / c.width,
      vlffn_start_layer_index: c.fusion,
      use_abs_pos_emb: c.positions === 'absolute',
      need_relative_position_embed: c.positions === 'relative',
      layer_scale_init_values: c.layerScale ?? null,
      ...(c.stem ? { stem: { ...c.stem } } : {}),
    },
  };
}
