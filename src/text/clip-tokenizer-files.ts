/**
 * CLIP's tokenizer from published files, as transformers 5.18 (`CLIPTokenizer`) reads them: tokenizer.json, or vocab.json and merges.txt, with
 * tokenizer_config.json, special_tokens_map.json and added_tokens.json beside. Every key is obeyed, known to change no id, or refused by name.
 * DIFFERS: that class passes over the normalizer, the split and the options of a tokenizer.json and takes CLIP's; here other ones are errors.
 */
import {
  BowError,
  checkSettings,
  isRecord,
  needFunction,
  needRecord,
  needText,
  needWhole,
  placed,
  refuseSetting,
} from '../base/index.ts';
import { addedTokensOf } from './clip-added-tokens.ts';
import { type ClipTokenizer, clipTokenizer } from './clip-tokenizer.ts';
import { type ClipTokenizerFiles, type TokenizerConfig, tokenizerConfig } from './clip-tokenizer-config.ts';
import { DECODER, END, NORMALIZER, PRE_TOKENIZER, postProcessor, START, WORD_END } from './clip-tokenizer-json.ts';

/** A tokenizer and what its files say of rows. */
export type ReadClipTokenizer = {
  readonly tokenizer: ClipTokenizer;
  /** Most ids of a text, start and end included: `model_max_length`; undefined where the files name none. */
  readonly longest?: number;
  /** The id that texts are filled up with. */
  readonly pad: number;
};

type Json = Readonly<Record<string, unknown>>;
type Merge = readonly [string, string];
type Model = { readonly ids: Map<string, number>; readonly merges: readonly Merge[] };

/** Largest id that a vocabulary may have; larger ones would only exhaust memory. */
const LARGEST_ID = 2 ** 24;

/** A tokenizer from its files. `at`: where a file lies, for errors. Error `checkpoint` for what is damaged, missing or cannot be obeyed. */
export function readClipTokenizerFiles(
  files: ClipTokenizerFiles,
  at: (name: string) => string = (name) => name,
): ReadClipTokenizer {
  needRecord('files', files);
  needFunction('at', at);
  const json = files['tokenizer.json'];
  const fromJson = json !== undefined;
  const { ids, merges } = fromJson ? modelOf(json, at('tokenizer.json')) : modelOfFiles(files, at);
  const config = tokenizerConfig(files, at);
  const added = addedTokensOf(files, config, ids, at);
  const unknown = config.named['unk_token']?.content ?? END;
  const tokenizer = placed(at(fromJson ? 'tokenizer.json' : 'vocab.json'), () =>
    clipTokenizer(merges, ids, { added, unknown }),
  );
  const { startOfText: start, endOfText: end } = tokenizer;
  const rows = fromJson ? checkJson(json as Json, { start, end, config }, at('tokenizer.json')) : {};
  const pad = config.named['pad_token']?.content ?? rows.pad ?? END;
  const padId = ids.get(pad) ?? added.find(({ content }) => content === pad)?.id;
  if (padId === undefined)
    refuseSetting('pad_token', pad, { place: at('tokenizer_config.json'), hint: 'it is not in the vocabulary' });
  return { tokenizer, pad: padId, ...(config.longest === undefined ? {} : { longest: config.longest }) };
}

/** A tokenizer from the content of a CLIP `tokenizer.json` alone. Error `checkpoint` as {@link readClipTokenizerFiles}. */
export function readClipTokenizer(json: unknown): ClipTokenizer {
  return readClipTokenizerFiles({ 'tokenizer.json': json }).tokenizer;
}

/** Reads OpenAI's merges file (`bpe_simple_vocab_16e6.txt`: a header, then one pair per line; 48,894 are used), with ids in OpenAI's order. */
export function readClipMerges(text: string, o: { readonly count?: number } = {}): ClipTokenizer {
  needText('merges', text);
  needRecord('options', o);
  if (o.count !== undefined) needWhole('count', o.count);
  return clipTokenizer(mergesOf(text, 'merges.txt').slice(0, o.count ?? 49152 - 256 - 2));
}

const modelKeys = [
  'type',
  'vocab',
  'merges',
  'dropout',
  'unk_token',
  'continuing_subword_prefix',
  'end_of_word_suffix',
  'fuse_unk',
  'byte_fallback',
  'ignore_merges',
];

function modelOf(json: unknown, place: string): Model {
  const model = isRecord(json) ? json['model'] : undefined;
  if (!isRecord(model) || !Array.isArray(model['merges']) || (model['type'] ?? 'BPE') !== 'BPE')
    throw new BowError('checkpoint', 'not a tokenizer of CLIP: no BPE model', { place });
  checkSettings(model, modelKeys, { place, path: 'model' });
  const only = (key: string, values: readonly unknown[], known: string): void => {
    if (!values.includes(model[key])) refuseSetting(`model.${key}`, model[key], { place, known });
  };
  only('end_of_word_suffix', [WORD_END], `"${WORD_END}"`);
  only('continuing_subword_prefix', [undefined, null, ''], 'null, ""');
  only('dropout', [undefined, null, 0], 'null');
  for (const key of ['fuse_unk', 'byte_fallback', 'ignore_merges']) only(key, [undefined, null, false], 'false');
  const merges = model['merges'].map((m: unknown, i): Merge => mergeOf(m, `${place}: model.merges[${i}]`));
  return { ids: idsOf(model['vocab'], place, 'model.vocab'), merges };
}

function modelOfFiles(files: ClipTokenizerFiles, at: (name: string) => string): Model {
  if (files['merges.txt'] === undefined)
    throw new BowError('data', 'vocab.json says which ids there are, but no merges.txt says how words are cut', {
      place: at('vocab.json'),
    });
  const merges = mergesOf(files['merges.txt'], at('merges.txt'));
  return { ids: idsOf(files['vocab.json'], at('vocab.json'), ''), merges };
}

function idsOf(vocab: unknown, place: string, path: string): Map<string, number> {
  const entries = isRecord(vocab) ? Object.entries(vocab) : [];
  if (entries.length === 0) throw new BowError('checkpoint', `${path || 'it'} is not a vocabulary of ids`, { place });
  for (const [token, id] of entries)
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= LARGEST_ID)
      refuseSetting(`${path}["${token}"]`, id, { place, known: `whole numbers from 0 to ${LARGEST_ID - 1}` });
  return new Map(entries as [string, number][]);
}

function mergesOf(text: string, place: string): Merge[] {
  const lines = text.split('\n');
  return lines.flatMap((line, i) =>
    (i === 0 && line.includes('#version')) || line.startsWith('#version') || line.trim() === ''
      ? []
      : [mergeOf(line, `${place}:${i + 1}`)],
  );
}

function mergeOf(merge: unknown, place: string): Merge {
  const parts: readonly unknown[] = Array.isArray(merge)
    ? merge
    : typeof merge === 'string'
      ? merge.trim().split(/\s+/)
      : [];
  const [a, b] = parts;
  if (typeof a !== 'string' || typeof b !== 'string' || parts.length > 2)
    throw new BowError('checkpoint', 'a merge is two parts with a blank between', { place });
  return [a, b];
}

const jsonKeys = [
  'version',
  'truncation',
  'padding',
  'added_tokens',
  'normalizer',
  'pre_tokenizer',
  'post_processor',
  'decoder',
  'model',
];

/** Keys of the parts without an effect on ids. */
const free = new Set(['trim_offsets', 'use_regex', 'add_prefix_space']);

/** What a tokenizer.json says beside its model: CLIP's way, or an error. */
function checkJson(
  json: Json,
  o: { readonly start: number; readonly end: number; readonly config: TokenizerConfig },
  place: string,
): { readonly pad?: string } {
  checkSettings(json, jsonKeys, { place });
  const old = structuredClone(PRE_TOKENIZER);
  old.pretokenizers[0]!.pattern!.Regex =
    `<\\|startoftext\\|>|<\\|endoftext\\|>|${old.pretokenizers[0]!.pattern!.Regex}`;
  const template = {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: START, type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: END, type_id: 0 } },
    ],
    special_tokens: {
      [START]: { id: START, ids: [o.start], tokens: [START] },
      [END]: { id: END, ids: [o.end], tokens: [END] },
    },
  };
  oneOf(json, 'normalizer', [NORMALIZER], place);
  oneOf(json, 'pre_tokenizer', [PRE_TOKENIZER, old], place);
  oneOf(json, 'post_processor', [postProcessor(o.start, o.end), template], place);
  if (json['decoder'] !== null) oneOf(json, 'decoder', [DECODER], place);
  return rowsOf(json, o.config, place);
}

/** The key must be absent or one of these; the difference from the first that has its type is named. */
function oneOf(json: Json, key: string, allowed: readonly Json[], place: string): void {
  if (!(key in json)) return;
  const found = json[key];
  const differences = allowed.map((wanted) => difference(found, wanted, key));
  if (differences.includes(undefined)) return;
  const like = allowed.findIndex((wanted) => isRecord(found) && found['type'] === wanted['type']);
  const { path, value } = differences[Math.max(0, like)]!;
  refuseSetting(path, value, { place, hint: 'other than in CLIP’s tokenizer: such texts are not read' });
}

/** Where two JSON values differ: the path and what is found there; undefined where they say the same. */
function difference(found: unknown, wanted: unknown, path: string): { path: string; value: unknown } | undefined {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || found.length !== wanted.length) return { path, value: found };
    for (const [i, w] of wanted.entries()) {
      const inside = difference(found[i], w, `${path}[${i}]`);
      if (inside) return inside;
    }
    return undefined;
  }
  if (!isRecord(wanted)) return found === wanted ? undefined : { path, value: found };
  if (!isRecord(found)) return { path, value: found };
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    if (free.has(key) && (key !== 'add_prefix_space' || path === 'decoder' || path === 'post_processor')) continue;
    if (key === 'pair' && path === 'post_processor') continue; // two texts at once, which CLIP never sees
    const inside = difference(found[key], wanted[key], `${path}.${key}`);
    if (inside) return inside;
  }
  return undefined;
}

/** Truncation and padding: texts are cut and filled up at their end, to what tokenizer_config.json and the model say. */
function rowsOf(json: Json, config: TokenizerConfig, place: string): { readonly pad?: string } {
  const part = (key: string, known: readonly string[]): Json => {
    const found = json[key] ?? {};
    if (!isRecord(found)) refuseSetting(key, found, { place, known: 'null, or an object' });
    checkSettings(found, known, { place, path: key });
    if (![undefined, 'Right'].includes(found['direction'] as string | undefined))
      refuseSetting(`${key}.direction`, found['direction'], { place, known: '"Right"' });
    return found;
  };
  const cut = part('truncation', ['direction', 'max_length', 'strategy', 'stride']);
  const most = cut['max_length'];
  if (most !== undefined && (typeof most !== 'number' || most < (config.longest ?? 77)))
    refuseSetting('truncation.max_length', most, {
      place,
      hint: 'texts are cut at model_max_length of tokenizer_config.json: say the same there',
    });
  const padding = part('padding', [
    'direction',
    'strategy',
    'pad_to_multiple_of',
    'pad_id',
    'pad_type_id',
    'pad_token',
  ]);
  const pad = padding['pad_token'];
  return typeof pad === 'string' ? { pad } : {};
}
