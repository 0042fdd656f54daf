/**
 * From text to terms: lower case, accents, tokens, stop words, n-grams. The order of work and every default are scikit-learn's
 * (`feature_extraction/text.py`, BSD 3-Clause); this is the string path, which the byte scanner must equal.
 */
import { BowError, unknownName } from '../base/index.ts';
import { tokenMatcher } from './python-pattern.ts';
import { englishStopWords } from './stop-words.ts';
import { stripAccentsAscii, stripAccentsUnicode, whiteSpace, wordClass } from './unicode.ts';

/** How text becomes terms. Names and defaults are scikit-learn's, camelCased. */
export type AnalysisOptions = {
  /** What bytes are: only UTF-8 and ASCII are decoded here. Default 'utf-8'. */
  readonly encoding?: 'utf-8' | 'ascii';
  /** Bytes that do not decode: an error, left out, or U+FFFD. Default 'strict'. */
  readonly decodeError?: 'strict' | 'ignore' | 'replace';
  /** Full Unicode lower case, before accents. Default true. */
  readonly lowercase?: boolean;
  /** 'unicode' drops combining marks (also Japanese and Korean ones), 'ascii' drops all that is not ASCII afterwards. Default null. */
  readonly stripAccents?: 'unicode' | 'ascii' | ((text: string) => string) | null;
  /** Replaces lower case and accents. */
  readonly preprocessor?: ((text: string) => string) | null;
  /** Replaces the token pattern. */
  readonly tokenizer?: ((text: string) => readonly string[]) | null;
  /** 'word', 'char' (across words), 'char_wb' (inside padded words), or a function that replaces everything after decoding. */
  readonly analyzer?: 'word' | 'char' | 'char_wb' | ((text: string) => readonly string[]);
  /** A RegExp or a Python pattern; one capturing group makes the group the token. Default: two or more word characters. */
  readonly tokenPattern?: RegExp | string;
  /** 'english' (318 words of the Glasgow list; it has known flaws) or a list, matched after preprocessing; word analyzer only. */
  readonly stopWords?: 'english' | readonly string[] | null;
  /** Smallest and largest n of the n-grams. Default [1, 1]. */
  readonly ngramRange?: readonly [number, number];
  /** DIFFERS: ours. Words of text without spaces by Intl.Segmenter; results depend on the ICU version. */
  readonly segment?: 'intl' | null;
  /** Language of `segment`, such as 'zh' or 'ja'. */
  readonly locale?: string;
};

/** Option names of {@link AnalysisOptions}, for checks and suggestions. */
export const analysisNames = [
  'encoding', 'decodeError', 'lowercase', 'stripAccents', 'preprocessor', 'tokenizer', 'analyzer', 'tokenPattern', 'stopWords', 'ngramRange',
  'segment', 'locale',
] as const; // biome-ignore format: one list

/** Refuses unknown option names; snake_case ones of scikit-learn get their camelCase as the suggestion. */
export function checkNames(options: object, known: readonly string[], place: string): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const camel = name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
    const what = known.includes(camel)
      ? `unknown option "${name}" (did you mean "${camel}"?)`
      : unknownName('option', name, known);
    throw new BowError('config', what, { place });
  }
}

/** Refuses values that no text could be analysed with. */
export function checkAnalysis(o: AnalysisOptions, place: string): void {
  const [low, high] = o.ngramRange ?? [1, 1];
  if (!Number.isInteger(low) || !Number.isInteger(high) || low < 1 || low > high) {
    throw new BowError('config', `ngramRange [${low}, ${high}]: needs integers with 1 ≤ min ≤ max`, { place });
  }
  if (typeof o.analyzer === 'string' && !['word', 'char', 'char_wb'].includes(o.analyzer)) {
    throw new BowError('config', unknownName('analyzer', o.analyzer, ['word', 'char', 'char_wb']), { place });
  }
  if (typeof o.stopWords === 'string' && o.stopWords !== 'english') {
    throw new BowError('config', `unknown stop list "${String(o.stopWords)}"`, {
      place,
      hint: "'english' or a list of words",
    });
  }
  if (typeof o.stripAccents === 'string' && !['unicode', 'ascii'].includes(o.stripAccents)) {
    throw new BowError('config', unknownName('stripAccents', o.stripAccents, ['unicode', 'ascii']), { place });
  }
  if (o.tokenPattern !== undefined) tokenMatcher(o.tokenPattern);
}

const runs = new RegExp(`[${whiteSpace}]{2,}`, 'g');
const blanks = new RegExp(`[${whiteSpace}]+`);

/** Text after lower case and accents. */
export function preprocessorOf(o: AnalysisOptions): (text: string) => string {
  if (o.preprocessor) return o.preprocessor;
  const strip =
    typeof o.stripAccents === 'function'
      ? o.stripAccents
      : o.stripAccents === 'unicode'
        ? stripAccentsUnicode
        : o.stripAccents === 'ascii'
          ? stripAccentsAscii
          : undefined;
  const lower = o.lowercase !== false;
  return (text) => {
    const t = lower ? text.toLowerCase() : text;
    return strip ? strip(t) : t;
  };
}

/** The whole string path: text → terms in scikit-learn's order. */
export function analyzerOf(o: AnalysisOptions): (text: string) => readonly string[] {
  if (typeof o.analyzer === 'function') return o.analyzer;
  const preprocess = preprocessorOf(o);
  const [low, high] = o.ngramRange ?? [1, 1];
  if (o.analyzer === 'char') return (text) => charNgrams(preprocess(text), low, high);
  if (o.analyzer === 'char_wb') return (text) => charWbNgrams(preprocess(text), low, high);
  const tokenize = tokenizerOf(o);
  const stop = stopWordsOf(o);
  return (text) => wordNgrams(tokenize(preprocess(text)), stop, low, high);
}

/** Only the tokens of the word analyzer, before stop words and n-grams. */
export function tokenizerOf(o: AnalysisOptions): (text: string) => readonly string[] {
  if (o.tokenizer) return o.tokenizer;
  if (o.segment === 'intl') {
    const segmenter = new Intl.Segmenter(o.locale, { granularity: 'word' });
    return (text) => sentences(text).flatMap((s) => words(segmenter, s));
  }
  return tokenMatcher(o.tokenPattern ?? new RegExp(`${wordClass}{2,}`, 'gu'));
}

/** Pieces that Intl.Segmenter is quick on: its cost per character grows with the length of what it is given. */
function sentences(text: string): string[] {
  return text.match(/[^。！？!?.\n]{1,1000}[。！？!?.\n]*|[。！？!?.\n]+/gu) ?? [];
}

function words(segmenter: Intl.Segmenter, text: string): string[] {
  const found: string[] = [];
  for (const s of segmenter.segment(text)) if (s.isWordLike) found.push(s.segment);
  return found;
}

/** The stop list as a set; undefined when there is none. */
export function stopWordsOf(o: AnalysisOptions): ReadonlySet<string> | undefined {
  if (!o.stopWords) return undefined;
  return o.stopWords === 'english' ? englishStopWords() : new Set(o.stopWords);
}

function wordNgrams(
  tokens: readonly string[],
  stop: ReadonlySet<string> | undefined,
  low: number,
  high: number,
): readonly string[] {
  const kept = stop ? tokens.filter((t) => !stop.has(t)) : tokens;
  if (high === 1) return kept;
  const grams: string[] = [];
  for (let n = low; n <= Math.min(high, kept.length); n++) {
    for (let i = 0; i + n <= kept.length; i++) grams.push(n === 1 ? kept[i]! : kept.slice(i, i + n).join(' '));
  }
  return grams;
}

function charNgrams(text: string, low: number, high: number): string[] {
  const characters = Array.from(text.replace(runs, ' '));
  const grams: string[] = [];
  for (let n = low; n <= Math.min(high, characters.length); n++) {
    for (let i = 0; i + n <= characters.length; i++) grams.push(characters.slice(i, i + n).join(''));
  }
  return grams;
}

function charWbNgrams(text: string, low: number, high: number): string[] {
  const grams: string[] = [];
  for (const w of text.split(blanks)) {
    if (w === '') continue;
    const characters = [' ', ...w, ' '];
    for (let n = low; n <= high; n++) {
      for (let i = 0; i === 0 || i + n <= characters.length; i++) grams.push(characters.slice(i, i + n).join(''));
      if (n >= characters.length) break; // a word not longer than n is given once and ends its loop
    }
  }
  return grams;
}

/** Text of bytes under `encoding` and `decodeError`; error `data` for bytes that do not decode under 'strict'. */
export function decoderOf(o: AnalysisOptions): (bytes: Uint8Array) => string {
  const error = o.decodeError ?? 'strict';
  if (o.encoding === 'ascii') return (bytes) => decodeAscii(bytes, error);
  const decoder = new TextDecoder('utf-8', { fatal: error === 'strict', ignoreBOM: true });
  return (bytes) => {
    try {
      const text = decoder.decode(bytes);
      return error === 'ignore' ? text.replaceAll('\ufffd', '') : text;
    } catch (e) {
      throw new BowError('data', 'text is not UTF-8', {
        detail: { bytes: bytes.length },
        hint: "set decodeError to 'replace' or 'ignore', or convert the file",
        cause: e,
      });
    }
  };
}

function decodeAscii(bytes: Uint8Array, error: 'strict' | 'ignore' | 'replace'): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! < 128) text += String.fromCharCode(bytes[i]!);
    else if (error === 'replace') text += '\ufffd';
    else if (error === 'strict') throw new BowError('data', 'text is not ASCII', { place: `byte ${i}` });
  }
  return text;
}
