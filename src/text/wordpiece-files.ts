/**
 * BERT's tokenizer from published files, as transformers (`BertTokenizerFast`) reads them: tokenizer.json, or vocab.txt, with tokenizer_config.json and
 * special_tokens_map.json beside. Every key is obeyed, known to change no id, or refused by name.
 */
import {
  BowError,
  checkSettings,
  isRecord,
  needFunction,
  needRecord,
  needText,
  placed,
  refuseSetting,
} from '../base/index.ts';
import { SPECIALS, type WordPiece, type WordPieceOptions, wordPiece } from './wordpiece.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is read, by file name: parsed JSON, and the text of vocab.txt; undefined for a file that is not there. */
export type WordPieceFiles = {
  readonly 'tokenizer.json'?: unknown;
  readonly 'tokenizer_config.json'?: unknown;
  readonly 'special_tokens_map.json'?: unknown;
  readonly 'vocab.txt'?: string | undefined;
};

/** The names of the files that {@link readWordPieceFiles} looks at. */
export const wordPieceFiles: readonly (keyof WordPieceFiles)[] = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.txt',
];

/** A tokenizer and what its files say of rows. */
export type ReadWordPiece = {
  readonly tokenizer: WordPiece;
  /** Most ids of a text, [CLS] and [SEP] included: `model_max_length`; undefined where the files name none. */
  readonly longest?: number;
};

/** Largest vocabulary; more would only exhaust memory. */
const LARGEST = 2 ** 24;

/** Parts of tokens by the key that names them in the settings. */
const specialKeys = {
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  mask_token: '[MASK]',
} as const;

/** Keys that change no id. */
const harmless = [
  ...['tokenizer_class', 'name_or_path', 'special_tokens_map_file', 'tokenizer_file', 'processor_class', 'use_fast'],
  ...['clean_up_tokenization_spaces', 'model_input_names', 'from_slow', 'trust_remote_code', 'backend', 'is_local'],
  ...[
    'local_files_only',
    'verbose',
    'init_inputs',
    'max_length',
    'truncation',
    'truncation_strategy',
    'padding',
    'stride',
  ],
  ...[
    'pad_to_multiple_of',
    'pad_token_type_id',
    'transformers_version',
    'image_processor_type',
    'feature_extractor_type',
  ],
];

/** A tokenizer from its files. `at`: where a file lies, for errors. Errors `data` without a vocabulary, `checkpoint` for what is damaged or cannot be obeyed. */
export function readWordPieceFiles(
  files: WordPieceFiles,
  at: (name: string) => string = (name) => name,
): ReadWordPiece {
  needRecord('files', files);
  needFunction('at', at);
  const json = files['tokenizer.json'];
  const config = settingsOf(files['tokenizer_config.json'], at('tokenizer_config.json'));
  const map = settingsOf(files['special_tokens_map.json'], at('special_tokens_map.json'));
  checkConfig(config, at('tokenizer_config.json'));
  checkSettings(map, Object.keys(specialKeys), { place: at('special_tokens_map.json') });
  checkSpecials(map, at('special_tokens_map.json'));
  const [place, read] =
    json !== undefined
      ? [at('tokenizer.json'), fromJson(json, at('tokenizer.json'))]
      : [at('vocab.txt'), { tokens: fromVocabulary(files['vocab.txt'], at('vocab.txt')), options: {} }];
  const tokenizer = placed(place, () => wordPiece(read.tokens, { ...read.options, ...optionsOf(config, at) }));
  const longest = longestOf(config['model_max_length'], at('tokenizer_config.json'));
  return { tokenizer, ...(longest === undefined ? {} : { longest }) };
}

function settingsOf(json: unknown, place: string): Json {
  if (json === undefined) return {};
  return isRecord(json) ? json : refuseSetting('the whole file', json, { place, known: 'an object' });
}

const optionKeys = ['do_lower_case', 'strip_accents', 'tokenize_chinese_chars'] as const;
const fixed: Readonly<Record<string, unknown>> = {
  do_basic_tokenize: true,
  padding_side: 'right',
  truncation_side: 'right',
  split_special_tokens: false,
};

function checkConfig(j: Json, place: string): void {
  const lists = ['never_split', 'additional_special_tokens', 'extra_special_tokens'];
  const known = [...optionKeys, ...Object.keys(specialKeys), ...Object.keys(fixed), ...lists];
  checkSettings(j, [...known, ...harmless, 'model_max_length', 'added_tokens_decoder'], { place });
  for (const [key, value] of Object.entries(fixed))
    if ((j[key] ?? value) !== value) refuseSetting(key, j[key], { place, known: JSON.stringify(value) });
  for (const key of lists)
    if (Object.keys(isRecord(j[key]) || Array.isArray(j[key]) ? j[key] : {}).length > 0)
      refuseSetting(key, j[key], { place, known: 'an empty list' });
  checkSpecials(j, place);
  const decoder = j['added_tokens_decoder'];
  if (isRecord(decoder)) checkAdded(Object.values(decoder), 'added_tokens_decoder', place);
}

/** All five have BERT's own names. */
function checkSpecials(j: Json, place: string): void {
  for (const [key, name] of Object.entries(specialKeys)) {
    const said = isRecord(j[key]) ? j[key]['content'] : j[key];
    if ((said ?? name) !== name) refuseSetting(key, j[key], { place, known: `"${name}"` });
  }
}

/** Words that were added later would be cut before all others; here only the five specials are. */
function checkAdded(list: readonly unknown[], key: string, place: string): void {
  const other = list.find((t) => !isRecord(t) || !SPECIALS.includes(t['content'] as (typeof SPECIALS)[number]));
  if (other !== undefined) refuseSetting(key, other, { place, known: SPECIALS.join(', ') });
}

function optionsOf(j: Json, at: (name: string) => string): WordPieceOptions {
  const place = at('tokenizer_config.json');
  for (const key of optionKeys)
    if (typeof (j[key] ?? false) !== 'boolean') refuseSetting(key, j[key], { place, known: 'true, false' });
  const [lower, accents, chinese] = optionKeys.map((key) => j[key] as boolean | null | undefined);
  return {
    ...(typeof lower === 'boolean' ? { lowerCase: lower } : {}),
    ...(typeof accents === 'boolean' ? { stripAccents: accents } : {}),
    ...(typeof chinese === 'boolean' ? { chineseCharacters: chinese } : {}),
  };
}

function fromJson(json: unknown, place: string): { tokens: string[]; options: WordPieceOptions } {
  const top = isRecord(json) ? json : refuseSetting('the whole file', json, { place, known: 'an object' });
  const parts = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'model', 'added_tokens'];
  checkSettings(top, ['version', 'truncation', 'padding', ...parts], { place });
  const model = isRecord(top['model']) ? top['model'] : {};
  if (!isRecord(model['vocab']) || (model['type'] ?? 'WordPiece') !== 'WordPiece')
    throw new BowError('checkpoint', 'not a tokenizer of BERT: no WordPiece model', { place });
  checkSettings(model, ['type', 'vocab', 'unk_token', 'continuing_subword_prefix', 'max_input_chars_per_word'], {
    ...{ place, path: 'model' },
  });
  const only = (key: string, value: unknown): void => {
    if ((model[key] ?? value) !== value)
      refuseSetting(`model.${key}`, model[key], { place, known: JSON.stringify(value) });
  };
  only('unk_token', '[UNK]');
  only('continuing_subword_prefix', '##');
  only('max_input_chars_per_word', 100);
  if (Array.isArray(top['added_tokens'])) checkAdded(top['added_tokens'], 'added_tokens', place);
  const split = isRecord(top['pre_tokenizer']) ? top['pre_tokenizer']['type'] : top['pre_tokenizer'];
  if (split !== 'BertPreTokenizer') refuseSetting('pre_tokenizer', split, { place, known: 'BertPreTokenizer' });
  return { tokens: tokensOf(model['vocab'], place), options: normaliserOf(top['normalizer'], place) };
}

function normaliserOf(x: unknown, place: string): WordPieceOptions {
  if (!isRecord(x) || x['type'] !== 'BertNormalizer')
    refuseSetting('normalizer', x, { place, known: 'BertNormalizer' });
  checkSettings(x, ['type', 'clean_text', 'handle_chinese_chars', 'strip_accents', 'lowercase'], {
    ...{ place, path: 'normalizer' },
  });
  if (x['clean_text'] === false) refuseSetting('normalizer.clean_text', false, { place, known: 'true' });
  return {
    lowerCase: x['lowercase'] !== false,
    stripAccents: typeof x['strip_accents'] === 'boolean' ? x['strip_accents'] : null,
    chineseCharacters: x['handle_chinese_chars'] !== false,
  };
}

/** Tokens in order of ids, from a vocabulary in which every id from 0 on occurs once. */
function tokensOf(vocab: Json, place: string): string[] {
  const entries = Object.entries(vocab);
  const tokens: string[] = [];
  for (const [token, id] of entries) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= Math.min(entries.length, LARGEST))
      refuseSetting(`model.vocab[${JSON.stringify(token)}]`, id, { place, known: `0 to ${entries.length - 1}` });
    if (tokens[id] !== undefined)
      throw new BowError('checkpoint', `two tokens have the id ${id}`, {
        place,
        detail: { tokens: [tokens[id], token] },
      });
    tokens[id] = token;
  }
  return tokens;
}

/** A token a line; the line's number is its id. */
function fromVocabulary(text: string | undefined, place: string): string[] {
  if (text === undefined)
    throw new BowError('data', 'no tokenizer: neither tokenizer.json nor vocab.txt is there', { place });
  needText('vocab.txt', text);
  const lines = text.split(/\r\n|\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Any number: transformers writes 10³⁰ for "no limit". */
function longestOf(x: unknown, place: string): number | undefined {
  if (x === undefined || x === null) return undefined;
  if (typeof x === 'number' && Number.isInteger(x) && x >= 2) return x;
  return refuseSetting('model_max_length', x, { place, known: 'whole numbers of at least 2: [CLS] and [SEP]' });
}
