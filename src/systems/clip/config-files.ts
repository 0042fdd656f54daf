/** config.json of CLIP checkpoints: Hugging Face's (which ours are too) and open_clip's. */
import { BowError } from '../../base/index.ts';
import type { Activation } from '../../nn/index.ts';
import type { ClipConfig, TowerConfig } from './clip.ts';

type Json = { readonly [key: string]: unknown };

const object = (x: unknown): Json => (typeof x === 'object' && x !== null ? (x as Json) : {});

/** A positive number of a config; `fallback` where the key is absent, as Hugging Face's classes do. */
function number(j: Json, key: string, fallback: number, place: string): number {
  const x = j[key] ?? fallback;
  if (typeof x === 'number' && Number.isFinite(x) && x > 0) return x;
  throw new BowError('checkpoint', `${JSON.stringify(x)} instead of a positive number`, {
    place: `${place}${key}`,
  });
}

/** Our own key: the channels of a residual tower's stages. */
function stagesOf(x: unknown): { stages?: readonly number[] } {
  if (x === undefined) return {};
  if (Array.isArray(x) && x.length > 0 && x.every((n) => Number.isInteger(n) && n > 0)) return { stages: x };
  throw new BowError('checkpoint', 'stages are not a list of counts', { place: 'vision_config.stages' });
}

/** Hugging Face's names of activations. `gelu_new` and `gelu_pytorch_tanh` are the tanh form. */
const activationNames: Readonly<Record<string, Activation>> = {
  quick_gelu: 'quick-gelu',
  gelu: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
};

function activationOf(text: Json, vision: Json): Activation {
  const [a, b] = [text['hidden_act'] ?? 'quick_gelu', vision['hidden_act'] ?? 'quick_gelu'];
  const known = Object.hasOwn(activationNames, String(a)) ? activationNames[String(a)] : undefined;
  if (a === b && known) return known;
  throw new BowError('checkpoint', `activations ${a} (text) and ${b} (vision) are not a known pair`, {
    place: 'hidden_act',
    detail: { known: Object.keys(activationNames) },
  });
}

/**
 * A model from Hugging Face's config.json. What a sub-config leaves out has the value of ViT-B/32. OpenAI's files say `eos_token_id: 2`, which is
 * wrong and known to be: there the text is read at the largest id, with any other value at the first token that has it (modeling_clip.py).
 */
export function configFromHuggingFace(json: unknown): ClipConfig {
  const j = object(json);
  const part = (name: string): Json => object(j[`${name}_config_dict`] ?? j[`${name}_config`]); // old files have both, and the first counts
  const [t, v] = [part('text'), part('vision')];
  const [tn, vn] = [
    (key: string, fallback: number) => number(t, key, fallback, 'text_config.'),
    (key: string, fallback: number) => number(v, key, fallback, 'vision_config.'),
  ];
  const eos = tn('eos_token_id', 49407);
  if (number(v, 'num_channels', 3, 'vision_config.') !== 3)
    throw new BowError('checkpoint', 'only three-channel images are supported', {
      place: 'vision_config.num_channels',
    });
  const epsilon = tn('layer_norm_eps', 1e-5);
  if (epsilon !== vn('layer_norm_eps', 1e-5))
    throw new BowError('checkpoint', 'the towers have different layer_norm_eps', { place: 'layer_norm_eps' });
  return {
    embed: number(j, 'projection_dim', 512, ''),
    activation: activationOf(t, v),
    epsilon,
    visual: {
      width: vn('hidden_size', 768),
      depth: vn('num_hidden_layers', 12),
      heads: vn('num_attention_heads', 12),
      hidden: vn('intermediate_size', 3072),
      size: vn('image_size', 224),
      patch: vn('patch_size', 32),
      ...stagesOf(v['stages']),
    },
    text: {
      width: tn('hidden_size', 512),
      depth: tn('num_hidden_layers', 12),
      heads: tn('num_attention_heads', 8),
      hidden: tn('intermediate_size', 2048),
      vocabulary: tn('vocab_size', 49408),
      context: tn('max_position_embeddings', 77),
      eot: eos === 2 ? 'largest' : eos,
    },
  };
}

/** The config.json that Hugging Face's `CLIPModel` reads (but for residual towers, which it does not have). Start and end of text are the last two ids, as in CLIP's tokenizer. */
export function configToHuggingFace(
  c: ClipConfig,
): { readonly model_type: 'clip' } & Readonly<Record<string, unknown>> {
  const { text, visual, epsilon } = c;
  const act = Object.keys(activationNames).find((k) => activationNames[k] === c.activation) ?? c.activation;
  const tower = (o: ClipConfig['visual'] | ClipConfig['text']): Record<string, unknown> => ({
    hidden_size: o.width,
    intermediate_size: o.hidden,
    num_hidden_layers: o.depth,
    num_attention_heads: o.heads,
    hidden_act: act,
    layer_norm_eps: epsilon,
    projection_dim: c.embed,
  });
  return {
    model_type: 'clip',
    ...(visual.stages ? {} : { architectures: ['CLIPModel'] }),
    projection_dim: c.embed,
    logit_scale_init_value: Math.log(1 / 0.07),
    text_config: {
      model_type: 'clip_text_model',
      ...tower(text),
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

/** Keys of open_clip's towers that change the arithmetic and no tensor, with the values of a CLIP as in the paper. */
const plainOpenClip: Readonly<Record<'vision_cfg' | 'text_cfg', Readonly<Record<string, unknown>>>> = {
  vision_cfg: { pool_type: 'tok', pos_embed_type: 'learnable', attentional_pool: false },
  text_cfg: { pool_type: 'argmax', no_causal_mask: false, embed_cls: false, proj_type: 'linear' },
};

/** The epsilon of both towers' norms. Error `checkpoint` for towers that differ, and for what is computed otherwise than here. */
function openClipEpsilon(towers: Readonly<Record<'vision_cfg' | 'text_cfg', Json>>): number {
  const [vision, text] = (['vision_cfg', 'text_cfg'] as const).map((name) => {
    const usual: Json = { ...plainOpenClip[name], act_kwargs: null, scaled_cosine_attn: false };
    for (const [key, value] of Object.entries(usual)) {
      const given = towers[name][key] ?? value;
      if (given === value) continue;
      throw new BowError('checkpoint', `a model with ${key} ${JSON.stringify(given)} is not read`, {
        place: `${name}.${key}`,
      });
    }
    return number(object(towers[name]['norm_kwargs']), 'eps', 1e-5, `${name}.norm_kwargs.`);
  });
  if (vision === text) return vision!;
  throw new BowError('checkpoint', 'the towers have different epsilons', { place: 'norm_kwargs.eps' });
}

/** A model from open_clip's JSON: a file of its `model_configs`, or `open_clip_config.json` with these below `model_cfg`. */
export function configFromOpenClip(json: unknown): ClipConfig {
  const j = object(object(json)['model_cfg'] ?? json);
  const [v, t] = [object(j['vision_cfg']), object(j['text_cfg'])];
  if (Array.isArray(v['layers']) || v['timm_model_name'] !== undefined || t['hf_model_name'] !== undefined)
    throw new BowError('checkpoint', 'not a CLIP of a plain vision and text transformer', { place: 'vision_cfg' });
  const vn = (key: string, fallback: number): number => number(v, key, fallback, 'vision_cfg.');
  const tn = (key: string, fallback: number): number => number(t, key, fallback, 'text_cfg.');
  const [vw, tw] = [vn('width', 768), tn('width', 512)];
  return {
    embed: number(j, 'embed_dim', 512, ''),
    activation: j['quick_gelu'] === true ? 'quick-gelu' : 'gelu',
    epsilon: openClipEpsilon({ vision_cfg: v, text_cfg: t }),
    visual: {
      width: vw,
      depth: vn('layers', 12),
      heads: vw / vn('head_width', 64),
      hidden: Math.floor(vw * vn('mlp_ratio', 4)),
      size: vn('image_size', 224),
      patch: vn('patch_size', 16),
    },
    text: {
      width: tw,
      depth: tn('layers', 12),
      heads: tn('heads', 8),
      hidden: Math.floor(tw * tn('mlp_ratio', 4)),
      vocabulary: tn('vocab_size', 49408),
      context: tn('context_length', 77),
      eot: 'largest',
    },
  };
}

/** open_clip cuts width × ratio down to a whole number: half a unit more where the quotient falls short of it. */
function ratioOf({ width, hidden }: TowerConfig): number {
  const ratio = hidden / width;
  return Math.floor(width * ratio) === hidden ? ratio : (hidden + 0.5) / width;
}

/** The JSON from which open_clip builds the same model. Error `config` for activations that it does not have. */
export function configToOpenClip(c: ClipConfig): Json {
  if (c.activation !== 'gelu' && c.activation !== 'quick-gelu')
    throw new BowError('config', `open_clip has no activation "${c.activation}"`, { place: 'activation' });
  if (c.visual.stages) throw new BowError('config', 'open_clip has no such residual tower', { place: 'visual.stages' });
  const { text, visual } = c;
  const norms = c.epsilon === 1e-5 ? {} : { norm_kwargs: { eps: c.epsilon } };
  return {
    embed_dim: c.embed,
    quick_gelu: c.activation === 'quick-gelu',
    vision_cfg: {
      image_size: visual.size,
      layers: visual.depth,
      width: visual.width,
      head_width: visual.width / visual.heads,
      patch_size: visual.patch,
      mlp_ratio: ratioOf(visual),
      ...norms,
    },
    text_cfg: {
      context_length: text.context,
      vocab_size: text.vocabulary,
      width: text.width,
      heads: text.heads,
      layers: text.depth,
      mlp_ratio: ratioOf(text),
      ...norms,
    },
  };
}
