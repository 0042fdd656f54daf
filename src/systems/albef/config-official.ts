/**
 * The released code's own settings: a yaml (configs/Pretrain.yaml and others) with `bert_config` (configs/config_bert.json) in it, as one JSON object.
 * They do not say which heads a model has; its tensors do.
 */
import { BowError, isRecord, unknownName } from '../../base/index.ts';
import type { Safetensors } from '../../hub/index.ts';
import type { AlbefConfig, AlbefHeads } from './config.ts';
import { variants } from './config.ts';

type Json = Readonly<Record<string, unknown>>;

/** Keys with what they are where they are left out; undefined: they must be there. */
const outer = {
  model_type: 'albef',
  image_res: undefined,
  vision_width: null,
  embed_dim: null,
  temp: 0.07,
  mlm_probability: 0.15,
  queue_size: 65536,
  momentum: 0.995,
  alpha: 0.4,
  distill: true,
  decoder_layers: 6,
  bert_config: undefined,
  vision: null,
  tokens: null,
} as const;
const bert = {
  ...{ architectures: null, model_type: 'bert', initializer_range: 0.02, hidden_act: 'gelu', pad_token_id: 0 },
  ...{ attention_probs_dropout_prob: 0.1, hidden_dropout_prob: 0.1, layer_norm_eps: 1e-12, type_vocab_size: 2 },
  ...{ hidden_size: undefined, intermediate_size: undefined, max_position_embeddings: undefined },
  ...{ num_attention_heads: undefined, num_hidden_layers: undefined, vocab_size: undefined },
  ...{ fusion_layer: undefined, encoder_width: undefined },
} as const;
const vision = {
  img_size: 0,
  patch_size: 16,
  embed_dim: 768,
  depth: 12,
  num_heads: 12,
  mlp_ratio: 4,
  layer_norm_eps: 1e-6,
};
/** What only the training scripts look at. */
const scripts =
  /^(train_file|val_file|test_file|image_root|answer_list|\w+_root|batch_size\w*|k_test|warm_up|eos|eval_ema|optimizer|schedular|refcoco_data|det_file|coco_file)$/;

function section(json: unknown, known: Json, place: string, path: string): Json {
  if (!isRecord(json)) throw new BowError('checkpoint', `${path === '' ? 'the config' : path} is no object`, { place });
  for (const key of Object.keys(json))
    if (!(key in known) && !(path === '' && scripts.test(key)))
      throw new BowError(
        'checkpoint',
        unknownName('setting', path === '' ? key : `${path}.${key}`, Object.keys(known)),
        { place },
      );
  for (const [key, fallback] of Object.entries(known))
    if (fallback === undefined && json[key] === undefined)
      throw new BowError('checkpoint', `no setting "${path === '' ? key : `${path}.${key}`}"`, { place });
  return { ...known, ...json };
}

/** True for settings in the form of the released code. */
export const isOfficial = (json: unknown): boolean => isRecord(json) && 'bert_config' in json;

/** The heads that a file has tensors of. */
function headsOf(file: Safetensors, embed: number, decoder: number): AlbefHeads {
  const rows = (key: string): number | undefined => (file.has(key) ? file.info(key).shape[0] : undefined);
  return {
    ...(file.has('vision_proj.weight') ? { contrast: embed } : {}),
    ...(file.has('itm_head.weight') ? { match: true } : {}),
    ...(file.has('text_encoder.cls.predictions.bias') ? { words: true } : {}),
    ...(file.has('text_decoder.cls.predictions.bias') ? { decoder } : {}),
    ...(file.has('cls_head.2.weight') ? { classes: rows('cls_head.2.weight')! } : {}),
    ...(file.has('ta_head.weight') ? { assignment: true } : {}),
  } as AlbefHeads;
}

/**
 * The config of settings in the released code's form and the weights beside them. The numbers are checked by the schema afterwards. Error `checkpoint`
 * for a key that neither form of the code has, for one that is missing, and for settings that this model does not have.
 */
export function configFromOfficial(json: unknown, file: Safetensors, place: string): AlbefConfig {
  const o = section(json, outer, place, '');
  const b = section(o['bert_config'], bert, place, 'bert_config');
  const v = section(o['vision'] ?? {}, vision, place, 'vision');
  const only = (path: string, value: unknown, wanted: unknown): void => {
    if (value === wanted) return;
    throw new BowError('checkpoint', `${path} ${JSON.stringify(value)}: only ${JSON.stringify(wanted)} is known`, {
      place,
    });
  };
  const n = (x: unknown): number => x as number; // the schema looks at it
  only('bert_config.hidden_act', b['hidden_act'], 'gelu');
  only('bert_config.encoder_width', b['encoder_width'], v['embed_dim']);
  if (o['vision_width'] !== null) only('vision_width', o['vision_width'], v['embed_dim']);
  const last = `encoder.layer.${n(b['num_hidden_layers'])}.output.dense.weight`;
  return {
    visual: {
      ...{ size: n(o['image_res']), patch: n(v['patch_size']), width: n(v['embed_dim']), depth: n(v['depth']) },
      ...{ heads: n(v['num_heads']), hidden: n(v['embed_dim']) * n(v['mlp_ratio']), epsilon: n(v['layer_norm_eps']) },
    },
    text: {
      ...{ vocabulary: n(b['vocab_size']), context: n(b['max_position_embeddings']), types: n(b['type_vocab_size']) },
      ...{ pad: n(b['pad_token_id']), width: n(b['hidden_size']), depth: n(b['num_hidden_layers']) },
      ...{ fusion: n(b['fusion_layer']), heads: n(b['num_attention_heads']), hidden: n(b['intermediate_size']) },
      ...{ epsilon: n(b['layer_norm_eps']), dropout: n(b['hidden_dropout_prob']) },
      attentionDropout: n(b['attention_probs_dropout_prob']),
    },
    heads: headsOf(file, n(o['embed_dim']), n(o['decoder_layers'])),
    images: file.has(`text_encoder.${last}`) ? 2 : 1, // NLVR² duplicates layers beyond those that the config says
    temperature: n(o['temp']),
    distillation: {
      alpha: o['distill'] === false ? 0 : n(o['alpha']),
      ramp: variants.base.distillation.ramp,
      momentum: n(o['momentum']),
      queue: n(o['queue_size']),
    },
  };
}
