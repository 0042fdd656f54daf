/** config.json of Hugging Face's classes of ViLT, which ours is too. Every key is obeyed, known to change nothing, or refused by name. */
import { checkSettings, isRecord } from '../../base/index.ts';
import { activationNames, harmless } from '../clip/config-huggingface.ts';
import { divides, type Json, only, positive, refuse, type Section, section, whole } from '../clip/config-numbers.ts';
import type { ViltConfig, ViltTasks } from './config.ts';
import { largest } from './config-bounds.ts';

const keys = [
  ...['hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size', 'hidden_act', 'layer_norm_eps'],
  ...['hidden_dropout_prob', 'attention_probs_dropout_prob', 'qkv_bias', 'image_size', 'patch_size', 'num_channels'],
  ...['vocab_size', 'max_position_embeddings', 'type_vocab_size', 'modality_type_vocab_size', 'max_image_length'],
  ...['num_images', 'tie_word_embeddings', 'id2label', 'num_labels', 'architectures', 'position_embedding_type'],
  ...['pruned_heads', 'text_layer_norm_eps', 'tasks', 'stem'], // the last three are ours
];

/** The head of each class. */
const classes: Readonly<Record<string, keyof ViltTasks | 'none'>> = {
  ViltForQuestionAnswering: 'answers',
  ViltForImagesAndTextClassification: 'statements',
  ViltForImageAndTextRetrieval: 'rank',
  ViltForMaskedLM: 'mlm',
  ViltModel: 'none',
};
const taskNames = ['answers', 'statements', 'rank', 'mlm', 'itm'] as const satisfies readonly (keyof ViltTasks)[];

/**
 * A model from Hugging Face's config.json; `place` is the file, for errors. What it leaves out has the value of the class. Error `checkpoint` for what is
 * unknown or cannot be obeyed.
 */
export function configFromHuggingFace(json: unknown, place = 'config.json'): ViltConfig {
  const s: Section = { json: isRecord(json) ? json : {}, path: '', place };
  if (!isRecord(json)) refuse({ ...s, json: { config: json } }, 'config', 'an object');
  checkSettings(s.json, [...keys, ...harmless, ...Object.keys(s.json).filter((key) => key.startsWith('_'))], s);
  if (Object.keys(s.json['pruned_heads'] ?? {}).length > 0) refuse(s, 'pruned_heads', '{}');
  only(s, 'num_channels', [3]);
  only(s, 'position_embedding_type', ['absolute']);
  only(s, 'num_images', [-1, 1, 2]);
  const width = whole(s, 'hidden_size', 768, largest.width);
  const heads = whole(s, 'num_attention_heads', 12, largest.heads);
  divides(s, width, heads, 'num_attention_heads');
  const epsilon = positive(s, 'layer_norm_eps', 1e-12, 1);
  const tasks = tasksOf(s);
  return {
    ...{ width, heads, epsilon, tasks },
    depth: whole(s, 'num_hidden_layers', 12, largest.depth),
    hidden: whole(s, 'intermediate_size', 3072, largest.hidden),
    activation: activationOf(s),
    textEpsilon: positive(s, 'text_layer_norm_eps', epsilon, 1),
    qkvBias: flag(s, 'qkv_bias', true),
    dropout: share(s, 'hidden_dropout_prob'),
    attentionDropout: share(s, 'attention_probs_dropout_prob'),
    image: imageOf(s),
    text: {
      vocabulary: whole(s, 'vocab_size', 30522, largest.vocabulary),
      context: whole(s, 'max_position_embeddings', 40, largest.context),
      types: whole(s, 'type_vocab_size', 2, largest.types),
    },
    modalities: modalitiesOf(s, tasks),
  };
}

function activationOf(s: Section): ViltConfig['activation'] {
  const name = s.json['hidden_act'] ?? 'gelu';
  return typeof name === 'string' && Object.hasOwn(activationNames, name)
    ? activationNames[name]!
    : refuse(s, 'hidden_act', Object.keys(activationNames).join(', '));
}

function flag(s: Section, key: string, absent: boolean): boolean {
  const x = s.json[key] ?? absent;
  return typeof x === 'boolean' ? x : refuse(s, key, 'true, false');
}

function share(s: Section, key: string): number {
  const x = s.json[key] ?? 0;
  return typeof x === 'number' && x >= 0 && x <= 1 ? x : refuse(s, key, 'numbers from 0 to 1');
}

/** A side of a square, which may stand twice. */
function side(s: Section, key: string, absent: number, most: number): number {
  const x = s.json[key];
  const isSquare = Array.isArray(x) && x.length === 2 && x[0] === x[1];
  return whole(isSquare ? { ...s, json: { ...s.json, [key]: x[0] } } : s, key, absent, most);
}

function imageOf(s: Section): ViltConfig['image'] {
  const size = side(s, 'image_size', 384, largest.size);
  const patch = side(s, 'patch_size', 32, Math.min(size, largest.patch));
  const most = s.json['max_image_length'] ?? -1;
  const own = { size, patch, ...stemOf(s) };
  if (typeof most === 'number' && Number.isInteger(most) && most < 0) return own;
  return { ...own, most: whole(s, 'max_image_length', 1, largest.patches) };
}

/** Our own key: a stem in place of the patches' pixels; what its numbers may be is checked with the whole config. */
function stemOf(s: Section): Pick<ViltConfig['image'], 'stem'> {
  const stem = s.json['stem'] ?? undefined;
  if (stem === undefined) return {};
  const v = section(s, 'stem');
  checkSettings(v.json, ['patch', 'stages', 'depth'], v);
  const { stages } = v.json;
  if (!Array.isArray(stages)) return refuse(v, 'stages', 'a list of channels');
  return { stem: { patch: whole(v, 'patch', 4, largest.patch), stages, depth: whole(v, 'depth', 1, largest.depth) } };
}

function modalitiesOf(s: Section, { statements }: ViltTasks): 2 | 3 {
  const x = s.json['modality_type_vocab_size'] ?? 2;
  if (x === 3 || (x === 2 && !statements)) return x;
  return refuse(s, 'modality_type_vocab_size', statements ? '3: text, image and second image' : '2, 3');
}

/** The names of the classes; those of a file without names are the class's own two. */
export function labelsOf(json: Json, place: string): string[] {
  const s: Section = { json, path: '', place };
  const count = json['num_labels'] ?? undefined;
  const names = json['id2label'] ?? undefined;
  if (names === undefined)
    return Array.from({ length: whole(s, 'num_labels', 2, largest.answers) }, (_, i) => `LABEL_${i}`);
  const known = 'names by the numbers from 0 on';
  if (!isRecord(names)) return refuse(s, 'id2label', known);
  const n = Object.keys(names).length;
  const list = Array.from({ length: n }, (_, i) => names[i]);
  if (n < 1 || n > largest.answers || !list.every((name) => typeof name === 'string')) refuse(s, 'id2label', known);
  if (count !== undefined && count !== n) refuse(s, 'num_labels', `${n}, as many as id2label has`);
  return list as string[];
}

/** The heads: of the class in `architectures`; of several (our key `tasks`); without either by the labels, of which a classifier has other than two. */
function tasksOf(s: Section): ViltTasks {
  const labels = labelsOf(s.json, s.place);
  const named = s.json['tasks'] ?? undefined;
  const list = named === undefined ? [classOf(s, labels.length)] : Array.isArray(named) ? named : [named];
  const known = taskNames as readonly unknown[];
  if (named !== undefined && !list.every((name) => known.includes(name))) refuse(s, 'tasks', taskNames.join(', '));
  const has = (name: keyof ViltTasks): boolean => list.includes(name);
  if (has('statements') && !has('answers') && labels.length !== 2) refuse(s, 'id2label', 'two names: false and true');
  if (has('statements') && named === undefined && s.json['num_images'] !== 2) refuse(s, 'num_images', '2');
  return {
    ...(has('mlm') ? { mlm: flag(s, 'tie_word_embeddings', false) ? 'tied' : 'own' } : {}),
    ...(has('itm') ? { itm: true } : {}),
    ...(has('rank') ? { rank: true } : {}),
    ...(has('answers') ? { answers: labels.length } : {}),
    ...(has('statements') ? { statements: true } : {}),
  };
}

function classOf(s: Section, labels: number): keyof ViltTasks | 'none' {
  const list = s.json['architectures'] ?? undefined;
  if (list === undefined) return s.json['num_images'] === 2 ? 'statements' : labels === 2 ? 'none' : 'answers';
  const name: unknown = Array.isArray(list) && list.length === 1 ? list[0] : undefined;
  return typeof name === 'string' && Object.hasOwn(classes, name)
    ? classes[name]!
    : refuse(s, 'architectures', Object.keys(classes).join(', '));
}

/** Which keys decide the shapes of which tensors. */
export const huggingFaceKeys = {
  depth: 'num_hidden_layers, qkv_bias, and the heads by architectures or tasks',
  shapes: [
    [/^text\/(tokens|types)/, 'vocab_size, type_vocab_size and hidden_size'],
    [/^text\/positions/, 'max_position_embeddings and hidden_size'],
    [/^image\/positions/, 'image_size, patch_size and hidden_size'],
    [/^image\/patch/, 'patch_size and hidden_size'],
    [/^image\/class_token/, 'hidden_size'],
    [/^answers\/fc2/, 'id2label and hidden_size'],
    [/^mlm\/(decoder|bias)/, 'vocab_size and hidden_size'],
    [/./, 'hidden_size and intermediate_size'],
  ],
} as const;

/** The config.json that the class for a model's first head reads; `tasks` names the heads where that class has not all of them. */
export function configToHuggingFace(c: ViltConfig, answers: readonly string[]): { readonly model_type: 'vilt' } & Json {
  const { tasks } = c;
  const names = taskNames.filter((name) => tasks[name]);
  const [first = 'none'] = names;
  const found = Object.keys(classes).find((name) => classes[name] === first);
  const labels = tasks.answers ? answers : tasks.statements ? ['False', 'True'] : undefined;
  return {
    model_type: 'vilt',
    architectures: [found ?? 'ViltModel'],
    ...(names.length > 1 || first === 'itm' ? { tasks: names } : {}),
    hidden_size: c.width,
    num_hidden_layers: c.depth,
    num_attention_heads: c.heads,
    intermediate_size: c.hidden,
    hidden_act: Object.keys(activationNames).find((k) => activationNames[k] === c.activation),
    layer_norm_eps: c.epsilon,
    ...(c.textEpsilon === c.epsilon ? {} : { text_layer_norm_eps: c.textEpsilon }),
    hidden_dropout_prob: c.dropout,
    attention_probs_dropout_prob: c.attentionDropout,
    qkv_bias: c.qkvBias,
    image_size: c.image.size,
    patch_size: c.image.patch,
    ...(c.image.stem ? { stem: c.image.stem } : {}),
    num_channels: 3,
    max_image_length: c.image.most ?? -1,
    vocab_size: c.text.vocabulary,
    max_position_embeddings: c.text.context,
    type_vocab_size: c.text.types,
    modality_type_vocab_size: c.modalities,
    num_images: tasks.statements ? 2 : -1,
    tie_word_embeddings: tasks.mlm === 'tied',
    ...(labels
      ? {
          id2label: Object.fromEntries(labels.map((name, i) => [i, name])),
          label2id: Object.fromEntries(labels.map((name, i) => [name, i])),
        }
      : {}),
  };
}
