/** tokenizer_config.json and special_tokens_map.json of a CLIP, as transformers 5.18 reads them. */
import { checkSettings, isRecord, refuseSetting } from '../base/index.ts';
import { END, START } from './clip-tokenizer-json.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is read, by file name: parsed JSON, and the text of merges.txt; undefined for a file that is not there. */
export type ClipTokenizerFiles = {
  readonly 'tokenizer.json'?: unknown;
  readonly 'vocab.json'?: unknown;
  readonly 'merges.txt'?: string | undefined;
  readonly 'tokenizer_config.json'?: unknown;
  readonly 'special_tokens_map.json'?: unknown;
  readonly 'added_tokens.json'?: unknown;
};

/** A token as these files name it: its text, and flags where they give them. */
export type NamedToken = { readonly content: string; readonly flags: Json };

/** What the two files say. */
export type TokenizerConfig = {
  /** Tokens by their part: `bos_token`, `eos_token`, `unk_token`, `pad_token`, … */
  readonly named: Readonly<Record<string, NamedToken | undefined>>;
  readonly extra: readonly NamedToken[];
  /** Tokens by id; undefined where the config has none, and older files count. */
  readonly decoder: Json | undefined;
  /** `model_max_length`. */
  readonly longest: number | undefined;
  /** Where a name was said, for errors. */
  readonly place: string;
};

/** Order in which transformers adds them. */
const tokenKeys = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/** Keys that change no id. */
const harmless = [
  'tokenizer_class',
  'name_or_path',
  'special_tokens_map_file',
  'tokenizer_file',
  'processor_class',
  'feature_extractor_type',
  'image_processor_type',
  'clean_up_tokenization_spaces',
  'errors', // of decoding
  'model_input_names',
  'use_fast',
  'from_slow',
  'legacy',
  'trust_remote_code',
  'backend',
  'is_local',
  'local_files_only',
  'chat_template',
  'verbose',
  'return_token_type_ids',
  'init_inputs',
  'truncation', // these are arguments of single calls
  'truncation_strategy',
  'padding',
  'max_length',
  'stride',
  'pad_to_multiple_of',
  'pad_token_type_id',
  'transformers_version',
];

/** Keys whose other values would give other ids: what they must say, the first of which is what absence means. */
const fixed: Readonly<Record<string, readonly unknown[]>> = {
  do_lower_case: [true],
  add_prefix_space: [false],
  add_bos_token: [true],
  add_eos_token: [true],
  split_special_tokens: [false],
  padding_side: ['right'],
  truncation_side: ['right'],
  bos_token: [START],
  eos_token: [END],
};

/** Classes of transformers that read these files as CLIP's. */
const classes = ['CLIPTokenizer', 'CLIPTokenizerFast', 'PreTrainedTokenizerFast', 'TokenizersBackend'];

/** Reads both files. Error `checkpoint` for what is not an object, unknown, or cannot be obeyed. */
export function tokenizerConfig(files: ClipTokenizerFiles, at: (name: string) => string): TokenizerConfig {
  const place = at('tokenizer_config.json');
  const said = settingsOf(files['tokenizer_config.json'], place);
  const decoder = said['added_tokens_decoder'] ?? undefined;
  if (decoder !== undefined && !isRecord(decoder))
    refuseSetting('added_tokens_decoder', decoder, { place, known: 'tokens by their ids' });
  const mapPlace = at('special_tokens_map.json');
  const map = decoder === undefined ? settingsOf(files['special_tokens_map.json'], mapPlace) : {};
  const known = [...tokenKeys, ...Object.keys(fixed), 'additional_special_tokens', 'extra_special_tokens'];
  const modelTokens = (j: Json): string[] =>
    Object.keys(j).filter((key) => key.endsWith('_token') && typeof j[key] === 'string');
  checkSettings(said, [...known, ...modelTokens(said), ...harmless, 'added_tokens_decoder', 'model_max_length'], {
    place,
  });
  checkSettings(map, [...tokenKeys, 'additional_special_tokens', 'extra_special_tokens', ...modelTokens(map)], {
    place: mapPlace,
  });
  if (!classes.includes(String(said['tokenizer_class'] ?? classes[0])))
    refuseSetting('tokenizer_class', said['tokenizer_class'], { place, known: classes.join(', ') });
  const both: Json = { ...said, ...map };
  const placeOf = (key: string): string => (key in map ? mapPlace : place);
  for (const [key, values] of Object.entries(fixed)) {
    const value = both[key] === undefined ? values[0] : isRecord(both[key]) ? both[key]['content'] : both[key];
    if (!values.includes(value))
      refuseSetting(key, value, { place: placeOf(key), known: values.map((v) => JSON.stringify(v)).join(', ') });
  }
  const keys = [...tokenKeys, ...[...modelTokens(said), ...modelTokens(map)].filter((k) => !(k in fixed))];
  const named: Record<string, NamedToken | undefined> = { bos_token: plain(START), eos_token: plain(END) };
  for (const key of new Set(keys))
    if ((both[key] ?? undefined) !== undefined) named[key] = tokenOf(both[key], key, placeOf(key));
  const extraKey = both['extra_special_tokens'] === undefined ? 'additional_special_tokens' : 'extra_special_tokens';
  return {
    named,
    extra: listOf(both[extraKey], extraKey, placeOf(extraKey)),
    decoder,
    longest: longestOf(said['model_max_length'], place),
    place,
  };
}

const plain = (content: string): NamedToken => ({ content, flags: {} });

function settingsOf(json: unknown, place: string): Json {
  if (json === undefined) return {};
  return isRecord(json) ? json : refuseSetting('the whole file', json, { place, known: 'an object' });
}

/** A token: its text, or an object with `content` and flags. */
export function tokenOf(x: unknown, key: string, place: string): NamedToken {
  if (typeof x === 'string') return plain(x);
  if (!isRecord(x) || typeof x['content'] !== 'string')
    return refuseSetting(key, x, { place, known: 'a text, or an object with content' });
  return { content: x['content'], flags: x };
}

function listOf(x: unknown, key: string, place: string): NamedToken[] {
  const list: unknown = isRecord(x) ? Object.values(x) : (x ?? []);
  if (!Array.isArray(list)) return refuseSetting(key, x, { place, known: 'a list of tokens' });
  return list.map((token, i) => tokenOf(token, `${key}[${i}]`, place));
}

/** Any number: transformers writes 10³⁰ for "no limit". */
function longestOf(x: unknown, place: string): number | undefined {
  if (x === undefined || x === null) return undefined;
  if (typeof x === 'number' && Number.isInteger(x) && x >= 2) return x;
  return refuseSetting('model_max_length', x, { place, known: 'whole numbers of at least 2: start and end' });
}
