/** open_clip's JSON: a file of its `model_configs`, or open_clip_config.json. Every key is obeyed, known to change nothing, or refused by name. */
import { BowError, checkSettings, isRecord } from '../../base/index.ts';
import type { ClipConfig, TowerConfig } from './clip.ts';
import { divides, type Json, largest, only, positive, refuse, type Section, section, whole } from './config-numbers.ts';

/** Values of a CLIP as in the paper (open_clip 3.3, `CLIPVisionCfg` and `CLIPTextCfg`): what else these keys ask for is not computed here. */
const bothFixed = {
  act_kwargs: [null],
  block_type: [null, 'default'],
  qk_norm: [false],
  scaled_cosine_attn: [false],
  scale_heads: [false],
  scale_attn_inner: [false],
  scale_attn: [false],
  scale_fc: [false],
};
type Fixed = Readonly<Record<string, readonly unknown[]>>;
const visionFixed: Fixed = {
  ...bothFixed,
  timm_model_name: [null],
  attentional_pool: [false],
  no_ln_pre: [false],
  pos_embed_type: ['learnable'],
  pool_type: ['tok'],
};
const textFixed: Fixed = {
  ...bothFixed,
  hf_model_name: [null],
  tokenizer_mode: [null],
  embed_cls: [false],
  no_causal_mask: [false],
  pool_type: ['argmax', 'eos'],
  proj_bias: [false],
  proj_type: ['linear'],
};
const topFixed: Fixed = {
  custom_text: [false],
  multimodal_cfg: [null],
  init_logit_bias: [null],
  nonscalar_logit_scale: [false],
  quick_gelu: [false, true],
};

/** Keys that are read, and keys without an effect on a trained model of this kind. A norm after pooling is the norm of the token that is read. */
const towerKeys = [
  'layers',
  'width',
  'mlp_ratio',
  'ls_init_value',
  'norm_kwargs',
  'output_tokens',
  'final_ln_after_pool',
];
const visionKeys = [
  ...towerKeys,
  'head_width',
  'patch_size',
  'image_size',
  'patch_dropout',
  'attn_pooler_queries',
  'attn_pooler_heads',
  'timm_model_pretrained',
  'timm_pool',
  'timm_proj',
  'timm_proj_bias',
  'timm_drop',
  'timm_drop_path',
];
const textKeys = [
  ...towerKeys,
  'context_length',
  'vocab_size',
  'heads',
  'pad_id',
  'eos_id',
  'hf_tokenizer_name', // the tokenizer is the folder's
  'tokenizer_kwargs',
  'hf_model_pretrained',
  'hf_proj_type',
  'hf_pooler_type',
];
const topKeys = ['embed_dim', 'vision_cfg', 'text_cfg', 'init_logit_scale', 'cast_dtype', 'output_dict'];

function check(s: Section, keys: readonly string[], fixed: Fixed): void {
  checkSettings(s.json, [...keys, ...Object.keys(fixed)], s);
  for (const [key, values] of Object.entries(fixed)) only(s, key, values);
}

/** A model from open_clip's JSON; `place` is the file, for errors. Error `checkpoint` for what is unknown or cannot be obeyed. */
export function configFromOpenClip(json: unknown, place = 'open_clip_config.json'): ClipConfig {
  const file = { ...section({ json: { config: json }, path: '', place }, 'config'), path: '' };
  const isWhole = 'model_cfg' in file.json;
  if (isWhole) checkSettings(file.json, ['model_cfg', 'preprocess_cfg'], file);
  const top = isWhole ? section(file, 'model_cfg') : file;
  check(top, topKeys, topFixed);
  const [v, t] = [section(top, 'vision_cfg'), section(top, 'text_cfg')];
  check(v, visionKeys, visionFixed);
  check(t, textKeys, textFixed);
  const kwargs = t.json['tokenizer_kwargs'] ?? {};
  if (!isRecord(kwargs) || Object.keys(kwargs).length > 0) refuse(t, 'tokenizer_kwargs', '{}');
  if (Array.isArray(v.json['layers'])) refuse(v, 'layers', 'a number: the residual networks are not read');
  const activation = top.json['quick_gelu'] === true ? 'quick-gelu' : 'gelu';
  const size = squareOf(v, 'image_size', 224, largest.size);
  const heads = (width: number): number => {
    const wide = whole(v, 'head_width', 64, width);
    return Math.floor(width / wide);
  };
  return {
    embed: whole(top, 'embed_dim', 512, largest.embed),
    visual: {
      ...towerOf(v, 768, activation, { heads, key: 'head_width' }),
      size,
      patch: squareOf(v, 'patch_size', 16, Math.min(size, largest.patch)),
    },
    text: {
      ...towerOf(t, 512, activation, { heads: () => whole(t, 'heads', 8, largest.heads), key: 'heads' }),
      vocabulary: whole(t, 'vocab_size', 49408, largest.vocabulary),
      context: whole(t, 'context_length', 77, largest.context),
      eot: t.json['pool_type'] === 'eos' ? whole(t, 'eos_id', 2, largest.vocabulary) : 'largest',
    },
  };
}

function towerOf(
  s: Section,
  fallback: number,
  activation: TowerConfig['activation'],
  o: { readonly heads: (width: number) => number; readonly key: string },
): TowerConfig {
  const width = whole(s, 'width', fallback, largest.width);
  const heads = o.heads(width);
  divides(s, width, heads, o.key);
  const hidden = Math.floor(width * positive(s, 'mlp_ratio', 4, 2 ** 10));
  if (hidden < 1 || hidden > largest.hidden)
    refuse(s, 'mlp_ratio', `ratios that give 1 to ${largest.hidden} hidden values`);
  const norm = section(s, 'norm_kwargs');
  checkSettings(norm.json, ['eps'], norm);
  return {
    width,
    heads,
    depth: whole(s, 'layers', 12, largest.depth),
    hidden,
    activation,
    epsilon: positive(norm, 'eps', 1e-5, 1),
    ...((s.json['ls_init_value'] ?? null) === null ? {} : { layerScale: positive(s, 'ls_init_value', 1, 1e3) }),
  };
}

/** A number, or two equal ones. */
function squareOf(s: Section, key: string, fallback: number, most: number): number {
  const x = s.json[key];
  if (!Array.isArray(x)) return whole(s, key, fallback, most);
  if (x.length !== 2 || x[0] !== x[1]) refuse(s, key, 'a number, or two equal ones: squares');
  return whole({ ...s, json: { [key]: x[0] as unknown } }, key, fallback, most);
}

/** Which keys decide the shapes of which tensors. */
export const openClipKeys = {
  depth: 'text_cfg.layers and vision_cfg.layers',
  shapes: [
    [/^text\/tokens/, 'text_cfg: vocab_size and width'],
    [/^text\/positions/, 'text_cfg: context_length and width'],
    [/^text\//, 'text_cfg: width and mlp_ratio'],
    [/^visual\/positions/, 'vision_cfg: image_size, patch_size and width'],
    [/^visual\/patch/, 'vision_cfg: patch_size and width'],
    [/^visual\//, 'vision_cfg: width and mlp_ratio'],
    [/_projection/, 'embed_dim, and width of text_cfg and vision_cfg'],
  ],
} as const;

/** open_clip cuts width × ratio down to a whole number: half a unit more where the quotient falls short of it. */
function ratioOf({ width, hidden }: TowerConfig): number {
  const ratio = hidden / width;
  return Math.floor(width * ratio) === hidden ? ratio : (hidden + 0.5) / width;
}

/** The JSON from which open_clip builds the same model. Error `config` for what it does not have. */
export function configToOpenClip(c: ClipConfig): Json {
  const { text, visual } = c;
  const unsaid = (what: string, place: string): BowError =>
    new BowError('config', `open_clip has no ${what}`, { place });
  if (visual.stages) throw unsaid('such residual tower', 'visual.stages');
  if (text.bag) throw unsaid('bag of words as text tower', 'text.bag');
  if (visual.activation !== text.activation) throw unsaid('towers with different activations', 'text.activation');
  if (text.activation !== 'gelu' && text.activation !== 'quick-gelu')
    throw unsaid(`activation "${text.activation}"`, 'activation');
  const tower = (o: TowerConfig): Json => ({
    layers: o.depth,
    width: o.width,
    mlp_ratio: ratioOf(o),
    ...(o.layerScale === undefined ? {} : { ls_init_value: o.layerScale }),
    ...(o.epsilon === 1e-5 ? {} : { norm_kwargs: { eps: o.epsilon } }),
  });
  return {
    embed_dim: c.embed,
    quick_gelu: text.activation === 'quick-gelu',
    vision_cfg: {
      ...tower(visual),
      image_size: visual.size,
      head_width: visual.width / visual.heads,
      patch_size: visual.patch,
    },
    text_cfg: {
      ...tower(text),
      context_length: text.context,
      vocab_size: text.vocabulary,
      heads: text.heads,
    },
  };
}
