/**
 * Files of word vectors as word2vec.c, gensim, fastText and GloVe write them, plain or gzip. Their content decides what they are: whether there is a first line with the
 * sizes, and whether text or floats follow it. word2vec.c writes a line feed after each binary vector and gensim none, so vectors are read by length.
 */
import { isUtf8 } from 'node:buffer';
import { BowError } from '../../../base/index.ts';
import { markedEncoding, notTextAs, validUtf8 } from '../../../text/index.ts';
import { KeyedVectors } from '../../word2vec/vectors.ts';
import { VectorBytes } from './vector-bytes.ts';

/** Options of {@link readVectors}. */
export type ReadVectorsOptions = {
  /** Default: what the content is. */
  readonly binary?: boolean;
  /** GloVe's form: no first line with the sizes. Default: what the content is. */
  readonly noHeader?: boolean;
  /** Read the first n vectors only. */
  readonly limit?: number;
  /** Words that are not UTF-8: an error, or U+FFFD (word2vec.c cuts words inside a character). Default 'replace'. */
  readonly decodeError?: 'strict' | 'replace';
  /** Called with what was odd but read, or passed over: duplicate words, numbers that are not finite, vectors beyond those that the first line counts. */
  readonly onWarning?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
};

const longestWord = 65_536;
const longestLine = 1 << 24;

type Sizes = { readonly n: number; readonly width: number };

/** Reads word vectors. Errors `data` (no file, damaged gzip) and `checkpoint` (no vectors, damaged, sizes that do not fit the file), with the line of a text. */
export async function readVectors(path: string, o: ReadVectorsOptions = {}): Promise<KeyedVectors> {
  const file = await VectorBytes.open(path, o);
  try {
    await file.fill(512);
    refuseOthers(file);
    if (markedEncoding(file.ahead()) === 'utf-8') file.take(3);
    const sizes = o.noHeader ? undefined : await header(file, o);
    if (sizes && (o.binary ?? !(await isText(file, sizes.width)))) return await readBinary(file, sizes, o);
    return await readText(file, sizes, o);
  } finally {
    await file.close();
  }
}

/** Files that are something else by their first bytes. */
function refuseOthers(file: VectorBytes): void {
  const head = file.ahead();
  const fastText = head.length > 4 && head.readInt32LE(0) === 793_712_314;
  const known = fastText ? { what: 'a model of fastText', hint: 'its .vec file is read' } : notTextAs(head);
  const marked = markedEncoding(head)?.startsWith('utf-16') === true;
  if (known === undefined && !marked) return;
  const ofPython = /NumPy|pickle/.test(known?.what ?? '');
  throw new BowError('checkpoint', `not word vectors: ${known?.what ?? 'UTF-16 text'}`, {
    place: file.path,
    hint: ofPython
      ? "gensim's own files are not read: save_word2vec_format(path, binary=True) writes one that is"
      : (known?.hint ?? 'convert it: iconv -f UTF-16 -t UTF-8'),
  });
}

/** The sizes of the first line, which is taken; undefined for a first line that is a word with its numbers. */
async function header(file: VectorBytes, o: ReadVectorsOptions): Promise<Sizes | undefined> {
  const end = await file.find(10, longestLine);
  const line = end < 0 ? file.ahead() : file.ahead().subarray(0, end);
  const sizes = /^[ \t]*(\d{1,10})[ \t]+(\d{1,7})[ \t\r]*$/.exec(
    line.toString('latin1', 0, Math.min(200, line.length)),
  );
  const [n, width] = [Number(sizes?.[1]), Number(sizes?.[2])];
  if (!sizes || width < 1) {
    if (o.binary !== true && numbersOf(line.toString('latin1')).length > 1) return undefined;
    throw new BowError(
      'checkpoint',
      'not word vectors: the first line is neither "<words> <width>" nor a word and its numbers',
      {
        place: file.path,
        detail: { line: shown(line) },
      },
    );
  }
  const least = o.binary === true ? n * (width * 4 + 1) : n * width * 2;
  if (file.size !== undefined && least > file.size)
    throw new BowError('checkpoint', `the first line says ${n} words × ${width}, which does not fit in the file`, {
      place: file.path,
      detail: { bytes: file.size },
      hint: 'was it cut short while it was copied?',
    });
  if (end >= 0) file.take(end + 1);
  return { n, width };
}

/** The beginning of a line as it can be printed. */
const shown = (line: Uint8Array): string =>
  JSON.stringify(Buffer.from(line.subarray(0, 60)).toString('latin1')).replace(/[\x7f-\x9f]/g, '?');

/** Does the line ahead end in as many numbers as a vector has, or is all that is ahead text? Floats look like that by no chance that matters. */
async function isText(file: VectorBytes, width: number): Promise<boolean> {
  const end = await file.find(10, longestLine);
  const line = end < 0 ? file.ahead() : file.ahead().subarray(0, end);
  const numbers = numbersOf(line.toString('latin1')).length;
  // a damaged text is reported as a text: it has no bytes that texts do not have
  return numbers >= width || line.length === 0 || (numbers > 0 && line.every((b) => b > 8)) || isPlain(file.ahead());
}

/** Bytes that are UTF-8, but for a character cut at their end, and hold no control characters but those of lines. */
function isPlain(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 4096);
  return validUtf8(head) > head.length - 4 && head.every((b) => b > 31 || (b > 8 && b < 14));
}

/** The numbers that a line ends in, behind its word. */
function numbersOf(line: string): string[] {
  const fields = line.split(/[ \t\r]+/).filter((f) => f !== '');
  let first = fields.length;
  while (first > 1 && isNumber(fields[first - 1]!)) first--;
  return fields.slice(first);
}

const isNumber = (field: string): boolean =>
  /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)$/i.test(field);

async function readBinary(file: VectorBytes, { n, width }: Sizes, o: ReadVectorsOptions): Promise<KeyedVectors> {
  if (file.size !== undefined && n * (width * 4 + 1) > file.size)
    throw new BowError('checkpoint', `the first line says ${n} words × ${width}, which does not fit in the file`, {
      place: file.path,
      detail: { bytes: file.size },
      hint: 'was it cut short while it was copied?',
    });
  const count = Math.min(n, o.limit ?? n);
  const table = new Table(count, width, file, o);
  for (let i = 0; i < count; i++) {
    let word = await file.until(32, longestWord, `word ${i + 1}`);
    if (!word) throw new BowError('checkpoint', `the file ends after ${i} of ${n} words`, { place: file.path });
    while (word[0] === 10) word = word.subarray(1); // word2vec.c's line feed after the vector before
    const name = Uint8Array.from(word);
    if (name.includes(0) || (name.includes(10) && !isUtf8(name)))
      throw new BowError('checkpoint', `word ${i + 1} holds bytes of numbers`, {
        place: file.path,
        hint: `are they floats of 4 bytes, and ${width} a word, as the first line says?`,
      });
    const bytes = Uint8Array.from(await file.bytes(width * 4, `the vector of word ${i + 1}`));
    table.add(name, new Float32Array(bytes.buffer));
  }
  return await finish(table, file, n, o);
}

async function readText(file: VectorBytes, sizes: Sizes | undefined, o: ReadVectorsOptions): Promise<KeyedVectors> {
  const count = Math.min(o.limit ?? Number.POSITIVE_INFINITY, sizes?.n ?? Number.POSITIVE_INFINITY);
  let table: Table | undefined;
  let number = sizes ? 1 : 0;
  for (let i = 0; i < count; i++) {
    const place = `${file.path}:${++number}`;
    const line = await file.until(10, longestLine, `line ${number}`);
    if (!line) {
      if (sizes) throw new BowError('checkpoint', `the file ends after ${i} of ${sizes.n} words`, { place: file.path });
      break;
    }
    if (line.every((b) => b === 32 || b === 9 || b === 13)) {
      i--; // a blank line holds no vector
      continue;
    }
    const { word, numbers } = parsed(line.toString('latin1'), sizes?.width ?? table?.width, place);
    table ??= new Table(sizes ? count : 1024, numbers.length, file, o);
    if (/[ \t]/.test(word) && isNumber(word.slice(word.search(/[^ \t]+$/)))) table.longer(number);
    table.add(Buffer.from(word, 'latin1'), numbers);
  }
  if (!table) throw new BowError('checkpoint', 'the file holds no vectors', { place: file.path });
  return await finish(table, file, sizes?.n, o);
}

/** A line as its word, which may hold blanks, and the numbers at its end. */
function parsed(line: string, width: number | undefined, place: string): { word: string; numbers: Float32Array } {
  const text = line.replace(/[ \t\r]+$/, '');
  if (text.includes('\r'))
    throw new BowError('checkpoint', 'a carriage return inside a line', {
      place,
      hint: "where it ends lines by itself: tr '\\r' '\\n' < file",
    });
  let fields = text.split(' ');
  let word = fields[0]!;
  if (width === undefined || fields.length !== width + 1 || text.includes('\t')) {
    fields = text.split(/[ \t]+/);
    const many = width ?? numbersOf(text).length;
    if (fields.length < many + 1 || many < 1)
      throw new BowError('checkpoint', `a line of ${fields.length - 1} numbers where ${Math.max(1, many)} are needed`, {
        place,
      });
    const behind = new RegExp(`(?:[ \\t]+[^ \\t]+){${many}}$`).exec(text);
    word = behind ? text.slice(0, behind.index).replace(/^[ \t]+/, '') : '';
    fields = fields.slice(-many);
  } else fields = fields.slice(1);
  const numbers = new Float32Array(fields.length);
  for (let k = 0; k < fields.length; k++) {
    const x = Number(fields[k]);
    numbers[k] = x;
    // what is no digit, point or e there: names of numbers, and 0x10, 0b1, 0o7, which Number reads and no other reader does
    if (Number.isNaN(x) || fields[k] === '' || (fields[k]!.charCodeAt(1) > 57 && !isNumber(fields[k]!)))
      numbers[k] = named(fields[k]!, place);
  }
  return { word, numbers };
}

/** Numbers that are not finite, as C and Python write them. */
function named(field: string, place: string): number {
  if (/^[+-]?nan$/i.test(field)) return Number.NaN;
  const [, sign] = /^([+-]?)inf(?:inity)?$/i.exec(field) ?? [];
  if (sign !== undefined) return sign === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  throw new BowError('checkpoint', `${JSON.stringify(field.slice(0, 40))} is not a number`, {
    place,
    ...(/^[+-]?\d*,\d+$/.test(field) ? { hint: 'numbers need a decimal point, not a comma' } : {}),
  });
}

/** The vectors, with a word on what is left in the file. */
async function finish(
  table: Table,
  file: VectorBytes,
  n: number | undefined,
  o: ReadVectorsOptions,
): Promise<KeyedVectors> {
  if (n !== undefined && (o.limit === undefined || o.limit >= n)) {
    await file.fill(64);
    if (file.ahead().some((b) => b !== 10 && b !== 13 && b !== 32))
      o.onWarning?.(`the first line counts ${n} words; what follows them is not read`);
  }
  return table.finish();
}

/** Collects words and rows; the first of two equal words wins. */
class Table {
  readonly width: number;
  #vectors: Float32Array;
  readonly #words = new Map<string, number>();
  readonly #decoder: TextDecoder;
  readonly #path: string;
  readonly #warn: (text: string) => void;
  #odd = 0;
  #twice = 0;
  #damaged = 0;
  #longer = 0;
  #longerAt = 0;

  constructor(n: number, width: number, file: VectorBytes, o: ReadVectorsOptions) {
    this.width = width;
    this.#path = file.path;
    // a packed file does not bound what its first line says, so its table grows
    this.#vectors = new Float32Array((file.size === undefined ? Math.min(n, 1024) : n) * width);
    this.#decoder = new TextDecoder('utf-8', { fatal: o.decodeError === 'strict', ignoreBOM: true });
    this.#warn = o.onWarning ?? (() => {});
  }

  add(bytes: Uint8Array, numbers: Float32Array): void {
    let word: string;
    try {
      word = this.#decoder.decode(bytes);
    } catch (e) {
      throw new BowError('checkpoint', `word ${this.#words.size + 1} is not UTF-8`, {
        place: this.#path,
        hint: "read it with decodeError: 'replace'",
        cause: e,
      });
    }
    if (word.includes('\ufffd') && !isUtf8(bytes)) this.#damaged++;
    if (this.#words.has(word)) {
      this.#twice++;
      return;
    }
    const at = this.#words.size * this.width;
    if (at + this.width > this.#vectors.length) {
      const larger = new Float32Array(Math.max(2 * this.#vectors.length, at + this.width));
      larger.set(this.#vectors);
      this.#vectors = larger;
    }
    this.#vectors.set(numbers, at);
    this.#words.set(word, this.#words.size);
    if (!numbers.every(Number.isFinite)) this.#odd++;
  }

  /** A line of more numbers than a vector has: the first of them are taken for a part of the word. */
  longer(line: number): void {
    if (this.#longer++ === 0) this.#longerAt = line;
  }

  finish(): KeyedVectors {
    const some = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
    if (this.#twice > 0)
      this.#warn(`${some(this.#twice, 'word', 'words')} occurred twice; the first vector of each was kept`);
    if (this.#odd > 0) this.#warn(`${some(this.#odd, 'vector holds', 'vectors hold')} numbers that are not finite`);
    if (this.#damaged > 0)
      this.#warn(`${some(this.#damaged, 'word is', 'words are')} not UTF-8; what is not became U+FFFD`);
    if (this.#longer > 0)
      this.#warn(
        `${some(this.#longer, 'line has', 'lines have')} more than ${this.width} numbers, the first is line ${this.#longerAt}; those before the last ${this.width} were taken for a part of the word`,
      );
    const words = [...this.#words.keys()];
    const counts = Float64Array.from(words, (_, i) => words.length - i); // as gensim: only the order is known
    return new KeyedVectors(words, this.#vectors.slice(0, words.length * this.width), this.width, counts);
  }
}
