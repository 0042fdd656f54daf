/**
 * The word2vec exchange formats, text and binary. word2vec.c writes six decimals and a blank before each line end, and a line feed after each
 * binary vector; gensim writes shortest digits and no line feed. Readers take all of them: vectors are parsed by length, never by line.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BowError } from '../../../base/index.ts';
import { fileError, writeFileAtomic } from '../../../base/node/index.ts';
import { KeyedVectors } from '../../word2vec/vectors.ts';

/** Options of {@link readVectors}. */
export type ReadVectorsOptions = {
  /** Default: binary when the file name ends in .bin. */
  readonly binary?: boolean;
  /** GloVe's form: no first line with the sizes. */
  readonly noHeader?: boolean;
  /** Read the first n vectors only. */
  readonly limit?: number;
  /** Words that are not UTF-8: an error, or U+FFFD (word2vec.c cuts words inside a character). Default 'replace'. */
  readonly decodeError?: 'strict' | 'replace';
  /** Called with what was odd but read: duplicate words, numbers that are not finite. */
  readonly onWarning?: (text: string) => void;
};

/** A file read in order through a buffer. */
class Reader {
  readonly #fd: number;
  readonly path: string;
  readonly size: number;
  #buffer = Buffer.alloc(0);
  #at = 0;
  #read = 0;

  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, 'r');
      this.size = fstatSync(this.#fd).size;
      if (fstatSync(this.#fd).isDirectory()) throw Object.assign(new Error('folder'), { code: 'EISDIR' });
    } catch (e) {
      throw fileError(e, path);
    }
  }

  /** Makes `n` bytes ready where the file has them; false at its end. */
  #fill(n: number): boolean {
    if (this.#buffer.length - this.#at >= n) return true;
    const more = Buffer.alloc(Math.max(n, 1 << 20));
    const got = readSync(this.#fd, more, 0, more.length, this.#read);
    this.#read += got;
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), more.subarray(0, got)]);
    this.#at = 0;
    return this.#buffer.length >= n;
  }

  /** Exactly n bytes. Error `checkpoint` when the file ends before. */
  bytes(n: number, what: string): Buffer {
    if (!this.#fill(n))
      throw new BowError('checkpoint', `the file ends inside ${what}`, {
        place: this.path,
        hint: 'was it cut short while it was copied?',
      });
    const b = this.#buffer.subarray(this.#at, this.#at + n);
    this.#at += n;
    return b;
  }

  /** Bytes up to a byte, which is consumed; undefined at the end of the file. Error `checkpoint` after `limit` bytes without it. */
  until(byte: number, limit: number, what: string): Buffer | undefined {
    for (let want = 1; ; want = Math.min(limit, Math.max(4096, 2 * want))) {
      const whole = this.#fill(want);
      const found = this.#buffer.indexOf(byte, this.#at);
      if (found >= 0 && found - this.#at <= limit) {
        const b = this.#buffer.subarray(this.#at, found);
        this.#at = found + 1;
        return b;
      }
      if (!whole || want >= limit) {
        const left = this.#buffer.length - this.#at;
        if (left === 0) return undefined;
        if (left < limit && !whole) return this.bytes(left, what);
        throw new BowError('checkpoint', `${what} is longer than ${limit} bytes`, {
          place: this.path,
          hint: 'is it a word2vec file, and of this kind (text or binary)?',
        });
      }
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const longestWord = 65_536;

/** Reads vectors in word2vec's text or binary format. Errors `data` (no file) and `checkpoint` (damaged, absurd sizes). */
export function readVectors(path: string, o: ReadVectorsOptions = {}): KeyedVectors {
  const reader = new Reader(path);
  try {
    const binary = o.binary ?? path.endsWith('.bin');
    if (o.noHeader) return readText(reader, undefined, o);
    const header = reader.until(10, 200, 'the first line')?.toString('latin1').trim() ?? '';
    const sizes = /^(\d{1,10}) (\d{1,7})$/.exec(header);
    const [n, width] = [Number(sizes?.[1]), Number(sizes?.[2])];
    const least = binary ? n * (width * 4 + 1) : n * width * 2;
    if (!sizes || width < 1 || least > reader.size) {
      throw new BowError('checkpoint', 'the first line is not "<words> <width>" of this file', {
        place: path,
        detail: { line: header.slice(0, 60), bytes: reader.size },
        hint: 'set noHeader for files without it, binary for the other kind',
      });
    }
    return binary ? readBinary(reader, n, width, o) : readText(reader, { n, width }, o);
  } finally {
    reader.close();
  }
}

function readBinary(reader: Reader, n: number, width: number, o: ReadVectorsOptions): KeyedVectors {
  const count = Math.min(n, o.limit ?? n);
  const table = new Table(count, width, reader.path, o);
  for (let i = 0; i < count; i++) {
    let word = reader.until(32, longestWord, `word ${i + 1}`);
    if (!word) throw new BowError('checkpoint', `the file ends after ${i} of ${n} words`, { place: reader.path });
    while (word[0] === 10) word = word.subarray(1); // word2vec.c's line feed after the vector before
    const bytes = Uint8Array.from(reader.bytes(width * 4, `the vector of word ${i + 1}`));
    table.add(word, new Float32Array(bytes.buffer));
  }
  return table.finish();
}

function readText(
  reader: Reader,
  sizes: { n: number; width: number } | undefined,
  o: ReadVectorsOptions,
): KeyedVectors {
  let table: Table | undefined;
  for (let i = 0; i < (o.limit ?? sizes?.n ?? Number.POSITIVE_INFINITY); i++) {
    const line = reader.until(10, 1 << 24, `line ${i + 1}`);
    if (!line) {
      if (sizes)
        throw new BowError('checkpoint', `the file ends after ${i} of ${sizes.n} words`, { place: reader.path });
      break;
    }
    const text = line.toString('latin1').replace(/[ \r]+$/, '');
    const fields = text.split(' ');
    const width: number = sizes?.width ?? table?.width ?? fields.length - 1;
    if (fields.length < width + 1 || width < 1) {
      throw new BowError('checkpoint', `line ${i + 1} holds ${fields.length - 1} numbers where ${width} are needed`, {
        place: reader.path,
      });
    }
    table ??= new Table(sizes ? Math.min(sizes.n, o.limit ?? sizes.n) : 1024, width, reader.path, o);
    // the numbers are the last fields: a word may hold blanks
    const numbers = Float32Array.from(fields.slice(-width), Number);
    if (fields.slice(-width).some((f) => f === '' || (Number.isNaN(Number(f)) && !/^-?nan$/i.test(f)))) {
      throw new BowError('checkpoint', `line ${i + 1} holds something that is not a number`, { place: reader.path });
    }
    table.add(Buffer.from(fields.slice(0, -width).join(' '), 'latin1'), numbers);
  }
  if (!table) throw new BowError('checkpoint', 'the file holds no vectors', { place: reader.path });
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

  constructor(n: number, width: number, path: string, o: ReadVectorsOptions) {
    this.width = width;
    this.#path = path;
    this.#vectors = new Float32Array(n * width);
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

  finish(): KeyedVectors {
    if (this.#twice > 0) this.#warn(`${this.#twice} words occurred twice; the first vector of each was kept`);
    if (this.#odd > 0) this.#warn(`${this.#odd} vectors hold numbers that are not finite`);
    const words = [...this.#words.keys()];
    const counts = Float64Array.from(words, (_, i) => words.length - i); // as gensim: only the order is known
    return new KeyedVectors(words, this.#vectors.slice(0, words.length * this.width), this.width, counts);
  }
}

/** Options of {@link writeVectors}. */
export type WriteVectorsOptions = {
  readonly binary?: boolean;
  /** Whose habits: 'word2vec.c' (default) or 'gensim'. */
  readonly style?: 'word2vec.c' | 'gensim';
};

/** Writes vectors in word2vec's text or binary format, atomically. Text in word2vec.c's style keeps six decimals only. */
export async function writeVectors(path: string, kv: KeyedVectors, o: WriteVectorsOptions = {}): Promise<void> {
  const binary = o.binary ?? path.endsWith('.bin');
  const c = (o.style ?? 'word2vec.c') === 'word2vec.c';
  await writeFileAtomic(path, async (file) => {
    await file.write(`${kv.words.length} ${kv.width}\n`);
    for (let from = 0; from < kv.words.length; from += 4096) {
      const parts: Buffer[] = [];
      for (let i = from; i < Math.min(from + 4096, kv.words.length); i++) {
        const v = kv.vectors.subarray(i * kv.width, (i + 1) * kv.width);
        parts.push(Buffer.from(`${kv.words[i]} `));
        if (binary)
          parts.push(
            Buffer.from(Uint8Array.from(new Uint8Array(v.buffer, v.byteOffset, v.byteLength))),
            Buffer.from(c ? '\n' : ''),
          );
        else
          parts.push(
            Buffer.from(
              c ? `${Array.from(v, (x) => `${sixDecimals(x)} `).join('')}\n` : `${Array.from(v, shortest).join(' ')}\n`,
            ),
          );
      }
      await file.write(Buffer.concat(parts));
    }
  });
}

/** C's `%f`: ties go to the even digit (JavaScript's go up), and −0 keeps its sign. x · 10⁶ is exact in a double for float32 below 2³³. */
function sixDecimals(x: number): string {
  if (Object.is(x, -0)) return '-0.000000';
  const scaled = Math.abs(x) * 1e6;
  const floor = Math.floor(scaled);
  if (scaled - floor !== 0.5) return x.toFixed(6);
  const even = (floor % 2 === 0 ? floor : floor + 1) / 1e6;
  return `${x < 0 ? '-' : ''}${even.toFixed(6)}`;
}

/** The shortest decimal that reads back as the same float32, written as numpy prints it. */
export function shortest(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0';
  let digits = '';
  for (let p = 1; p <= 9; p++) {
    digits = x.toExponential(p - 1);
    if (Math.fround(Number(digits)) === x) break;
  }
  const [mantissa, exponent] = digits.split('e') as [string, string];
  const e = Number(exponent);
  if (e < -4 || e >= 16) return `${mantissa}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  const fixed = Number(digits).toFixed(Math.max(0, mantissa.replace(/[-.]/g, '').length - 1 - e));
  return fixed.includes('.') ? fixed : `${fixed}.0`;
}
