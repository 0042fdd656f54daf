/**
 * The byte scanner and term table of src/text, in AssemblyScript (`node scripts/build-kernels.mjs` compiles it into src/text/counter-kernel.ts).
 *
 * Text arrives as UTF-8. A document is scanned once: lower-cased tokens are laid into `scratch`, one space between, so that every word n-gram is
 * one slice of it; a slice is hashed, looked up in an open-addressing table and counted. All regions belong to the caller, who passes their
 * addresses in the context block at CTX and grows them when a call says so; nothing is allocated here.
 */

const CTX: usize = 1024;

// The context block: one u32 a slot, in the order of `slots` in src/text/term-counter.ts.
@inline function slot(i: usize): usize { return <usize>load<u32>(CTX + (i << 2)); }
@inline function put(i: usize, x: usize): void { store<u32>(CTX + (i << 2), <u32>x); }

const CLASS: usize = 0; // u8[256]: 0 separates, 255 starts a character to decode, else the byte to write
const WORD_BITS: usize = 1; // bitmap over 0x110000 code points: part of a word
const LOWER: usize = 2; // u16[65536]: lower case of the basic plane; 0xffff = depends on context, give the document back
const TABLE: usize = 3; // 16 bytes: key, id + 1, hash
const TABLE_MASK: usize = 4;
const POOL: usize = 5; // bytes of all terms, one after another
const POOL_USED: usize = 6;
const POOL_SIZE: usize = 7;
const OFFSETS: usize = 8; // u32[terms + 1]
const TERMS: usize = 9;
const TERMS_SIZE: usize = 10;
const HASHES: usize = 11; // u32[terms]
const COUNTS: usize = 12; // i32[terms], of the current document
const DF: usize = 13; // i32[terms]
const TOTALS: usize = 14; // f64[terms]
const OUT: usize = 15; // u64 entries: column << 32 | count
const OUT_USED: usize = 16;
const OUT_SIZE: usize = 17;
const SCRATCH: usize = 18;
const STARTS: usize = 19; // u32[tokens + 1]: where each token of the document starts in scratch
const MIN_LENGTH: usize = 20; // code points a token must have
const NGRAM_MIN: usize = 21;
const NGRAM_MAX: usize = 22;
const MODE: usize = 23;
const FEATURES: usize = 24; // columns of the hashed table
const STOP_TABLE: usize = 25; // 0 = no stop words
const STOP_MASK: usize = 26;
const STOP_POOL: usize = 27;
const STOP_OFFSETS: usize = 28;
const INPUT: usize = 29;
const DOCS: usize = 30; // u32[2 × documents]: start in INPUT, length
const ROW_ENDS: usize = 31; // u32[documents]: OUT_USED after each document
const STATUS: usize = 32;
const NEED_TERMS: usize = 33;
const NEED_POOL: usize = 34;
const NEED_OUT: usize = 35;
const TMP: usize = 36; // as large as OUT: sorting
const SEED: usize = 37; // of the hashed table
const SIGNED: usize = 38;
const TABLES_READY: usize = 39; // the two Unicode tables are filled
const FOLD: usize = 40; // 0: only the class table; else runs of ASCII letters, digits, _ go 16 at a time; low byte: the bit that folds case

const LEARN: usize = 0; // count, new terms get the next id
const KNOWN: usize = 1; // count, unknown terms are ignored, rows sorted
const SEQUENCE: usize = 2; // the ids in order, new terms get the next id
const HASHED: usize = 3; // columns by MurmurHash3, rows sorted and summed

const OK: usize = 0;
const GROW: usize = 1;
const STRING_PATH: usize = 2; // a character whose lower case needs context, or a rare plane
const BAD_UTF8: usize = 3;
const NEED_TABLES: usize = 4;

@inline function hashOf(p: usize, n: usize): u32 {
  let h: u64 = <u64>n * 0x9e3779b97f4a7c15;
  const end = p + n;
  while (p + 8 <= end) {
    h = (h ^ load<u64>(p)) * 0xff51afd7ed558ccd;
    h ^= h >> 32;
    p += 8;
  }
  if (p < end) {
    h = (h ^ (load<u64>(p) & tailMask(end - p))) * 0xff51afd7ed558ccd;
    h ^= h >> 32;
  }
  h *= 0xc4ceb9fe1a85ec53;
  return <u32>(h >> 32);
}

@inline function tailMask(n: usize): u64 { return (<u64>1 << (<u64>n << 3)) - 1; }

@inline function same(a: usize, b: usize, n: usize): bool {
  const end = a + n;
  while (a + 8 <= end) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
  }
  if (a == end) return true;
  return ((load<u64>(a) ^ load<u64>(b)) & tailMask(end - a)) == 0;
}

/**
 * A slice as one number: up to seven bytes and their count, which is the whole slice, or the first seven bytes of a longer one. So most look-ups
 * touch one entry of the table and nothing else.
 */
@inline function keyOf(p: usize, n: usize): u64 {
  return n < 8 ? (load<u64>(p) & tailMask(n)) | (<u64>n << 56) : (load<u64>(p) & 0x00ffffffffffffff) | 0xff00000000000000;
}

@inline function hashOfKey(key: u64, p: usize, n: usize): u32 {
  if (n >= 8) return hashOf(p, n);
  const h = (key ^ (key >> 32)) * 0xff51afd7ed558ccd;
  return <u32>((h ^ (h >> 29)) >> 16);
}

@inline function find(table: usize, mask: usize, offsets: usize, pool: usize, key: u64, h: u32, p: usize, n: usize): i32 {
  let i = <usize>h & mask;
  while (true) {
    const e = table + (i << 4), known = load<u32>(e, 8);
    if (known == 0) return -1;
    if (load<u64>(e) == key) {
      const id = <usize>known - 1;
      if (n < 8) return <i32>id;
      if (load<u32>(e, 12) == h) {
        const o = load<u32>(offsets + (id << 2));
        if (<usize>(load<u32>(offsets + (id << 2), 4) - o) == n && same(p, pool + <usize>o, n)) return <i32>id;
      }
    }
    i = (i + 1) & mask;
  }
}

@inline function enter(table: usize, mask: usize, key: u64, h: u32, id: usize): void {
  let i = <usize>h & mask;
  while (load<u32>(table + (i << 4), 8) != 0) i = (i + 1) & mask;
  const e = table + (i << 4);
  store<u64>(e, key);
  store<u32>(e, <u32>(id + 1), 8);
  store<u32>(e, h, 12);
}

/** The id of a slice, a new one when it was never seen; room has been checked. */
@inline function intern(p: usize, n: usize): i32 {
  const key = keyOf(p, n), h = hashOfKey(key, p, n);
  const known = find(slot(TABLE), slot(TABLE_MASK), slot(OFFSETS), slot(POOL), key, h, p, n);
  return known >= 0 ? known : append(key, h, p, n);
}

function append(key: u64, h: u32, p: usize, n: usize): i32 {
  const id = slot(TERMS), used = slot(POOL_USED);
  memory.copy(slot(POOL) + used, p, n);
  put(POOL_USED, used + n);
  store<u32>(slot(OFFSETS) + (id << 2), <u32>(used + n), 4);
  store<u32>(slot(HASHES) + (id << 2), h);
  put(TERMS, id + 1);
  enter(slot(TABLE), slot(TABLE_MASK), key, h, id);
  return <i32>id;
}

/** Fills a fresh table of `mask + 1` slots from the stored terms. */
export function rehash(): void {
  const table = slot(TABLE), mask = slot(TABLE_MASK), hashes = slot(HASHES), offsets = slot(OFFSETS), pool = slot(POOL), n = slot(TERMS);
  memory.fill(table, 0, (mask + 1) << 4);
  for (let id: usize = 0; id < n; id++) {
    const o = <usize>load<u32>(offsets + (id << 2)), length = <usize>load<u32>(offsets + (id << 2), 4) - o;
    enter(table, mask, keyOf(pool + o, length), load<u32>(hashes + (id << 2)), id);
  }
}

// Decoding: the code point is returned, the number of bytes left in `width`; 0xffffffff = not UTF-8 (Unicode, table 3-7).
let width: usize = 0;
function decode(p: usize, end: usize): u32 {
  const a = <u32>load<u8>(p), left = end - p;
  if (a >= 0xc2 && a < 0xe0 && left > 1) {
    const b = <u32>load<u8>(p, 1);
    width = 2;
    if ((b & 0xc0) == 0x80) return ((a & 0x1f) << 6) | (b & 0x3f);
  } else if (a >= 0xe0 && a < 0xf0 && left > 2) {
    const b = <u32>load<u8>(p, 1), c = <u32>load<u8>(p, 2), u = ((a & 0x0f) << 12) | ((b & 0x3f) << 6) | (c & 0x3f);
    width = 3;
    if ((b & 0xc0) == 0x80 && (c & 0xc0) == 0x80 && u >= 0x800 && (u < 0xd800 || u > 0xdfff)) return u;
  } else if (a >= 0xf0 && a < 0xf5 && left > 3) {
    const b = <u32>load<u8>(p, 1), c = <u32>load<u8>(p, 2), d = <u32>load<u8>(p, 3);
    const u = ((a & 0x07) << 18) | ((b & 0x3f) << 12) | ((c & 0x3f) << 6) | (d & 0x3f);
    width = 4;
    if ((b & 0xc0) == 0x80 && (c & 0xc0) == 0x80 && (d & 0xc0) == 0x80 && u >= 0x10000 && u < 0x110000) return u;
  }
  return 0xffffffff;
}

@inline function encode(p: usize, u: u32): usize {
  if (u < 0x80) {
    store<u8>(p, <u8>u);
    return 1;
  }
  if (u < 0x800) {
    store<u8>(p, <u8>(0xc0 | (u >> 6)));
    store<u8>(p, <u8>(0x80 | (u & 0x3f)), 1);
    return 2;
  }
  store<u8>(p, <u8>(0xe0 | (u >> 12)));
  store<u8>(p, <u8>(0x80 | ((u >> 6) & 0x3f)), 1);
  store<u8>(p, <u8>(0x80 | (u & 0x3f)), 2);
  return 3;
}

function isStop(table: usize, mask: usize, offsets: usize, pool: usize, p: usize, n: usize): bool {
  const key = keyOf(p, n);
  return find(table, mask, offsets, pool, key, hashOfKey(key, p, n), p, n) >= 0;
}

/** Lays the tokens of [p, end) into scratch; returns how many, or -1 with STATUS set. */
function tokenise(p: usize, end: usize): i32 {
  const cls = slot(CLASS), scratch = slot(SCRATCH), starts = slot(STARTS), minLength = slot(MIN_LENGTH);
  const stop = slot(STOP_TABLE), stopMask = slot(STOP_MASK), stopOffsets = slot(STOP_OFFSETS), stopPool = slot(STOP_POOL);
  const words = slot(FOLD), fold = i8x16.splat(<i8>(words & 0xff));
  let o = scratch, start = scratch, marks: usize = 0, n: usize = 0;
  while (true) {
    if (words) {
      while (p < end) {
        const x = v128.load(p);
        const letters = i8x16.lt_u(i8x16.sub(v128.or(x, i8x16.splat(0x20)), i8x16.splat(97)), i8x16.splat(26));
        const digits = i8x16.lt_u(i8x16.sub(x, i8x16.splat(48)), i8x16.splat(10));
        const inside = v128.or(v128.or(letters, digits), i8x16.eq(x, i8x16.splat(95)));
        const run = min(<usize>ctz<u32>(~(<u32>i8x16.bitmask(inside) & 0xffff)), end - p);
        v128.store(o, v128.or(x, v128.and(letters, fold))); // what lies beyond the run is written over
        o += run;
        p += run;
        if (run < 16) break;
      }
    }
    let c: u32 = 0;
    if (p < end) {
      c = <u32>load<u8>(cls + <usize>load<u8>(p));
      if (c == 255) {
        if (!slot(TABLES_READY)) return fail(NEED_TABLES);
        const u = decode(p, end);
        if (u == 0xffffffff) return fail(BAD_UTF8);
        if ((load<u8>(slot(WORD_BITS) + <usize>(u >> 3)) >> <u8>(u & 7)) & 1) {
          if (u > 0xffff) return fail(STRING_PATH);
          const low = <u32>load<u16>(slot(LOWER) + (<usize>u << 1));
          if (low == 0xffff) return fail(STRING_PATH);
          const written = encode(o, low);
          o += written;
          marks += written - 1; // bytes beyond one a code point
          p += width;
          continue;
        }
        c = 0;
        p += width - 1;
      }
      p++;
      if (c != 0) {
        store<u8>(o, <u8>c);
        o++;
        continue;
      }
    }
    // the end of a token, or nothing
    if (o != start) {
      const length = o - start;
      if (length - marks >= minLength && (stop == 0 || !isStop(stop, stopMask, stopOffsets, stopPool, start, length))) {
        store<u32>(starts + (n << 2), <u32>(start - scratch));
        n++;
        store<u8>(o, 32);
        o++;
        start = o;
      } else o = start;
      marks = 0;
    }
    if (p >= end) break;
  }
  store<u32>(starts + (n << 2), <u32>(o - scratch));
  return <i32>n;
}

function fail(status: usize): i32 {
  put(STATUS, status);
  return -1;
}

/** Is there room for the n-grams of `n` tokens in `bytes` bytes of scratch? Otherwise says what is needed. */
function room(n: usize, bytes: usize, low: usize, high: usize): bool {
  let slices: usize = 0, poolBytes: usize = 0;
  for (let k = low; k <= high && k <= n; k++) {
    slices += n - k + 1;
    poolBytes += k * bytes;
  }
  return roomFor(slices, poolBytes);
}

function roomFor(slices: usize, poolBytes: usize): bool {
  const mode = slot(MODE);
  const learns = mode == LEARN || mode == SEQUENCE;
  const terms = learns ? slot(TERMS) + slices : 0, pool = learns ? slot(POOL_USED) + poolBytes : 0, out = slot(OUT_USED) + slices;
  if (terms <= slot(TERMS_SIZE) && pool + 16 <= slot(POOL_SIZE) && out <= slot(OUT_SIZE)) return true;
  put(NEED_TERMS, terms);
  put(NEED_POOL, pool + 16);
  put(NEED_OUT, out);
  put(STATUS, GROW);
  return false;
}

@inline function murmurMix(k: u32): u32 { return rotl<u32>(k * 0xcc9e2d51, 15) * 0x1b873593; }

/** MurmurHash3 x86 32-bit (Austin Appleby, public domain). */
@inline function murmur(p: usize, n: usize, seed: u32): i32 {
  let h = seed;
  const end = p + n;
  while (p + 4 <= end) {
    h = rotl<u32>(h ^ murmurMix(load<u32>(p)), 13) * 5 + 0xe6546b64;
    p += 4;
  }
  const left = end - p;
  if (left) h ^= murmurMix(load<u32>(p) & ((1 << (<u32>left << 3)) - 1));
  h ^= <u32>n;
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return <i32>(h ^ (h >> 16));
}

function known(p: usize, n: usize): i32 {
  const key = keyOf(p, n);
  return find(slot(TABLE), slot(TABLE_MASK), slot(OFFSETS), slot(POOL), key, hashOfKey(key, p, n), p, n);
}

/** Counts one slice; `o` is where the next entry of the row goes. */
@inline function count(p: usize, n: usize, o: usize, mode: usize): usize {
  if (mode == HASHED) {
    const h = murmur(p, n, <u32>slot(SEED));
    const column = <u32>((h < 0 ? -<i64>h : <i64>h) % <i64>slot(FEATURES)); // |h|, then the modulus: bag-of-words.md §5.4
    store<u64>(o, (<u64>column << 32) | <u64>(h < 0 && slot(SIGNED) ? 0xffffffff : 1));
    return o + 8;
  }
  const id = mode == KNOWN ? known(p, n) : intern(p, n);
  if (id < 0) return o;
  const at = <usize>id << 2;
  if (mode == SEQUENCE) {
    store<u64>(o, (<u64>id << 32) | 1);
    const t = slot(TOTALS) + (at << 1);
    store<f64>(t, load<f64>(t) + 1);
    return o + 8;
  }
  const c = load<i32>(slot(COUNTS) + at);
  store<i32>(slot(COUNTS) + at, c + 1);
  if (c != 0) return o;
  store<u64>(o, <u64>id << 32);
  return o + 8;
}

/** Closes a row that began at `from`: counts into the entries, document frequencies, order. */
function closeRow(from: usize, to: usize, mode: usize): usize {
  if (mode == HASHED) return sumSorted(from, sortRow(from, to));
  if (mode == SEQUENCE) return to;
  const counts = slot(COUNTS), df = slot(DF), totals = slot(TOTALS);
  for (let e = from; e < to; e += 8) {
    const at = <usize>load<u32>(e, 4) << 2;
    const c = load<i32>(counts + at);
    store<i32>(counts + at, 0);
    store<u32>(e, <u32>c);
    store<i32>(df + at, load<i32>(df + at) + 1);
    store<f64>(totals + (at << 1), load<f64>(totals + (at << 1)) + <f64>c);
  }
  return mode == KNOWN ? sortRow(from, to) : to;
}

/** Sorts the entries [from, to) by column: insertion for short rows, else bytewise radix. Returns `to`. */
function sortRow(from: usize, to: usize): usize {
  const n = (to - from) >> 3;
  if (n <= 24) {
    for (let i = from + 8; i < to; i += 8) {
      const x = load<u64>(i);
      let j = i;
      while (j > from && load<u64>(j - 8) > x) {
        store<u64>(j, load<u64>(j - 8));
        j -= 8;
      }
      store<u64>(j, x);
    }
    return to;
  }
  let high: u64 = 0;
  for (let i = from; i < to; i += 8) high |= load<u64>(i);
  const bytes = n << 3, histogram = CTX + 1024;
  let a = from, b = slot(TMP);
  for (let shift: u64 = 32; shift < 64 && high >> shift != 0; shift += 8) {
    memory.fill(histogram, 0, 1024);
    for (let i = a; i < a + bytes; i += 8) {
      const h = histogram + (<usize>((load<u64>(i) >> shift) & 255) << 2);
      store<u32>(h, load<u32>(h) + 1);
    }
    let sum: u32 = 0;
    for (let h = histogram; h < histogram + 1024; h += 4) {
      const c = load<u32>(h);
      store<u32>(h, sum);
      sum += c;
    }
    for (let i = a; i < a + bytes; i += 8) {
      const x = load<u64>(i), h = histogram + (<usize>((x >> shift) & 255) << 2), at = load<u32>(h);
      store<u32>(h, at + 1);
      store<u64>(b + (<usize>at << 3), x);
    }
    const t = a;
    a = b;
    b = t;
  }
  if (a != from) memory.copy(from, a, bytes);
  return to;
}

/** Adds up neighbours with one column; a sum of 0 stays stored (scikit-learn's hashing keeps it). Returns the new end. */
function sumSorted(from: usize, to: usize): usize {
  let o = from;
  for (let i = from; i < to; i += 8) {
    const x = load<u64>(i);
    if (o > from && load<u32>(o - 8, 4) == <u32>(x >> 32)) store<u32>(o - 8, load<u32>(o - 8) + <u32>x);
    else {
      store<u64>(o, x);
      o += 8;
    }
  }
  return o;
}

/** Counts documents `first` … `n` − 1 of the input; returns the first one not done, STATUS says why. */
export function countDocuments(first: u32, n: u32): u32 {
  const mode = slot(MODE), low = slot(NGRAM_MIN), high = slot(NGRAM_MAX), docs = slot(DOCS), input = slot(INPUT);
  const scratch = slot(SCRATCH), starts = slot(STARTS), rowEnds = slot(ROW_ENDS), out = slot(OUT);
  for (let d = first; d < n; d++) {
    const at = input + <usize>load<u32>(docs + (<usize>d << 3));
    const tokens = tokenise(at, at + <usize>load<u32>(docs + (<usize>d << 3), 4));
    if (tokens < 0) return d;
    const many = <usize>tokens;
    if (!room(many, <usize>load<u32>(starts + (many << 2)), low, high)) return d;
    const from = out + (slot(OUT_USED) << 3);
    let o = from;
    for (let k = low; k <= high && k <= many; k++) {
      for (let i: usize = 0; i + k <= many; i++) {
        const s = load<u32>(starts + (i << 2));
        o = count(scratch + <usize>s, <usize>(load<u32>(starts + ((i + k) << 2)) - 1 - s), o, mode);
      }
    }
    put(OUT_USED, (closeRow(from, o, mode) - out) >> 3);
    store<u32>(rowEnds + (<usize>d << 2), <u32>slot(OUT_USED));
  }
  put(STATUS, OK);
  return n;
}

/** Counts one document given as `n` terms: bytes in SCRATCH, starts in STARTS (n + 1 of them). 1 when done, 0 when it needs room. */
export function countTerms(d: u32, n: u32): u32 {
  const mode = slot(MODE), scratch = slot(SCRATCH), starts = slot(STARTS), out = slot(OUT);
  if (!roomFor(n, <usize>load<u32>(starts + (<usize>n << 2)))) return 0;
  const from = out + (slot(OUT_USED) << 3);
  let o = from;
  for (let i: usize = 0; i < <usize>n; i++) {
    const s = load<u32>(starts + (i << 2));
    o = count(scratch + <usize>s, <usize>(load<u32>(starts + (i << 2), 4) - s), o, mode);
  }
  put(OUT_USED, (closeRow(from, o, mode) - out) >> 3);
  store<u32>(slot(ROW_ENDS) + (<usize>d << 2), <u32>slot(OUT_USED));
  put(STATUS, OK);
  return 1;
}

/** Interns `n` terms (bytes in SCRATCH, starts in STARTS) without counting; their ids go to OUT as u32. 1 when done, 0 when it needs room. */
export function internTerms(n: u32): u32 {
  const scratch = slot(SCRATCH), starts = slot(STARTS), out = slot(OUT);
  if (!roomFor(n, <usize>load<u32>(starts + (<usize>n << 2)))) return 0;
  for (let i: usize = 0; i < <usize>n; i++) {
    const s = load<u32>(starts + (i << 2));
    store<i32>(out + (i << 2), intern(scratch + <usize>s, <usize>(load<u32>(starts + (i << 2), 4) - s)));
  }
  put(STATUS, OK);
  return 1;
}

/** The id of the term in SCRATCH, or -1. */
export function lookUp(n: u32): i32 {
  const p = slot(SCRATCH);
  return known(p, <usize>n);
}

/** Renumbers the rows in OUT by `map` (i32 by id, -1 drops) and sorts each; ROW_ENDS follows. */
export function remapRows(rows: u32, map: usize): void {
  const out = slot(OUT), ends = slot(ROW_ENDS);
  let i = out, o = out;
  for (let r: usize = 0; r < <usize>rows; r++) {
    const end = out + (<usize>load<u32>(ends + (r << 2)) << 3), from = o;
    for (; i < end; i += 8) {
      const column = load<i32>(map + (<usize>load<u32>(i, 4) << 2));
      if (column < 0) continue;
      store<u64>(o, (<u64>column << 32) | <u64>load<u32>(i));
      o += 8;
    }
    sortRow(from, o);
    store<u32>(ends + (r << 2), <u32>((o - out) >> 3));
  }
  put(OUT_USED, (o - out) >> 3);
}

/** Splits the entries of OUT into columns (u32) and counts (i32). */
export function split(columns: usize, counts: usize): void {
  const n = slot(OUT_USED), out = slot(OUT);
  for (let i: usize = 0; i < n; i++) {
    store<u32>(columns + (i << 2), load<u32>(out + (i << 3), 4));
    store<u32>(counts + (i << 2), load<u32>(out + (i << 3)));
  }
}

// ---- order of terms: bytes, which is the order of code points

@inline function prefix(pool: usize, offsets: usize, id: u32): u64 {
  const o = load<u32>(offsets + (<usize>id << 2)), n = <usize>(load<u32>(offsets + (<usize>id << 2), 4) - o);
  const x = n >= 8 ? load<u64>(pool + <usize>o) : load<u64>(pool + <usize>o) & tailMask(n);
  return bswap<u64>(x);
}

function before(pool: usize, offsets: usize, a: usize, b: usize): bool {
  const x = load<u64>(a), y = load<u64>(b);
  if (x != y) return x < y;
  const i = <usize>load<u32>(a, 8) << 2, j = <usize>load<u32>(b, 8) << 2;
  const p = <usize>load<u32>(offsets + i), q = <usize>load<u32>(offsets + j);
  const m = <usize>load<u32>(offsets + i, 4) - p, n = <usize>load<u32>(offsets + j, 4) - q;
  const order = memory.compare(pool + p, pool + q, m < n ? m : n);
  return order != 0 ? order < 0 : m < n;
}

/** Sorts `n` ids at `ids` (u32) by their terms; `work` is two blocks of n × 16 bytes. Bottom-up merge sort. */
export function sortTerms(ids: usize, n: usize, work: usize): void {
  const pool = slot(POOL), offsets = slot(OFFSETS);
  let a = work, b = work + (n << 4);
  for (let i: usize = 0; i < n; i++) {
    const id = load<u32>(ids + (i << 2));
    store<u64>(a + (i << 4), prefix(pool, offsets, id));
    store<u32>(a + (i << 4), id, 8);
  }
  for (let half: usize = 1; half < n; half <<= 1) {
    for (let low: usize = 0; low < n; low += half << 1) {
      const mid = min(low + half, n), high = min(low + (half << 1), n);
      let i = low, j = mid;
      for (let k = low; k < high; k++) {
        const left = i < mid && (j >= high || !before(pool, offsets, a + (j << 4), a + (i << 4)));
        const s = a + ((left ? i++ : j++) << 4);
        store<u64>(b + (k << 4), load<u64>(s));
        store<u64>(b + (k << 4), load<u64>(s, 8), 8);
      }
    }
    const t = a;
    a = b;
    b = t;
  }
  for (let i: usize = 0; i < n; i++) store<u32>(ids + (i << 2), load<u32>(a + (i << 4), 8));
}
