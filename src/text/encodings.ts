/** Bytes of text files as people make them: UTF-8, UTF-16 with a mark at its start, or an encoding that is named; anything else is said and not guessed. */
import { BowError, nearest } from '../base/index.ts';

/** How bytes become text. */
export type EncodingOptions = {
  /** A name as the web uses it: 'utf-8' (default), 'windows-1252', 'utf-16le', 'shift_jis', … A byte order mark counts more. */
  readonly encoding?: string;
  /** Bytes that the encoding does not know: an error (default), U+FFFD, or left out. */
  readonly decodeError?: 'strict' | 'replace' | 'ignore';
};

const common = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'windows-1252',
  'windows-1251',
  'iso-8859-1',
  'iso-8859-15',
  'shift_jis',
  'gb18030',
  'euc-kr',
  'big5',
];

/** A decoder for an encoding; it passes over a byte order mark. Error `usage` with the nearest name for one that is not known. */
export function textDecoder(o: EncodingOptions = {}): TextDecoder {
  const { encoding = 'utf-8', decodeError = 'strict' } = o;
  if (!['strict', 'replace', 'ignore'].includes(decodeError))
    throw new BowError('usage', `decodeError is strict, replace or ignore, not "${decodeError}"`);
  try {
    return new TextDecoder(encoding, { fatal: decodeError === 'strict' });
  } catch (e) {
    const guess = nearest(encoding, common);
    throw new BowError('usage', `unknown encoding "${encoding}"${guess ? ` (did you mean "${guess}"?)` : ''}`, {
      hint: `such as ${common.join(', ')}`,
      cause: e,
    });
  }
}

/** The encoding that the mark at the start of some bytes names. */
export function markedEncoding(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | undefined {
  const [a, b, c] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  return a === 0xef && b === 0xbb && c === 0xbf ? 'utf-8' : undefined;
}

/** How many bytes at the start are UTF-8. */
export function validUtf8(bytes: Uint8Array): number {
  const [text = ''] = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\ufffd', 1);
  return new TextEncoder().encode(text).length;
}

/** The text of a file's bytes without a byte order mark. Error `data` with the place of the first byte that is not UTF-8. */
export function textOf(bytes: Uint8Array, place: string): string {
  const encoding = markedEncoding(bytes) ?? 'utf-8';
  try {
    return textDecoder({ encoding }).decode(bytes);
  } catch (e) {
    if ((e as { code?: string }).code === 'ERR_STRING_TOO_LONG')
      throw new BowError('data', 'the text is too long for one string', {
        place,
        detail: { bytes: bytes.length },
        hint: 'split it: a JavaScript string holds 536 million characters',
        cause: e,
      });
    if (encoding !== 'utf-8') throw new BowError('data', `damaged or cut ${encoding} text`, { place, cause: e });
    throw new BowError('data', 'not UTF-8 text', {
      place,
      detail: { byte: validUtf8(bytes) },
      hint: 'save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8',
      cause: e,
    });
  }
}
