/**
 * Character classes as Python has them, written out for JavaScript: `\w`, white space, accents. Facts checked over all code points in
 * bag-of-words spec §2: Python's `\w` on text is exactly letters, numbers and the underscore.
 */

import { needText } from '../base/index.ts';

/** One character of a word in Python's sense. */
export const wordClass = '[\\p{L}\\p{N}_]';

/** Python's white space (29 characters; JavaScript's `\s` lacks U+001C–001F and U+0085 and adds U+FEFF), as the inside of a class. */
export const whiteSpace = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const combining = new Map<string, boolean>();

/**
 * Has this mark a canonical combining class other than 0? JavaScript cannot ask, but normalisation sorts such marks: one of two probes is
 * reordered exactly when the class is not 0 (equal to Python on every code point that survives NFKD).
 */
function isCombining(mark: string): boolean {
  let known = combining.get(mark);
  if (known === undefined) {
    const afterAcute = `\u0301${mark}`;
    const beforeOverlay = `${mark}\u0334`;
    known = afterAcute.normalize('NFD') !== afterAcute || beforeOverlay.normalize('NFD') !== beforeOverlay;
    combining.set(mark, known);
  }
  return known;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range begins with control characters
const ascii = /^[\x00-\x7f]*$/;

/** Accents removed: NFKD, then every mark with a combining class dropped. パピプ becomes ハヒフ; letters without decomposition stay (Ł). */
export function stripAccentsUnicode(text: string): string {
  needText('a text', text);
  if (ascii.test(text)) return text;
  return text.normalize('NFKD').replace(/\p{M}/gu, (mark) => (isCombining(mark) ? '' : mark));
}

/** Accents removed the rough way: NFKD, then everything that is not ASCII dropped ("Łódź" becomes "odz"). */
export function stripAccentsAscii(text: string): string {
  needText('a text', text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range begins with control characters
  return text.normalize('NFKD').replace(/[^\x00-\x7f]/gu, '');
}

/** Compares two strings by code points, which is the order of their UTF-8 bytes (JavaScript's `<` compares UTF-16 units). */
export function compareCodePoints(a: string, b: string): number {
  needText('a text', a);
  needText('a text', b);
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // a surrogate stands for a code point above the whole basic plane
      const [high, other] = [x >= 0xd800 && x < 0xe000, y >= 0xd800 && y < 0xe000];
      return high === other ? x - y : high ? 1 : -1;
    }
  }
  return a.length - b.length;
}

/** Bitmap over all code points: bit set where the character is part of a word. [0x110000 / 8] bytes. */
export function wordBitmap(): Uint8Array {
  const bits = new Uint8Array(0x110000 / 8);
  // Above U+323AF only the tags and variation selectors of plane 14 are assigned, and those are marks.
  const ranges: [number, number][] = [
    [0, 0xd7ff],
    [0xe000, 0x3ffff],
  ];
  for (const [from, to] of ranges) {
    for (let start = from; start <= to; start += 0x1000) {
      const points: number[] = [];
      for (let c = start; c < start + 0x1000 && c <= to; c++) points.push(c);
      for (const m of String.fromCodePoint(...points).matchAll(new RegExp(wordClass, 'gu'))) {
        const c = m[0].codePointAt(0)!;
        bits[c >> 3]! |= 1 << (c & 7);
      }
    }
  }
  return bits;
}

/**
 * Lower case of every code point of the basic plane, 65536 entries. 0xffff where the answer is not one character of that plane or depends on
 * its neighbours: Σ (final sigma) and İ (becomes two).
 */
export function lowerTable(): Uint16Array {
  const table = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
  for (let c = 0; c < 0xd800; c++) {
    const text = String.fromCharCode(c);
    const low = text.toLowerCase();
    if (low !== text) table[c] = low.length === 1 ? low.charCodeAt(0) : 0xffff;
  }
  for (let c = 0xe000; c < 0x10000; c++) {
    const low = String.fromCharCode(c).toLowerCase();
    table[c] = low.length === 1 ? low.charCodeAt(0) : 0xffff;
  }
  table[0x3a3] = 0xffff;
  return table;
}
