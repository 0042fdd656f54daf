/**
 * XLM-RoBERTa's tokenizer from files: a SentencePiece model (`beit3.spm`, `sentencepiece.bpe.model`), or tokenizer.json as transformers writes it
 * (`XLMRobertaTokenizerFast`), with tokenizer_config.json beside. Every key is obeyed, known to change no id, or refused by name.
 */
import { BowError, checkSettings, isRecord, needFunction, needRecord, placed, refuseSetting } from '../base/index.ts';
import { readSentencePiece, type UnigramNormaliser, type UnigramPiece } from './sentencepiece.ts';
import { LEADING, type Unigram, unigram } from './unigram.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is read, by file name; undefined for a file that is not there. */
export type UnigramFiles = {
  readonly 'tokenizer.json'?: unknown;
  readonly 'tokenizer_config.json'?: unknown;
  readonly 'beit3.spm'?: Uint8Array | undefined;
  readonly 'sentencepiece.bpe.model'?: Uint8Array | undefined;
};

/** The names of the files that {@link readUnigramFiles} looks at, the first of those that say the pieces counting. */
export const unigramFiles: readonly (keyof UnigramFiles)[] = [
  'tokenizer.json',
  'beit3.spm',
  'sentencepiece.bpe.model',
  'tokenizer_config.json',
];

/** A tokenizer and what its files say of rows. */
export type ReadUnigram = {
  readonly tokenizer: Unigram;
  /** Most ids of a text, specials included: `model_max_length`; undefined where the files name none. */
  readonly longest?: number;
};

const specials: Readonly<Record<string, string>> = {
  ...{ bos_token: '<s>', cls_token: '<s>', eos_token: '</s>', sep_token: '</s>' },
  ...{ unk_token: '<unk>', pad_token: '<pad>', mask_token: '<mask>' },
};

/** Keys of tokenizer_config.json that change no id. */
const harmless = (
  'tokenizer_class name_or_path special_tokens_map_file tokenizer_file processor_class use_fast clean_up_tokenization_spaces model_input_names from_slow ' +
  'trust_remote_code backend is_local local_files_only verbose init_inputs sp_model_kwargs vocab_file transformers_version padding truncation max_length stride'
).split(' ');

/** Error `data` without a vocabulary, `checkpoint` for what is damaged or cannot be obeyed. `at`: where a file lies, for errors. */
export function readUnigramFiles(files: UnigramFiles, at: (name: string) => string = (name) => name): ReadUnigram {
  needRecord('files', files);
  needFunction('at', at);
  const longest = longestOf(files['tokenizer_config.json'], at('tokenizer_config.json'));
  const tokenizer = tokenizerOf(files, at);
  return { tokenizer, ...(longest === undefined ? {} : { longest }) };
}

function tokenizerOf(files: UnigramFiles, at: (name: string) => string): Unigram {
  const json = files['tokenizer.json'];
  if (json !== undefined) {
    const place = at('tokenizer.json');
    const { pieces, normaliser } = fromJson(json, place);
    return placed(place, () => unigram(pieces, { normaliser }));
  }
  for (const name of ['beit3.spm', 'sentencepiece.bpe.model'] as const) {
    const bytes = files[name];
    if (!bytes) continue;
    const { pieces, normaliser } = readSentencePiece(bytes, at(name));
    return placed(at(name), () => unigram(pieces.slice(3), { normaliser })); // its first three are among ours
  }
  throw new BowError('data', 'no tokenizer: neither tokenizer.json nor beit3.spm is there', { place: at('beit3.spm') });
}

function longestOf(json: unknown, place: string): number | undefined {
  if (json === undefined) return undefined;
  if (!isRecord(json)) return refuseSetting('the whole file', json, { place, known: 'an object' });
  const known = [...Object.keys(specials), ...harmless, 'model_max_length', 'added_tokens_decoder'];
  checkSettings(json, [...known, 'additional_special_tokens', 'extra_special_tokens'], { place });
  for (const [key, token] of Object.entries(specials)) {
    const said = isRecord(json[key]) ? json[key]['content'] : json[key];
    if ((said ?? token) !== token) refuseSetting(key, json[key], { place, known: `"${token}"` });
  }
  for (const key of ['additional_special_tokens', 'extra_special_tokens'])
    if (Object.keys(json[key] ?? []).length > 0) refuseSetting(key, json[key], { place, known: 'an empty list' });
  const decoder = json['added_tokens_decoder'];
  if (isRecord(decoder)) checkAdded(Object.values(decoder), 'added_tokens_decoder', place);
  const x = json['model_max_length'] ?? null;
  if (x === null || (typeof x === 'number' && Number.isInteger(x) && x >= 2)) return x ?? undefined;
  return refuseSetting('model_max_length', x, { place, known: 'whole numbers of at least 2: <s> and </s>' });
}

function checkAdded(list: readonly unknown[], key: string, place: string): void {
  const names: readonly unknown[] = [...LEADING, '<mask>'];
  const other = list.find((t) => !isRecord(t) || !names.includes(t['content']));
  if (other !== undefined) refuseSetting(key, other, { place, known: names.join(', ') });
}

function fromJson(json: unknown, place: string): { pieces: UnigramPiece[]; normaliser: UnigramNormaliser } {
  const top = isRecord(json) ? json : refuseSetting('the whole file', json, { place, known: 'an object' });
  const parts = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'model', 'added_tokens'];
  checkSettings(top, ['version', 'truncation', 'padding', ...parts], { place });
  const model = isRecord(top['model']) ? top['model'] : {};
  if (model['type'] !== 'Unigram' || !Array.isArray(model['vocab']))
    throw new BowError('checkpoint', 'not a tokenizer of XLM-RoBERTa: no Unigram model', { place });
  checkSettings(model, ['type', 'unk_id', 'vocab', 'byte_fallback'], { place, path: 'model' });
  if (model['unk_id'] !== 3) refuseSetting('model.unk_id', model['unk_id'], { place, known: '3' });
  if (model['byte_fallback'] === true) refuseSetting('model.byte_fallback', true, { place, known: 'false' });
  if (Array.isArray(top['added_tokens'])) checkAdded(top['added_tokens'], 'added_tokens', place);
  checkSplit(top['pre_tokenizer'], place);
  return { pieces: piecesOf(model['vocab'], place), normaliser: normaliserOf(top['normalizer'], place) };
}

/** The parts of a sequence, or the one part that stands alone. */
function stepsOf(x: unknown, list: string): Json[] {
  if (!isRecord(x)) return [];
  return x['type'] === 'Sequence' && Array.isArray(x[list]) ? x[list].filter(isRecord) : [x];
}

function checkSplit(x: unknown, place: string): void {
  const known = ['WhitespaceSplit', 'Metaspace'];
  const steps = stepsOf(x, 'pretokenizers');
  const other = steps.find((s) => !known.includes(String(s['type'])));
  const space = steps.find((s) => s['type'] === 'Metaspace');
  const prepends = (space?.['prepend_scheme'] ?? 'always') === 'always' && space?.['add_prefix_space'] !== false;
  if (other || !space || !prepends || (space['replacement'] ?? '▁') !== '▁')
    refuseSetting('pre_tokenizer', other ?? x, { place, known: 'Metaspace with ▁ before every word' });
}

/** SentencePiece's default in the forms that transformers and this library write; without any step of NFKC: nothing but spaces is changed. */
function normaliserOf(x: unknown, place: string): UnigramNormaliser {
  const steps = stepsOf(x, 'normalizers');
  const known = ['Precompiled', 'NFKC', 'Nmt', 'Strip', 'Replace'];
  const other = steps.find((s) => !known.includes(String(s['type'])));
  if (other) refuseSetting('normalizer', other, { place, known: known.join(', ') });
  return steps.some((s) => s['type'] === 'Precompiled' || s['type'] === 'NFKC') ? 'nmt_nfkc' : 'identity';
}

function piecesOf(vocab: readonly unknown[], place: string): UnigramPiece[] {
  const pieces = vocab.map((entry, i): UnigramPiece => {
    const [piece, score] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof piece === 'string' && typeof score === 'number' && Number.isFinite(score)) return [piece, score];
    return refuseSetting(`model.vocab[${i}]`, entry, { place, known: 'a piece and its score' });
  });
  const around = [...pieces.slice(0, 4), ...pieces.slice(-1)].map(([piece]) => piece);
  const wanted = [...LEADING, '<mask>'];
  if (around.join() !== wanted.join())
    refuseSetting('model.vocab', around, {
      place,
      known: `${wanted.slice(0, 4).join(', ')} at its start, <mask> at its end`,
    });
  return pieces.slice(4, -1);
}
