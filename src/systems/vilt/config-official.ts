/**
 * The config of the paper's own code (dandelin/ViLT, vilt/config.py) as config.json: what its checkpoints hold under `hyper_parameters.config`. Every key is
 * obeyed, known to change no value, or refused by name.
 */
import { checkSettings, isRecord } from '../../base/index.ts';
import { divides, type Json, only, positive, refuse, type Section, section, whole } from '../clip/config-numbers.ts';
import type { ViltConfig, ViltTasks } from './config.ts';
import { largest } from './config-bounds.ts';

const keys = [
  ...['hidden_size', 'num_layers', 'num_heads', 'mlp_ratio', 'drop_rate', 'vit', 'vision', 'max_image_len'],
  ...['vocab_size', 'max_text_len', 'vqav2_label_size', 'loss_names', 'text_layer_norm_eps'],
];

/** Keys of data, training and the machine. `image_size` and `patch_size` are those of the images; the model's are in the name `vit`. */
const harmless = (
  'exp_name seed datasets batch_size train_transform_keys val_transform_keys image_size patch_size draw_false_image image_only tokenizer ' +
  'whole_word_masking mlm_prob draw_false_text optim_type learning_rate weight_decay decay_power max_epoch max_steps warmup_steps end_lr lr_mult ' +
  'get_recall_metric resume_from fast_dev_run val_check_interval test_only data_root log_dir per_gpu_batchsize num_gpus num_nodes load_path num_workers ' +
  'precision'
).split(' ');

/** The vision transformers of the code's names that ViLT may start from: width, depth, heads. */
const towers: Readonly<Record<string, readonly [width: number, depth: number, heads: number]>> = {
  base: [768, 12, 12],
  large: [1024, 24, 16],
};

const lossNames = ['itm', 'mlm', 'mpp', 'vqa', 'nlvr2', 'irtr'] as const;

/** A model from the paper's config; `place` is the file, for errors. Error `checkpoint` for what is unknown or cannot be obeyed. */
export function configFromOfficial(json: unknown, place = 'config.json'): ViltConfig {
  const s: Section = { json: isRecord(json) ? json : {}, path: '', place };
  if (!isRecord(json)) refuse({ ...s, json: { config: json } }, 'config', 'an object');
  checkSettings(s.json, [...keys, ...harmless], s);
  const width = whole(s, 'hidden_size', 768, largest.width);
  const [depth, heads] = [whole(s, 'num_layers', 12, largest.depth), whole(s, 'num_heads', 12, largest.heads)];
  divides(s, width, heads, 'num_heads');
  const ratio = positive(s, 'mlp_ratio', 4, 64);
  const tower = towerOf(s, [width, depth, heads], ratio);
  const tasks = tasksOf(s);
  const most = s.json['max_image_len'] ?? -1;
  const isAll = typeof most === 'number' && Number.isInteger(most) && most < 0;
  return {
    ...{ width, depth, heads, tasks },
    hidden: Math.trunc(width * ratio),
    activation: 'gelu',
    epsilon: tower.epsilon,
    textEpsilon: positive(s, 'text_layer_norm_eps', 1e-12, 1),
    qkvBias: tower.qkvBias,
    dropout: dropoutOf(s),
    attentionDropout: 0,
    image: {
      ...{ size: tower.size, patch: tower.patch },
      ...(isAll ? {} : { most: whole(s, 'max_image_len', 1, largest.patches) }),
    },
    text: {
      vocabulary: whole(s, 'vocab_size', 30522, largest.vocabulary),
      context: whole(s, 'max_text_len', 40, largest.context),
      types: 2,
    },
    modalities: tasks.statements ? 3 : 2,
  };
}

function dropoutOf(s: Section): number {
  const x = s.json['drop_rate'] ?? 0.1;
  return typeof x === 'number' && x >= 0 && x <= 1 ? x : refuse(s, 'drop_rate', 'numbers from 0 to 1');
}

type Tower = { readonly size: number; readonly patch: number; readonly epsilon: number; readonly qkvBias: boolean };

/** The vision transformer: spelled out in `vision` (timm's arguments), or by one of the code's names, `vit_base_patch32_384`. */
function towerOf(s: Section, sizes: readonly number[], ratio: number): Tower {
  const written = section(s, 'vision');
  if (Object.keys(written.json).length > 0) return writtenTower(written, sizes, ratio);
  const name = s.json['vit'] ?? 'vit_base_patch32_384';
  const found = typeof name === 'string' ? /^vit_(base|large)_patch(16|32)_(224|384)$/.exec(name) : null;
  if (!found) return refuse(s, 'vit', 'vit_base_patch32_384 and the like, or sizes in "vision"');
  const known = towers[found[1]!]!;
  if (ratio !== 4 || known.some((n, i) => n !== sizes[i]))
    refuse(s, 'vit', `hidden_size ${known[0]}, num_layers ${known[1]}, num_heads ${known[2]}, mlp_ratio 4 for it`);
  return { patch: Number(found[2]), size: Number(found[3]), epsilon: 1e-6, qkvBias: true };
}

function writtenTower(v: Section, [width, depth, heads]: readonly number[], ratio: number): Tower {
  checkSettings(
    v.json,
    ['img_size', 'patch_size', 'embed_dim', 'depth', 'num_heads', 'mlp_ratio', 'layer_norm_eps', 'qkv_bias'],
    v,
  );
  only(v, 'embed_dim', [width]);
  only(v, 'depth', [depth]);
  only(v, 'num_heads', [heads]);
  only(v, 'mlp_ratio', [ratio]);
  only(v, 'qkv_bias', [true, false]);
  const size = whole(v, 'img_size', 224, largest.size);
  return {
    size,
    patch: whole(v, 'patch_size', 16, Math.min(size, largest.patch)),
    epsilon: positive(v, 'layer_norm_eps', 1e-6, 1),
    qkvBias: v.json['qkv_bias'] !== false,
  };
}

/** A head is there when its loss has a weight. Masked patches have none: the code's class lacks their token. */
function tasksOf(s: Section): ViltTasks {
  const l = section(s, 'loss_names');
  checkSettings(l.json, lossNames, l);
  for (const name of lossNames) {
    const x = l.json[name] ?? 0;
    if (typeof x !== 'number' || !(x >= 0)) refuse(l, name, 'weights of at least 0');
  }
  only(l, 'mpp', [0]);
  const has = (name: (typeof lossNames)[number]): boolean => Number(l.json[name] ?? 0) > 0;
  return {
    ...(has('mlm') ? { mlm: 'own' } : {}),
    ...(has('itm') ? { itm: true } : {}),
    ...(has('irtr') ? { rank: true } : {}),
    ...(has('vqa') ? { answers: whole(s, 'vqav2_label_size', 3129, largest.answers) } : {}),
    ...(has('nlvr2') ? { statements: true } : {}),
  };
}

/** Whether a config is of this code: it weighs masked patches, which no other's does. */
export function isOfficial(json: unknown): boolean {
  const losses = isRecord(json) ? json['loss_names'] : undefined;
  return isRecord(losses) && 'mpp' in losses;
}

/** Why the code could not hold a model; undefined where it can. */
export function unsaidByOfficial(c: ViltConfig): string | undefined {
  if (c.image.stem) return 'convolutional stem';
  if (c.tasks.mlm === 'tied') return 'head for masked words that is tied to the embeddings';
  if (c.activation !== 'gelu') return `activation ${c.activation}`;
  if (c.attentionDropout > 0) return 'dropout of attention';
  if (c.text.types !== 2) return `table of ${c.text.types} token types`;
  return c.modalities === (c.tasks.statements ? 3 : 2)
    ? undefined
    : `table of ${c.modalities} modalities without statements`;
}

/** The config that the paper's code takes, with the sizes of the vision transformer in `vision` where none of its names has them. */
export function configToOfficial(c: ViltConfig): Json {
  const { tasks, image } = c;
  const size = Object.keys(towers).find((name) => towers[name]!.join() === [c.width, c.depth, c.heads].join());
  const isNamed = size !== undefined && c.hidden === 4 * c.width && c.epsilon === 1e-6 && c.qkvBias;
  const name = `vit_${size}_patch${image.patch}_${image.size}`;
  const isKnown = isNamed && /_patch(16|32)_(224|384)$/.test(name);
  const weight = (x: unknown): number => (x ? 1 : 0);
  return {
    loss_names: {
      itm: weight(tasks.itm),
      mlm: weight(tasks.mlm),
      mpp: 0,
      vqa: weight(tasks.answers),
      nlvr2: weight(tasks.statements),
      irtr: weight(tasks.rank),
    },
    hidden_size: c.width,
    num_layers: c.depth,
    num_heads: c.heads,
    mlp_ratio: ratioOf(c),
    drop_rate: c.dropout,
    vit: isKnown ? name : 'vision',
    ...(isKnown ? {} : { vision: visionOf(c) }),
    image_size: image.size,
    patch_size: image.patch,
    max_image_len: image.most ?? -1,
    vocab_size: c.text.vocabulary,
    max_text_len: c.text.context,
    ...(c.textEpsilon === 1e-12 ? {} : { text_layer_norm_eps: c.textEpsilon }),
    ...(tasks.answers ? { vqav2_label_size: tasks.answers } : {}),
  };
}

const visionOf = (c: ViltConfig): Json => ({
  ...{ img_size: c.image.size, patch_size: c.image.patch, embed_dim: c.width, depth: c.depth, num_heads: c.heads },
  ...{ mlp_ratio: ratioOf(c), layer_norm_eps: c.epsilon, qkv_bias: c.qkvBias },
});

/** The code truncates width · ratio: a quotient that rounding made too small is given half a unit more. */
function ratioOf({ width, hidden }: ViltConfig): number {
  const ratio = hidden / width;
  return Math.trunc(width * ratio) === hidden ? ratio : (hidden + 0.5) / width;
}
