/**
 * From text to terms: lower case, accents, tokens, stop words, n-grams. The order of work and every default are scikit-learn's
 * (`feature_extraction/text.py`, BSD 3-Clause); this is the string path, which the byte scanner must equal.
 */
import { BowError, kindOf, needRecord, needText, needTexts, unknownName } from '../base/index.ts';
import { goodUtf8 } from './encodings.ts';
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
  needRecord(`options of ${place}`, options);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const camel = name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
    const what = known.includes(camel)
      ? `unknown option "${name}" (did you mean "${camel}"?)`
      : unknownName('option', name, known);
    throw new BowError('config', what, { place });
  }
}

/** Refuses values of options that are true or false by another type: "false" would mean true. */
export function checkFlags(options: object, names: readonly string[], place: string): void {
  for (const name of names) {
    const value: unknown = Reflect.get(options, name);
    if (value == null || typeof value === 'boolean') continue;
    throw new BowError('config', `${name}: true or false, not ${kindOf(value)}`, { place });
  }
}

/** Refuses a value of an option that is not one of these, nor a function where `own` allows one. */
function checkChoice(name: string, value: unknown, known: readonly string[], own: boolean, place: string): void {
  if (value == null || (own && typeof value === 'function')) return;
  if (typeof value !== 'string')
    throw new BowError('config', `${name}: one of ${known.join(', ')}, not ${kindOf(value)}`, { place });
  if (!known.includes(value)) throw new BowError('config', unknownName(name, value, known), { place });
}

/** Refuses values that no text could be analysed with. */
export function checkAnalysis(o: AnalysisOptions, place: string): void {
  if (o.encoding != null && o.encoding !== 'utf-8' && o.encoding !== 'ascii') {
    throw new BowError('config', `encoding "${String(o.encoding)}": only 'utf-8' and 'ascii' are decoded here`, {
      place,
      hint: 'give strings: new TextDecoder(encoding).decode(bytes)',
    });
  }
  checkChoice('decodeError', o.decodeError, ['strict', 'ignore', 'replace'], false, place);
  checkChoice('segment', o.segment, ['intl'], false, place);
  checkChoice('analyzer', o.analyzer, ['word', 'char', 'char_wb'], true, place);
  checkChoice('stripAccents', o.stripAccents, ['unicode', 'ascii'], true, place);
  checkFlags(o, ['lowercase'], place);
  for (const name of ['preprocessor', 'tokenizer'] as const)
    if (o[name] != null && typeof o[name] !== 'function')
      throw new BowError('config', `${name}: a function, not ${kindOf(o[name])}`, { place });
  if (o.locale != null) checkLocale(o.locale, place);
  if (o.ngramRange != null && !Array.isArray(o.ngramRange))
    throw new BowError('config', `ngramRange: [min, max], not ${kindOf(o.ngramRange)}`, { place });
  const [low, high] = o.ngramRange ?? [1, 1];
  if (!Number.isInteger(low) || !Number.isInteger(high) || low < 1 || low > high) {
    throw new BowError('config', `ngramRange [${low}, ${high}]: needs integers with 1 ≤ min ≤ max`, { place });
  }
  if (typeof o.stopWords === 'string' && o.stopWords !== 'english') {
    throw new BowError('config', `unknown stop list "${String(o.stopWords)}"`, {
      place,
      hint: "'english' or a list of words",
    });
  } else if (o.stopWords != null && o.stopWords !== 'english') needTexts('stopWords', o.stopWords);
  if (o.tokenPattern == null) return;
  if (typeof o.tokenPattern !== 'string' && !(o.tokenPattern instanceof RegExp))
    throw new BowError('config', `tokenPattern: a RegExp or a string, not ${kindOf(o.tokenPattern)}`, { place });
  tokenMatcher(o.tokenPattern);
}

function checkLocale(locale: unknown, place: string): void {
  needText('locale', locale);
  try {
    Intl.getCanonicalLocales(locale as string);
  } catch (e) {
    throw new BowError('config', `locale "${String(locale)}" is no language tag`, {
      place,
      hint: "such as 'zh' or 'ja'",
      cause: e,
    });
  }
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

/** The whole string path: text → terms in scikit-learn's order. Errors `config` for options that cannot be obeyed, `usage` for what is no text. */
export function analyzerOf(o: AnalysisOptions): (text: string) => readonly string[] {
  needRecord('options of analyzerOf', o);
  checkAnalysis(o, 'analyzerOf');
  const analyze = stringPath(o);
  return (text) => {
    needText('a text', text);
    return analyze(text);
  };
}

function stringPath(o: AnalysisOptions): (text: string) => readonly string[] {
  if (typeof o.analyzer === 'function') return o.analyzer;
  const own = preprocessorOf(o);
  const preprocess = (text: string): string => {
    const t = own(text);
    needText('what a preprocessor gives', t);
    return t;
  };
  const [low, high] = o.ngramRange ?? [1, 1];
  if (o.analyzer === 'char') return (text) => charNgrams(preprocess(text), low, high);
  if (o.analyzer === 'char_wb') return (text) => charWbNgrams(preprocess(text), low, high);
  const tokenize = tokenizerOf(o);
  const stop = stopWordsOf(o);
  return (text) => {
    const found = tokenize(preprocess(text));
    if (o.tokenizer) needTexts('what a tokenizer gives', found);
    return wordNgrams(found, stop, low, high);
  };
}

/** Only the tokens of the word analyzer, before stop words and n-grams. */
export function tokenizerOf(o: AnalysisOptions): (text: string) => readonly string[] {
  if (o.tokenizer) return o.tokenizer;
  if (o.segment === 'intl') {
    const segmenter = wordSegmenter(o.locale);
    return (text) => sentences(text).flatMap((s) => words(segmenter, s));
  }
  return tokenMatcher(o.tokenPattern ?? new RegExp(`${wordClass}{2,}`, 'gu'));
}

/** Error `config` for what is no language tag. */
function wordSegmenter(locale: string | undefined): Intl.Segmenter {
  try {
    return new Intl.Segmenter(locale, { granularity: 'word' });
  } catch (e) {
    throw new BowError('config', `"${locale}" is no language tag, such as zh or ja`, { place: 'locale', cause: e });
  }
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
  if (error === 'ignore') return goodUtf8;
  const decoder = new TextDecoder('utf-8', { fatal: error === 'strict', ignoreBOM: true });
  return (bytes) => {
    try {
      return decoder.decode(bytes);
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
