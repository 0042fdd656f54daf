/** Bytes of text files as people make them: UTF-8, UTF-16 with a mark at its start, or an encoding that is named; anything else is said and not guessed. */
import { BowError, nearest, need, needRecord, needText } from '../base/index.ts';

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
  needRecord('options of textDecoder', o);
  const { encoding = 'utf-8', decodeError = 'strict' } = o;
  needText('encoding', encoding);
  needText('decodeError', decodeError);
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
  need(bytes instanceof Uint8Array, 'bytes', 'a Uint8Array', bytes);
  const [a, b, c] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  return a === 0xef && b === 0xbb && c === 0xbf ? 'utf-8' : undefined;
}

/** How many bytes at the start are UTF-8. */
export function validUtf8(bytes: Uint8Array): number {
  need(bytes instanceof Uint8Array, 'bytes', 'a Uint8Array', bytes);
  const again = new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  let good = 0; // what is not UTF-8 comes back as the three bytes of U+FFFD, which the bytes may spell themselves
  while (good < bytes.length && bytes[good] === again[good]) good++;
  if (good < again.length) while (good > 0 && (again[good]! & 0xc0) === 0x80) good--;
  return good;
}

/** UTF-8 bytes as text without those that are not UTF-8; a byte order mark and U+FFFD that the bytes spell stay, as in Python. */
export function goodUtf8(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let text = decoder.decode(bytes);
  if (!text.includes('\ufffd')) return text;
  text = '';
  let from = 0;
  const part = (to: number): string => decoder.decode(bytes.subarray(from, to)).replaceAll('\ufffd', '');
  for (let at = bytes.indexOf(0xef); at >= 0; at = bytes.indexOf(0xef, at + 1)) {
    if (bytes[at + 1] !== 0xbf || bytes[at + 2] !== 0xbd) continue;
    text += `${part(at)}\ufffd`; // 0xef begins a character wherever it stands, so what is before it is whole or damaged
    from = at + 3;
  }
  return text + part(bytes.length);
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
