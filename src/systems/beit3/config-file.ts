/**
 * config.json of a BEiT-3: torchscale's names of settings (EncoderConfig), and ours beside them for what it cannot say. Released checkpoints have no such
 * file; there `model_name` says everything: `{ "model_type": "beit3", "model_name": "beit3_base_patch16_480_vqa" }`.
 */
import { checkSettings } from '../../base/index.ts';
import { divides, type Json, only, positive, refuse, type Section, section, whole } from '../clip/config-numbers.ts';
import { type Beit3Config, type Beit3Tasks, variants } from './config.ts';

/** Largest counts of a model: larger ones are no BEiT-3, and would cost hours before anything else failed. */
export const largest = {
  width: 2 ** 14,
  depth: 256,
  heads: 2 ** 10,
  hidden: 2 ** 16,
  size: 2 ** 13,
  patch: 2 ** 10,
  vocabulary: 2 ** 22,
  context: 2 ** 14,
  outputs: 2 ** 22,
} as const;

/** Settings of torchscale that may have one value only; the first is its default. */
const fixed: Readonly<Record<string, readonly unknown[]>> = {
  multiway: [true],
  subln: [true],
  encoder_normalize_before: [true],
  activation_fn: ['gelu'],
  no_scale_embedding: [true],
  layernorm_embedding: [false],
  moe_freq: [0],
  rel_pos_buckets: [0],
  max_rel_pos: [0],
  deepnorm: [false],
  share_encoder_input_output_embed: [false],
  xpos_rel_pos: [false],
  in_chans: [3],
  segment_length: [''],
  dilated_ratio: [''],
};

/** Settings that change no result: of training, of memory, and of what is switched off above. */
const harmless = (
  'model_type architectures transformers_version id2label dropout attention_dropout activation_dropout bert_init no_output_layer checkpoint_activations fsdp ddp_rank ' +
  'flash_attention seq_parallel xpos_scale_base moe_top1_expert moe_expert_count moe_gating_use_fp32 moe_eval_capacity_token_fraction ' +
  'moe_second_expert_policy moe_normalize_gate_prob_before_dropping use_xmoe'
).split(' ');

const obeyed =
  'model_name img_size patch_size vocab_size encoder_embed_dim encoder_attention_heads encoder_ffn_embed_dim encoder_layers max_source_positions normalize_output layernorm_eps drop_path_rate shared_attention fusion_layers stem tasks'.split(
    ' ',
  );

/** A flag; absent: `fallback`. */
function flag(s: Section, key: string, fallback: boolean): boolean {
  const x = s.json[key] ?? fallback;
  return typeof x === 'boolean' ? x : refuse(s, key, 'true or false');
}

/** A whole number from 0 on. */
function count(s: Section, key: string, most: number): number {
  const x = s.json[key] ?? 0;
  return x === 0 ? 0 : whole(s, key, 0, most);
}

/** A rate from 0 up to 1. */
function share(s: Section, key: string): number {
  const x = s.json[key] ?? 0;
  return typeof x === 'number' && x >= 0 && x < 1 ? x : refuse(s, key, 'numbers from 0 up to 1');
}

function tasksOf(s: Section): Beit3Tasks {
  checkSettings(s.json, ['retrieval', 'tokens', 'answers', 'pairs', 'classes', 'codes'], s);
  const sizes = (['answers', 'pairs', 'classes', 'codes'] as const).flatMap((key) =>
    (s.json[key] ?? null) === null ? [] : [[key, whole(s, key, 1, largest.outputs)] as const],
  );
  const flags = (['retrieval', 'tokens'] as const).flatMap((key) =>
    flag(s, key, false) ? [[key, true] as const] : [],
  );
  return Object.fromEntries([...flags, ...sizes]);
}

/** Our own key: a convolutional stem. */
function stemOf(s: Section): { stem?: NonNullable<Beit3Config['stem']> } {
  if ((s.json['stem'] ?? null) === null) return {};
  const at = section(s, 'stem');
  checkSettings(at.json, ['patch', 'stages', 'depth'], at);
  const stages = at.json['stages'];
  const isCount = (n: unknown): boolean => Number.isInteger(n) && Number(n) > 0 && Number(n) <= largest.width;
  if (!Array.isArray(stages) || stages.length === 0 || stages.length > 8 || !stages.every(isCount))
    return refuse(at, 'stages', 'a list of up to 8 counts of channels');
  return { stem: { patch: whole(at, 'patch', 4, largest.patch), stages, depth: whole(at, 'depth', 1, largest.depth) } };
}

/** What the names of released checkpoints end in, and the heads behind it (modeling_finetune.py); the sizes are those of the data sets. */
const byTask: Readonly<Record<string, { readonly tasks: Beit3Tasks; readonly finalNorm?: false }>> = {
  '': { tasks: { tokens: true } },
  itc: { tasks: { retrieval: true } },
  in1k: { tasks: { classes: 1000 }, finalNorm: false },
  vqa: { tasks: { answers: 3129 }, finalNorm: false },
  vgqaaug_vqa: { tasks: { answers: 3129 }, finalNorm: false },
  nlvr2: { tasks: { pairs: 2 } },
  coco_captioning: { tasks: { tokens: true } },
  nocaps: { tasks: { tokens: true } },
  coco_retrieval: { tasks: { retrieval: true } },
  f30k_retrieval: { tasks: { retrieval: true } },
};

/** The model of a released checkpoint from its name, such as `beit3_large_indomain_patch16_224_nlvr2`; undefined for a name of no such kind. */
export function configFromName(name: string): Beit3Config | undefined {
  const found = /^beit3_(base|large)_(itc_|indomain_)?patch16_(\d{2,4})(?:_(\w+))?$/.exec(name);
  if (!found) return undefined;
  const [, row, stage, size, ending = ''] = found;
  const task = byTask[stage === 'itc_' && ending === '' ? 'itc' : ending];
  if (!task || Number(size) % 16 !== 0) return undefined;
  return { ...variants[row as 'base' | 'large'], size: Number(size), finalNorm: true, ...task };
}

/**
 * A model from config.json; `place` is the file, for errors. What is left out has torchscale's default. Error `checkpoint` for what is unknown or cannot be
 * obeyed.
 */
export function configFromFile(json: unknown, place = 'config.json'): Beit3Config {
  const s = { ...section({ json: { config: json }, path: '', place }, 'config'), path: '' };
  checkSettings(s.json, [...obeyed, ...harmless, ...Object.keys(fixed)], s);
  for (const [key, values] of Object.entries(fixed)) only(s, key, values);
  const { model_name: name = null } = s.json;
  if (name !== null) {
    const beside = Object.keys(s.json).find((key) => obeyed.includes(key) && key !== 'model_name');
    if (beside !== undefined) refuse(s, beside, 'nothing beside model_name, which says it');
    return (
      (typeof name === 'string' && configFromName(name)) ||
      refuse(
        s,
        'model_name',
        'names of released checkpoints, such as beit3_base_patch16_224 or beit3_large_patch16_384_coco_retrieval',
      )
    );
  }
  return configOf(s);
}

function configOf(s: Section): Beit3Config {
  const size = whole(s, 'img_size', 224, largest.size);
  const width = whole(s, 'encoder_embed_dim', 768, largest.width);
  const heads = whole(s, 'encoder_attention_heads', 12, largest.heads);
  divides(s, width, heads, 'encoder_attention_heads');
  const depth = whole(s, 'encoder_layers', 12, largest.depth);
  const [fusionLayers, dropPath] = [count(s, 'fusion_layers', depth), share(s, 'drop_path_rate')];
  return {
    ...{ size, patch: whole(s, 'patch_size', 16, Math.min(size, largest.patch)), width, depth, heads },
    ...stemOf(s),
    hidden: whole(s, 'encoder_ffn_embed_dim', 3072, largest.hidden),
    vocabulary: whole(s, 'vocab_size', 64010, largest.vocabulary),
    context: whole(s, 'max_source_positions', 1024, largest.context),
    epsilon: positive(s, 'layernorm_eps', 1e-5, 1),
    finalNorm: flag(s, 'normalize_output', true),
    ...(flag(s, 'shared_attention', false) ? { sharedAttention: true } : {}),
    ...(fusionLayers > 0 ? { fusionLayers } : {}),
    ...(dropPath > 0 ? { dropPath } : {}),
    tasks: tasksOf(section(s, 'tasks')),
  };
}

/** Which keys decide the shapes of which tensors. */
export const configKeys = {
  depth: 'encoder_layers',
  shapes: [
    [/^encoder\/tokens/, 'vocab_size and encoder_embed_dim'],
    [/^encoder\/positions\/A/, 'img_size, patch_size and encoder_embed_dim'],
    [/^encoder\/positions\/B/, 'max_source_positions and encoder_embed_dim'],
    [/^encoder\/patch/, 'patch_size and encoder_embed_dim'],
    [/^encoder\//, 'encoder_embed_dim and encoder_ffn_embed_dim'],
    [/_head/, 'tasks, encoder_embed_dim and vocab_size'],
  ],
} as const;

/** config.json of a model. */
export function configToFile(c: Beit3Config): { readonly model_type: 'beit3' } & Json {
  return {
    model_type: 'beit3',
    img_size: c.size,
    patch_size: c.patch,
    vocab_size: c.vocabulary,
    encoder_embed_dim: c.width,
    encoder_attention_heads: c.heads,
    encoder_ffn_embed_dim: c.hidden,
    encoder_layers: c.depth,
    max_source_positions: c.context,
    normalize_output: c.finalNorm,
    layernorm_eps: c.epsilon,
    ...(c.dropPath ? { drop_path_rate: c.dropPath } : {}),
    ...{ subln: true, multiway: true },
    ...(c.sharedAttention ? { shared_attention: true } : {}),
    ...(c.stem ? { stem: c.stem } : {}),
    ...(c.fusionLayers ? { fusion_layers: c.fusionLayers } : {}),
    tasks: c.tasks,
  };
}
