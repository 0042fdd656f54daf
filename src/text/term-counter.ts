/**
 * The counter behind every vectoriser: documents in, rows of (column, count) out, terms kept as bytes. The inner loops are WebAssembly
 * (kernels/counter.ts); this file owns its memory, feeds it in batches and takes the documents that need whole-string rules (final sigma,
 * own tokenisers) through a string path that must give equal results. Longer than the house limit: the memory map and the protocol with the kernel
 * are one thing.
 */
import {
  BowError,
  isBowError,
  kindOf,
  need,
  needFunction,
  needNumbers,
  needRecord,
  needText,
  needTexts,
} from '../base/index.ts';
import { wasm } from './counter-kernel.ts';
import { lowerTable, wordBitmap } from './unicode.ts';

// The context block shared with the kernel: one u32 per slot, same order as the constants in kernels/counter.ts.
const slots = {
  class: 0, wordBits: 1, lower: 2, table: 3, tableMask: 4, pool: 5, poolUsed: 6, poolSize: 7, offsets: 8, terms: 9, termsSize: 10, hashes: 11,
  counts: 12, df: 13, totals: 14, out: 15, outUsed: 16, outSize: 17, scratch: 18, starts: 19, minLength: 20, ngramMin: 21, ngramMax: 22, mode: 23,
  features: 24, stopTable: 25, stopMask: 26, stopPool: 27, stopOffsets: 28, input: 29, docs: 30, rowEnds: 31, status: 32, needTerms: 33,
  needPool: 34, needOut: 35, tmp: 36, seed: 37, signed: 38, tablesReady: 39,
  fold: 40,
} as const; // biome-ignore format: one table

type Slot = keyof typeof slots;
const context = 1024;
const modes = { learn: 0, known: 1, sequence: 2, hashed: 3 } as const;
const status = { ok: 0, grow: 1, stringPath: 2, badUtf8: 3, needTables: 4 } as const;

type Kernel = {
  countDocuments(first: number, n: number): number;
  countTerms(d: number, n: number): number;
  internTerms(n: number): number;
  lookUp(n: number): number;
  rehash(): void;
  remapRows(rows: number, map: number): void;
  split(columns: number, counts: number): void;
  sortTerms(ids: number, n: number, work: number): void;
};

let compiled: WebAssembly.Module | undefined;
let unicode: { bits: Uint8Array; lower: Uint16Array } | undefined;

/** Rows of one batch: entries of row i end at `ends[i]`; `columns` are ids of terms (or final columns), `counts` beside them. */
export type CountedRows = { readonly ends: Uint32Array; readonly columns: Int32Array; readonly counts: Int32Array };

/** How a counter reads text. */
export type CounterOptions = {
  /** `learn`: new terms get the next id · `known`: unknown terms are ignored, rows sorted · `sequence`: ids in order · `hashed`: MurmurHash3 columns. */
  readonly mode: keyof typeof modes;
  /** Byte classes: 0 separates, 255 decodes a character, else the byte to write. Absent: every document takes the string path. */
  readonly classes?: Uint8Array;
  /** The classes are those of {@link wordClasses}: runs of ASCII word characters are then read 16 at a time. */
  readonly words?: boolean;
  /** The string path: all terms of a document, in order. Must agree with `classes` on what both can read. */
  readonly analyze: (text: string) => readonly string[];
  readonly ngramRange?: readonly [number, number];
  /** Code points that a token must have; default 2, as scikit-learn's pattern. */
  readonly minLength?: number;
  readonly stopWords?: Iterable<string>;
  /** Text of a document given as bytes that the byte path does not take; default: strict UTF-8. */
  readonly decode?: (bytes: Uint8Array) => string;
  readonly lowercase?: boolean;
  readonly features?: number;
  readonly signed?: boolean;
  readonly seed?: number;
  /** Receives each finished batch. The arrays are the receiver's to keep. */
  readonly onRows: (rows: CountedRows) => void;
};

const batchBytes = 1 << 18;
const batchDocuments = 4096;
const encoder = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Byte classes of the default tokens: runs of `[\p{L}\p{N}_]`. */
export function wordClasses(lowercase: boolean): Uint8Array {
  const classes = new Uint8Array(256).fill(255, 128);
  for (let b = 0; b < 128; b++) {
    const c = String.fromCharCode(b);
    if (/\w/.test(c)) classes[b] = (lowercase ? c.toLowerCase() : c).charCodeAt(0);
  }
  return classes;
}

/** Byte classes of tokens between blanks, tabs and other ASCII white space; nothing is decoded or lower-cased. */
export function blankClasses(): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, b) => (b === 32 || (b >= 9 && b <= 13) || (b >= 28 && b <= 31) ? 0 : b));
}

/** Refuses a document that is neither text nor bytes; `number` counts from 1. scikit-learn: "np.nan is an invalid document". */
export function checkDocument(document: unknown, number: number): void {
  if (typeof document === 'string' || document instanceof Uint8Array) return;
  throw new BowError('data', `${kindOf(document)} is not a document`, {
    place: `document ${number}`,
    hint: 'a document is a string or a Uint8Array of its bytes; give "" where there is no text',
  });
}

/** A growing set of terms with counts; see the file's head. */
export class TermCounter {
  readonly #memory: WebAssembly.Memory;
  readonly #kernel: Kernel;
  readonly #o: CounterOptions;
  #context: Uint32Array;
  #bytes: Uint8Array;
  #end = 65536;
  readonly #sizes = new Map<Slot, number>();
  #pending: (string | undefined)[] = [];
  #inputUsed = 0;
  #documents = 0;
  #flushed = 0;

  /** Errors `usage` for options of other types. */
  constructor(o: CounterOptions) {
    needRecord('options of a TermCounter', o);
    need(Object.hasOwn(modes, o.mode), 'mode', Object.keys(modes).join(', '), o.mode);
    needFunction('analyze', o.analyze);
    needFunction('onRows', o.onRows);
    this.#o = o;
    compiled ??= new WebAssembly.Module(
      Uint8Array.from(atob(wasm.replace(/\n/g, '')), (c) => c.charCodeAt(0)) as BufferSource,
    );
    this.#memory = new WebAssembly.Memory({ initial: 2, maximum: 65536 });
    const instance = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.#kernel = instance.exports as unknown as Kernel;
    this.#context = new Uint32Array(this.#memory.buffer);
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#layOut();
    if (o.stopWords) this.#loadStopWords([...o.stopWords]);
    this.#set('mode', modes[o.mode]);
  }

  #get(s: Slot): number {
    return this.#context[context / 4 + slots[s]]!;
  }

  #set(s: Slot, value: number): void {
    this.#context[context / 4 + slots[s]] = value;
  }

  #layOut(): void {
    const o = this.#o;
    this.#region('class', 256);
    if (o.classes) this.#bytes.set(o.classes, this.#get('class'));
    this.#growTable(1024);
    this.#growTerms(512);
    this.#growPool(8192);
    this.#region('input', batchBytes);
    this.#region('docs', batchDocuments * 8);
    this.#region('rowEnds', batchDocuments * 4);
    this.#region('scratch', 2 * batchBytes + 64);
    this.#region('starts', 4 * (batchBytes + 8));
    this.#growOut(batchBytes);
    this.#set('minLength', o.minLength ?? 2);
    this.#set('ngramMin', o.ngramRange?.[0] ?? 1);
    this.#set('ngramMax', o.ngramRange?.[1] ?? 1);
    this.#set('features', o.features ?? 1);
    this.#set('signed', o.signed ? 1 : 0);
    this.#set('seed', o.seed ?? 0);
    this.#set('fold', o.words ? (o.lowercase === false ? 0x100 : 0x120) : 0);
  }

  /** Makes a region at least `bytes` large, moving what it holds; old room is not used again (it sums to less than the new). */
  #region(s: Slot, bytes: number): void {
    const old = this.#sizes.get(s) ?? 0;
    if (bytes <= old) return;
    const [from, to] = [this.#get(s), this.#end];
    const end = to + Math.ceil((bytes + 64) / 64) * 64;
    if (end > 2 ** 32 - 65536) {
      throw new BowError('data', 'the table of terms does not fit into 4 GiB', {
        detail: { terms: this.termCount },
        hint: 'use a smaller vocabulary budget (terms then go to disk), fewer n-grams or the hashing vectoriser',
      });
    }
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(Math.max(missing, this.#memory.buffer.byteLength / 4) / 65536) || 1);
      this.#context = new Uint32Array(this.#memory.buffer);
      this.#bytes = new Uint8Array(this.#memory.buffer);
    }
    if (old > 0) this.#bytes.copyWithin(to, from, from + old);
    this.#sizes.set(s, bytes);
    this.#set(s, to);
    this.#end = end;
  }

  #growTerms(terms: number): void {
    this.#region('offsets', (terms + 1) * 4);
    this.#region('hashes', terms * 4);
    this.#region('counts', terms * 4);
    this.#region('df', terms * 4);
    this.#region('totals', terms * 8);
    this.#set('termsSize', terms);
    if (terms * 2 > this.#get('tableMask') + 1) this.#growTable(2 ** Math.ceil(Math.log2(terms * 2)));
  }

  #growTable(entries: number): void {
    this.#sizes.set('table', 0); // nothing to move: the kernel refills it
    this.#region('table', entries * 16);
    this.#set('tableMask', entries - 1);
    this.#kernel.rehash();
  }

  #growPool(bytes: number): void {
    this.#region('pool', bytes);
    this.#set('poolSize', bytes);
  }

  #growOut(entries: number): void {
    this.#region('out', entries * 8);
    this.#sizes.set('tmp', 0);
    this.#region('tmp', entries * 8);
    this.#set('outSize', entries);
  }

  /** Gives the kernel the room it asked for, at least doubling what is full. */
  #grow(): void {
    const [terms, pool, out] = [this.#get('needTerms'), this.#get('needPool'), this.#get('needOut')];
    if (terms > this.#get('termsSize')) this.#growTerms(Math.max(terms, this.#get('termsSize') * 2));
    if (pool > this.#get('poolSize')) this.#growPool(Math.max(pool, this.#get('poolSize') * 2));
    if (out > this.#get('outSize')) this.#growOut(Math.max(out, this.#get('outSize') * 2));
  }

  #loadStopWords(words: string[]): void {
    this.intern(words);
    for (const [to, from] of [
      ['stopTable', 'table'],
      ['stopMask', 'tableMask'],
      ['stopPool', 'pool'],
      ['stopOffsets', 'offsets'],
    ] as const) {
      this.#set(to, this.#get(from));
    }
    for (const s of ['table', 'pool', 'offsets', 'hashes', 'counts', 'df', 'totals'] as const) this.#sizes.set(s, 0);
    for (const s of ['terms', 'poolUsed', 'poolSize', 'tableMask'] as const) this.#set(s, 0);
    this.#growTerms(512);
    this.#growPool(8192);
  }

  /** How many terms are known. */
  get termCount(): number {
    return this.#get('terms');
  }

  /** Bytes that the table of terms takes. */
  get termBytes(): number {
    return this.#get('poolUsed') + this.termCount * 24 + (this.#get('tableMask') + 1) * 16;
  }

  /** Counts one document; rows come out of `onRows` in the order of the calls, the last ones after {@link flush}. */
  push(document: string | Uint8Array): void {
    checkDocument(document, this.#flushed + this.#documents + 1);
    const bytes = typeof document === 'string' ? document.length * 3 : document.length;
    if (this.#inputUsed + bytes > batchBytes || this.#documents === batchDocuments) this.flush();
    if (bytes > batchBytes) this.#makeRoom(bytes);
    const at = this.#get('input') + this.#inputUsed;
    let length = bytes;
    if (typeof document !== 'string') this.#bytes.set(document, at);
    else if (this.#o.classes) length = encoder.encodeInto(document, this.#bytes.subarray(at, at + bytes)).written;
    const docs = this.#get('docs') / 4 + 2 * this.#documents;
    this.#context[docs] = this.#inputUsed;
    this.#context[docs + 1] = length;
    this.#pending.push(typeof document === 'string' ? document : undefined);
    this.#inputUsed += length;
    this.#documents++;
  }

  /** Room for one document larger than a batch. */
  #makeRoom(bytes: number): void {
    if (bytes > 2 ** 28) {
      throw new BowError('data', 'a document of more than 256 MiB', {
        detail: { bytes },
        hint: 'split it: a document should be a unit that a reader would want to find',
      });
    }
    this.#region('input', bytes);
    this.#region('scratch', 2 * bytes + 64);
    this.#region('starts', 4 * (bytes + 8));
  }

  /** Numbers documents from 1 again and forgets those that wait, as after a call that failed. */
  restart(): void {
    this.#pending = [];
    [this.#documents, this.#inputUsed, this.#flushed] = [0, 0, 0];
  }

  /** Counts what is waiting and hands the rows to `onRows`. */
  flush(): void {
    const n = this.#documents;
    if (n === 0) return;
    this.#set('outUsed', 0);
    let d = 0;
    while (d < n) {
      if (!this.#o.classes) {
        this.#stringPath(d++);
        continue;
      }
      d = this.#kernel.countDocuments(d, n);
      if (d === n) break;
      const why = this.#get('status');
      if (why === status.grow) this.#grow();
      else if (why === status.needTables) this.#loadUnicode();
      else this.#stringPath(d++);
    }
    this.#emit(n);
    this.#flushed += n;
    this.#pending = [];
    this.#documents = 0;
    this.#inputUsed = 0;
  }

  #loadUnicode(): void {
    unicode ??= { bits: wordBitmap(), lower: lowerTable() };
    const lower = this.#o.lowercase === false ? Uint16Array.from({ length: 65536 }, (_, i) => i) : unicode.lower;
    this.#region('wordBits', unicode.bits.length);
    this.#bytes.set(unicode.bits, this.#get('wordBits'));
    this.#region('lower', lower.byteLength);
    this.#bytes.set(new Uint8Array(lower.buffer), this.#get('lower'));
    this.#set('tablesReady', 1);
  }

  #stringPath(d: number): void {
    const terms = this.#o.analyze(this.#pending[d] ?? this.#decode(d));
    needTexts('what an analyzer gives', terms);
    this.#layTerms(terms);
    while (this.#kernel.countTerms(d, terms.length) === 0) this.#grow();
  }

  #decode(d: number): string {
    const docs = this.#get('docs') / 4 + 2 * d;
    const at = this.#get('input') + this.#context[docs]!;
    const bytes = this.#bytes.slice(at, at + this.#context[docs + 1]!);
    try {
      return this.#o.decode ? this.#o.decode(bytes) : strict.decode(bytes);
    } catch (e) {
      throw new BowError('data', isBowError(e) ? e.message : 'text is not UTF-8', {
        place: `document ${this.#flushed + d + 1}`,
        hint: "set decodeError to 'replace' or 'ignore', or give strings",
        cause: e,
      });
    }
  }

  /** Lays terms into the scratch region with their starts. */
  #layTerms(terms: readonly string[]): void {
    let bytes = 0;
    for (const t of terms) bytes += t.length * 3;
    this.#region('scratch', bytes + 64);
    this.#region('starts', 4 * (terms.length + 8));
    const [scratch, starts] = [this.#get('scratch'), this.#get('starts') / 4];
    const room = this.#bytes.subarray(scratch, scratch + bytes + 8);
    let at = 0;
    for (let i = 0; i < terms.length; i++) {
      this.#context[starts + i] = at;
      at += encoder.encodeInto(terms[i]!, at === 0 ? room : room.subarray(at)).written;
    }
    this.#context[starts + terms.length] = at;
  }

  #emit(rows: number): void {
    const n = this.#get('outUsed');
    const at = this.#get('rowEnds') / 4;
    const ends = this.#context.slice(at, at + rows);
    this.#o.onRows({ ends, ...this.#split(n) });
  }

  #split(n: number): { columns: Int32Array; counts: Int32Array } {
    const tmp = this.#get('tmp');
    this.#kernel.split(tmp, tmp + n * 4);
    const buffer = this.#memory.buffer;
    return { columns: new Int32Array(buffer, tmp, n).slice(), counts: new Int32Array(buffer, tmp + n * 4, n).slice() };
  }

  /** Adds terms without counting; returns their ids. */
  intern(terms: readonly string[]): Int32Array {
    needTexts('terms', terms);
    const mode = this.#get('mode');
    this.#set('mode', modes.learn);
    const ids = new Int32Array(terms.length);
    for (let from = 0; from < terms.length; from += 65536) {
      const part = terms.slice(from, from + 65536);
      this.#layTerms(part);
      this.#set('outUsed', 0);
      while (this.#kernel.internTerms(part.length) === 0) this.#grow();
      ids.set(new Int32Array(this.#memory.buffer, this.#get('out'), part.length), from);
    }
    this.#set('mode', mode);
    return ids;
  }

  /** The id of a term, or -1. */
  id(term: string): number {
    needText('a term', term);
    this.#layTerms([term]);
    return this.#kernel.lookUp(this.#context[this.#get('starts') / 4 + 1]!);
  }

  /** Document frequency by id: in how many documents each term occurred. A copy. */
  df(): Int32Array {
    return new Int32Array(this.#memory.buffer, this.#get('df'), this.termCount).slice();
  }

  /** How often each term occurred, by id. A copy. */
  totals(): Float64Array {
    return new Float64Array(this.#memory.buffer, this.#get('totals'), this.termCount).slice();
  }

  /** Terms of the given ids, as strings. */
  terms(ids: ArrayLike<number>): string[] {
    needNumbers('ids', ids);
    const pool = this.#get('pool');
    const offsets = this.#get('offsets') / 4;
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const bytes = this.#bytes.slice(pool, pool + this.#get('poolUsed'));
    const text = latin(bytes);
    const found: string[] = new Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const [from, to] = [this.#context[offsets + ids[i]!]!, this.#context[offsets + ids[i]! + 1]!];
      found[i] = text !== undefined ? text.slice(from, to) : decoder.decode(bytes.subarray(from, to));
    }
    return found;
  }

  /** Ids in code-point order of their terms. */
  sortIds(ids: Int32Array): Int32Array {
    need(ids instanceof Int32Array, 'ids', 'an Int32Array', ids);
    const n = ids.length;
    this.#region('tmp', n * 40 + 64);
    const tmp = this.#get('tmp');
    new Int32Array(this.#memory.buffer, tmp, n).set(ids);
    this.#kernel.sortTerms(tmp, n, tmp + Math.ceil((n * 4) / 16) * 16);
    return new Int32Array(this.#memory.buffer, tmp, n).slice();
  }

  /** Renumbers rows by `map` (by id; -1 drops the entry) and sorts each row by its new columns. */
  remap(rows: CountedRows, map: Int32Array): CountedRows {
    const n = rows.columns.length;
    if (n > this.#get('outSize')) this.#growOut(n);
    this.#region('rowEnds', rows.ends.length * 4);
    if ((this.#sizes.get('counts') ?? 0) < map.length * 4) this.#region('counts', map.length * 4);
    const at = this.#get('counts'); // free between documents: all zero, and zeroed again below
    new Int32Array(this.#memory.buffer, at, map.length).set(map);
    const out = new Uint32Array(this.#memory.buffer, this.#get('out'), 2 * n);
    for (let i = 0; i < n; i++) {
      out[2 * i] = rows.counts[i]!;
      out[2 * i + 1] = rows.columns[i]!;
    }
    new Uint32Array(this.#memory.buffer, this.#get('rowEnds'), rows.ends.length).set(rows.ends);
    this.#kernel.remapRows(rows.ends.length, at);
    const ends = new Uint32Array(this.#memory.buffer, this.#get('rowEnds'), rows.ends.length).slice();
    const result = { ends, ...this.#split(this.#get('outUsed')) };
    new Int32Array(this.#memory.buffer, at, map.length).fill(0);
    return result;
  }
}

/** The bytes as a string when all are ASCII; slicing it is faster than decoding each term. */
function latin(bytes: Uint8Array): string | undefined {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 127) return undefined;
  return bytes.length > 2 ** 28 ? undefined : new TextDecoder('latin1').decode(bytes);
}
