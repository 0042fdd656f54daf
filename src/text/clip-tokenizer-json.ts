/** The parts of a CLIP `tokenizer.json` that say how texts are cut: what ours are written with, and what others must say to be read. */
import type { AddedToken } from './added-tokens.ts';

export const START = '<|startoftext|>';
export const END = '<|endoftext|>';
export const WORD_END = '</w>';

/** NFC, blanks collapsed, lower case, in Hugging Face's words. */
export const NORMALIZER = {
  type: 'Sequence',
  normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }],
};

/** The split into words, then bytes as characters. */
export const PRE_TOKENIZER = {
  type: 'Sequence',
  pretokenizers: [
    {
      type: 'Split',
      pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
      behavior: 'Removed',
      invert: true,
    },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  ],
};

/** Start and end of text around the ids. */
export const postProcessor = (start: number, end: number): Record<string, unknown> => ({
  type: 'RobertaProcessing',
  sep: [END, end],
  cls: [START, start],
  trim_offsets: false,
  add_prefix_space: false,
});

/** Bytes back from characters. */
export const DECODER = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };

/** Start and end of text as CLIP's own file has them. */
export function ownAddedTokens(start: number, end: number): AddedToken[] {
  const plain = { singleWord: false, lstrip: false, rstrip: false, special: true };
  return [
    { ...plain, id: start, content: START, normalized: true },
    { ...plain, id: end, content: END, normalized: false },
  ];
}

/** The `tokenizer.json` that Hugging Face's tokenizers load. */
export function tokenizerJson(o: {
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [string, string])[];
  readonly added: readonly AddedToken[];
  readonly start: number;
  readonly end: number;
  readonly unknown: string;
}): Record<string, unknown> {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: o.added.map((t) => ({
      id: t.id,
      content: t.content,
      single_word: t.singleWord,
      lstrip: t.lstrip,
      rstrip: t.rstrip,
      normalized: t.normalized,
      special: t.special,
    })),
    normalizer: NORMALIZER,
    pre_tokenizer: PRE_TOKENIZER,
    post_processor: postProcessor(o.start, o.end),
    decoder: DECODER,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: o.unknown,
      continuing_subword_prefix: '',
      end_of_word_suffix: WORD_END,
      fuse_unk: false,
      vocab: Object.fromEntries(o.ids),
      merges: o.merges.map(([a, b]) => `${a} ${b}`),
    },
  };
}
