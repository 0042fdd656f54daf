/** config.json of Hugging Face's `CLIPModel`, which ours is too. Every key is obeyed, known to change nothing, or refused by name. */
import { checkSettings, isRecord } from '../../base/index.ts';
import type { Activation } from '../../nn/index.ts';
import type { ClipConfig, TowerConfig } from './clip.ts';
import { divides, type Json, largest, only, positive, refuse, type Section, section, whole } from './config-numbers.ts';

/** Hugging Face's names of activations, the first of each the one that is written. */
export const activationNames: Readonly<Record<string, Activation>> = {
  quick_gelu: 'quick-gelu',
  gelu: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_python: 'gelu',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
};

/** Keys of the class above all configs, and of CLIP's, that change no vector: of training, generation and the file itself. */
export const harmless: readonly string[] = (
  'architectures model_type transformers_version torch_dtype dtype torchscript use_bfloat16 attn_implementation initializer_factor initializer_range ' +
  'attention_dropout dropout gradient_checkpointing output_attentions output_hidden_states output_scores return_dict return_dict_in_generate use_cache ' +
  'bos_token_id pad_token_id sep_token_id decoder_start_token_id is_decoder is_encoder_decoder add_cross_attention cross_attention_hidden_size ' +
  'tie_encoder_decoder tie_word_embeddings chunk_size_feed_forward tokenizer_class name_or_path prefix problem_type finetuning_task ' +
  'task_specific_params id2label label2id num_labels tf_legacy_loss bad_words_ids begin_suppress_tokens suppress_tokens diversity_penalty do_sample ' +
  'early_stopping encoder_no_repeat_ngram_size exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id length_penalty max_length ' +
  'min_length no_repeat_ngram_size num_beam_groups num_beams num_return_sequences remove_invalid_values repetition_penalty temperature top_k top_p ' +
  'typical_p'
).split(' ');

const towerKeys = [
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'hidden_act',
  'layer_norm_eps',
  'layer_scale_init_value', // ours, as open_clip's ls_init_value
  'projection_dim', // the one beside the towers counts
  'pruned_heads',
];
const textKeys = [...towerKeys, 'vocab_size', 'max_position_embeddings', 'eos_token_id', 'bag'];
const visionKeys = [...towerKeys, 'image_size', 'patch_size', 'num_channels', 'stages'];
const topKeys = [
  'projection_dim',
  'logit_scale_init_value', // the weights have the value
  'text_config',
  'vision_config',
  'text_config_dict',
  'vision_config_dict',
  'text_config_id',
  'vision_config_id',
  'pruned_heads',
];

/** A leading underscore marks notes of the library: `_name_or_path`, `_commit_hash`. */
const check = (s: Section, keys: readonly string[]): void => {
  const notes = Object.keys(s.json).filter((key) => key.startsWith('_'));
  checkSettings(s.json, [...keys, ...harmless, ...notes], s);
  const pruned = s.json['pruned_heads'] ?? {};
  if (!isRecord(pruned) || Object.keys(pruned).length > 0) refuse(s, 'pruned_heads', '{}');
};

/** Old files say a tower twice, and then `…_config_dict` with the class's defaults counts, whole. */
function towerSection(top: Section, name: 'text' | 'vision', keys: readonly string[]): Section {
  const [now, old] = [section(top, `${name}_config`), section(top, `${name}_config_dict`)];
  for (const s of [now, old]) check(s, keys);
  return (top.json[`${name}_config_dict`] ?? null) === null ? now : old;
}

type Defaults = { readonly width: number; readonly heads: number; readonly hidden: number };

function towerOf(s: Section, d: Defaults): TowerConfig {
  const width = whole(s, 'hidden_size', d.width, largest.width);
  const heads = whole(s, 'num_attention_heads', d.heads, largest.heads);
  if (!('stages' in s.json)) divides(s, width, heads, 'num_attention_heads'); // a residual tower has no heads
  const name = s.json['hidden_act'] === undefined ? 'quick_gelu' : s.json['hidden_act'];
  const scaled = 'layer_scale_init_value' in s.json;
  return {
    width,
    heads,
    depth: whole(s, 'num_hidden_layers', 12, largest.depth),
    hidden: whole(s, 'intermediate_size', d.hidden, largest.hidden),
    activation:
      typeof name === 'string' && Object.hasOwn(activationNames, name)
        ? activationNames[name]!
        : refuse(s, 'hidden_act', Object.keys(activationNames).join(', ')),
    epsilon: positive(s, 'layer_norm_eps', 1e-5, 1),
    ...(scaled ? { layerScale: positive(s, 'layer_scale_init_value', 1, 1e3) } : {}),
  };
}

/** Our own key: the channels of a residual tower's stages. */
function stagesOf(s: Section): { stages?: readonly number[] } {
  const x = s.json['stages'];
  if (x === undefined) return {};
  const isCount = (n: unknown): boolean => Number.isInteger(n) && Number(n) > 0 && Number(n) <= largest.width;
  if (Array.isArray(x) && x.length > 0 && x.length <= largest.stages && x.every(isCount)) return { stages: x };
  return refuse(s, 'stages', `a list of up to ${largest.stages} counts of channels`);
}

/** Our own key: texts are bags of words. */
function bagOf(s: Section): { bag?: true } {
  const x = s.json['bag'] ?? false;
  if (typeof x !== 'boolean') return refuse(s, 'bag', 'true or false');
  return x ? { bag: true } : {};
}

/** Where a text is read. OpenAI's files say `eos_token_id: 2`, which is wrong and known to be: that means the largest id (modeling_clip.py). */
function eotOf(s: Section): ClipConfig['text']['eot'] {
  const x = 'eos_token_id' in s.json ? s.json['eos_token_id'] : 49407;
  if (typeof x !== 'number' || !Number.isInteger(x) || x < 0)
    return refuse(s, 'eos_token_id', 'the id of the end of text');
  return x === 2 ? 'largest' : x;
}

/**
 * A model from Hugging Face's config.json; `place` is the file, for errors. What a sub-config leaves out has the value of ViT-B/32. Error `checkpoint`
 * for what is unknown or cannot be obeyed.
 */
export function configFromHuggingFace(json: unknown, place = 'config.json'): ClipConfig {
  const top = section({ json: { config: json }, path: '', place }, 'config');
  const root = { ...top, path: '' };
  check(root, topKeys);
  const [t, v] = [towerSection(root, 'text', textKeys), towerSection(root, 'vision', visionKeys)];
  only(v, 'num_channels', [3]);
  const size = whole(v, 'image_size', 224, largest.size);
  return {
    embed: whole(root, 'projection_dim', 512, largest.embed),
    visual: {
      ...towerOf(v, { width: 768, heads: 12, hidden: 3072 }),
      size,
      patch: whole(v, 'patch_size', 32, Math.min(size, largest.patch)),
      ...stagesOf(v),
    },
    text: {
      ...towerOf(t, { width: 512, heads: 8, hidden: 2048 }),
      vocabulary: whole(t, 'vocab_size', 49408, largest.vocabulary),
      context: whole(t, 'max_position_embeddings', 77, largest.context),
      eot: eotOf(t),
      ...bagOf(t),
    },
  };
}

/** Which keys decide the shapes of which tensors. */
export const huggingFaceKeys = {
  depth: 'text_config.num_hidden_layers and vision_config.num_hidden_layers',
  shapes: [
    [/^text\/tokens/, 'text_config: vocab_size and hidden_size'],
    [/^text\/positions/, 'text_config: max_position_embeddings and hidden_size'],
    [/^text\//, 'text_config: hidden_size and intermediate_size'],
    [/^visual\/positions/, 'vision_config: image_size, patch_size and hidden_size'],
    [/^visual\/patch/, 'vision_config: patch_size and hidden_size'],
    [/^visual\//, 'vision_config: hidden_size and intermediate_size'],
    [/_projection/, 'projection_dim, and hidden_size of text_config and vision_config'],
  ],
} as const;

/** True for a model that `CLIPModel` has: towers of its kind, without LayerScale. */
export function isHuggingFaces({ visual, text }: ClipConfig): boolean {
  const plain = visual.stages === undefined && text.bag === undefined;
  return plain && visual.layerScale === undefined && text.layerScale === undefined;
}

/** The config.json that Hugging Face's `CLIPModel` reads, where it has such a model. Start and end of text are the last two ids, as in CLIP's tokenizer. */
export function configToHuggingFace(c: ClipConfig): { readonly model_type: 'clip' } & Json {
  const { text, visual } = c;
  const tower = (o: TowerConfig): Json => ({
    hidden_size: o.width,
    intermediate_size: o.hidden,
    num_hidden_layers: o.depth,
    num_attention_heads: o.heads,
    hidden_act: Object.keys(activationNames).find((k) => activationNames[k] === o.activation),
    layer_norm_eps: o.epsilon,
    ...(o.layerScale === undefined ? {} : { layer_scale_init_value: o.layerScale }),
    projection_dim: c.embed,
  });
  return {
    model_type: 'clip',
    ...(isHuggingFaces(c) ? { architectures: ['CLIPModel'] } : {}),
    projection_dim: c.embed,
    logit_scale_init_value: Math.log(1 / 0.07),
    text_config: {
      model_type: text.bag ? 'bow2bot_bag' : 'clip_text_model',
      ...tower(text),
      ...(text.bag ? { bag: true } : {}),
      vocab_size: text.vocabulary,
      max_position_embeddings: text.context,
      bos_token_id: text.vocabulary - 2,
      eos_token_id: text.eot === 'largest' ? 2 : text.eot,
      pad_token_id: text.vocabulary - 1,
    },
    vision_config: {
      model_type: visual.stages ? 'bow2bot_residual' : 'clip_vision_model',
      ...tower(visual),
      ...(visual.stages ? { stages: visual.stages } : {}),
      image_size: visual.size,
      patch_size: visual.patch,
    },
  };
}
