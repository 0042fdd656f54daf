/** Text files as people make them: UTF-8, or UTF-16 with a mark at its start; anything else is said and not guessed. */
import { BowError } from '../base/index.ts';

/** The text of a file's bytes without a byte order mark. Error `data` with the place of the first byte that is not UTF-8. */
export function textOf(bytes: Uint8Array, place: string): string {
  const [a, b] = bytes;
  try {
    if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
    if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be').decode(bytes);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (e) {
    if ((e as { code?: string }).code === 'ERR_STRING_TOO_LONG')
      throw new BowError('data', 'the text is too long for one string', {
        place,
        detail: { bytes: bytes.length },
        hint: 'split it: a JavaScript string holds 536 million characters',
        cause: e,
      });
    const good = new TextEncoder().encode(
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('�', 1)[0],
    ).length;
    throw new BowError('data', 'not UTF-8 text', {
      place,
      detail: { byte: good },
      hint: 'save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8',
      cause: e,
    });
  }
}
