/**
 * word2vec's inner loops, in AssemblyScript with SIMD (`node scripts/build-kernels.mjs` compiles it into src/systems/word2vec/kernel.ts).
 *
 * One call trains on one block of word ids (sentences end in -1) with one learning rate. Blocks are short on purpose: V8 never replaces a running
 * wasm frame, so a long first call would stay in baseline code. Rows of both matrices are padded with zeros to whole vectors.
 *
 * The rule is word2vec.c's (2013): for every target t of an input h: f = h·O[t], g = (label − σ(f))·α, e += g·O[t], O[t] += g·h; then h += e.
 * h changes only at the end and different targets are different rows, so all dot products of an input can be taken before any write: that is
 * the fused path. Only a negative drawn twice needs the sequential one.
 */

// The context of one worker: u32 slots at `c`, in the order of `slots` in src/systems/word2vec/memory.ts.
@inline function slot(c: usize, i: usize): usize { return <usize>load<u32>(c + (i << 2)); }

const SYN0: usize = 0;
const SYN1NEG: usize = 1; // output rows of negative sampling
const SYN1: usize = 2; // inner nodes of the Huffman tree
const STRIDE: usize = 3; // bytes of a row
const WORDS: usize = 4;
const WINDOW: usize = 5;
const NEGATIVE: usize = 6;
const KEEP: usize = 7; // u32[words]: keep when a 32-bit draw is not above; 0 = keep all
const NOISE: usize = 8; // alias method: u32[2 × words], threshold and alias
const SIGMOID: usize = 9; // f32[1000]
const FLAGS: usize = 10;
const CODES: usize = 11; // u8, code bits of all words
const POINTS: usize = 12; // i32, inner nodes of all words
const CODE_STARTS: usize = 13; // u32[words + 1]
const SENTENCE: usize = 14; // i32[MAX_SENTENCE]
const MAX_SENTENCE: usize = 15;
const TARGETS: usize = 16; // u32 row addresses of one input
const LABELS: usize = 17; // f32; below 0 = no target, padding
const SCORES: usize = 18; // f32: dot products, then steps; with shared negatives one row of them a context
const WORK: usize = 19; // one row a context
const HIDDEN: usize = 20; // one row: the mean of the contexts
const ZERO: usize = 21; // one row of zeros, padding
const CONTEXTS: usize = 22; // u32 row addresses of a window
const RNG: usize = 24; // u64
const ALPHA: usize = 26; // f32
const LOSS: usize = 28; // f64, summed where asked for
const PAIRS: usize = 30; // f64, how many terms LOSS has

const CBOW: usize = 1;
const HS: usize = 2;
const SKIP_SATURATED: usize = 4; // gensim: a pair with |f| ≥ 6 learns nothing; word2vec.c: wrong predictions still learn
const EXACT: usize = 8; // σ itself instead of the table
const SHARED: usize = 16; // negatives shared by the contexts of a window
const SUM: usize = 32; // CBOW: sum instead of mean
const FULL_WINDOW: usize = 64;
const MEASURE: usize = 128;

@inline function next(c: usize): u64 {
  const r = load<u64>(c + (RNG << 2)) * 25214903917 + 11;
  store<u64>(c + (RNG << 2), r);
  return r;
}

@inline function hsum(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** A noise word by the alias method: 32 bits of the draw choose a cell, 16 others the side. */
@inline function draw(c: usize, words: usize): usize {
  const r = next(c);
  const cell = <usize>(((r >> 32) * <u64>words) >> 32);
  const at = slot(c, NOISE) + (cell << 3);
  return <u32>((r >> 8) & 0xffffff) < load<u32>(at) ? cell : <usize>load<u32>(at, 4);
}

/** The step (label − σ(f))·α of one prediction. */
function step(c: usize, f: f32, label: f32, hs: bool): f32 {
  const flags = slot(c, FLAGS), alpha = load<f32>(c + (ALPHA << 2));
  if (flags & MEASURE) measure(c, label > 0.5 ? f : -f);
  if (flags & EXACT) return (label - 1 / (1 + <f32>Math.exp(-<f64>f))) * alpha;
  if (hs || (flags & SKIP_SATURATED)) {
    if (f <= -6 || f >= 6) return 0;
  } else {
    if (f > 6) return (label - 1) * alpha;
    if (f < -6) return label * alpha;
  }
  return (label - load<f32>(slot(c, SIGMOID) + (<usize>(<i32>((f + 6) * 83)) << 2))) * alpha;
}

function measure(c: usize, f: f32): void {
  store<f64>(c + (LOSS << 2), load<f64>(c + (LOSS << 2)) + Math.log(1 + Math.exp(-<f64>f)));
  store<f64>(c + (PAIRS << 2), load<f64>(c + (PAIRS << 2)) + 1);
}

@inline function target(t: usize, i: usize): usize { return <usize>load<u32>(t + (i << 2)); }

function dot3(h: usize, t: usize, bytes: usize, out: usize): void {
  const o0 = target(t, 0), o1 = target(t, 1), o2 = target(t, 2);
  let a = f32x4.splat(0), b = a, d = a;
  for (let k: usize = 0; k < bytes; k += 16) {
    const x = v128.load(h + k);
    a = f32x4.add(a, f32x4.mul(x, v128.load(o0 + k)));
    b = f32x4.add(b, f32x4.mul(x, v128.load(o1 + k)));
    d = f32x4.add(d, f32x4.mul(x, v128.load(o2 + k)));
  }
  store<f32>(out, hsum(a));
  store<f32>(out, hsum(b), 4);
  store<f32>(out, hsum(d), 8);
}

function dot6(h: usize, t: usize, bytes: usize, out: usize): void {
  const o0 = target(t, 0), o1 = target(t, 1), o2 = target(t, 2), o3 = target(t, 3), o4 = target(t, 4), o5 = target(t, 5);
  let a = f32x4.splat(0), b = a, d = a, e = a, f = a, g = a;
  for (let k: usize = 0; k < bytes; k += 16) {
    const x = v128.load(h + k);
    a = f32x4.add(a, f32x4.mul(x, v128.load(o0 + k)));
    b = f32x4.add(b, f32x4.mul(x, v128.load(o1 + k)));
    d = f32x4.add(d, f32x4.mul(x, v128.load(o2 + k)));
    e = f32x4.add(e, f32x4.mul(x, v128.load(o3 + k)));
    f = f32x4.add(f, f32x4.mul(x, v128.load(o4 + k)));
    g = f32x4.add(g, f32x4.mul(x, v128.load(o5 + k)));
  }
  store<f32>(out, hsum(a));
  store<f32>(out, hsum(b), 4);
  store<f32>(out, hsum(d), 8);
  store<f32>(out, hsum(e), 12);
  store<f32>(out, hsum(f), 16);
  store<f32>(out, hsum(g), 20);
}

@inline function move(o: usize, k: usize, g: v128, x: v128, y: v128): v128 {
  const w = v128.load(o + k);
  v128.store(o + k, f32x4.add(w, f32x4.mul(g, x)));
  return f32x4.add(y, f32x4.mul(g, w));
}

/** Moves three rows by g·h and writes `from` + Σ g·row to `to`. */
function update3(h: usize, t: usize, g: usize, from: usize, to: usize, bytes: usize): void {
  const o0 = target(t, 0), o1 = target(t, 1), o2 = target(t, 2);
  const g0 = v128.load_splat<f32>(g), g1 = v128.load_splat<f32>(g, 4), g2 = v128.load_splat<f32>(g, 8);
  for (let k: usize = 0; k < bytes; k += 16) {
    const x = v128.load(h + k);
    let y = move(o0, k, g0, x, v128.load(from + k));
    y = move(o1, k, g1, x, y);
    v128.store(to + k, move(o2, k, g2, x, y));
  }
}

function update6(h: usize, t: usize, g: usize, from: usize, to: usize, bytes: usize): void {
  const o0 = target(t, 0), o1 = target(t, 1), o2 = target(t, 2), o3 = target(t, 3), o4 = target(t, 4), o5 = target(t, 5);
  const g0 = v128.load_splat<f32>(g), g1 = v128.load_splat<f32>(g, 4), g2 = v128.load_splat<f32>(g, 8);
  const g3 = v128.load_splat<f32>(g, 12), g4 = v128.load_splat<f32>(g, 16), g5 = v128.load_splat<f32>(g, 20);
  for (let k: usize = 0; k < bytes; k += 16) {
    const x = v128.load(h + k);
    let y = move(o0, k, g0, x, v128.load(from + k));
    y = move(o1, k, g1, x, y);
    y = move(o2, k, g2, x, y);
    y = move(o3, k, g3, x, y);
    y = move(o4, k, g4, x, y);
    v128.store(to + k, move(o5, k, g5, x, y));
  }
}

function add(to: usize, x: usize, bytes: usize): void {
  for (let k: usize = 0; k < bytes; k += 16) v128.store(to + k, f32x4.add(v128.load(to + k), v128.load(x + k)));
}

function scale(x: usize, by: f32, bytes: usize): void {
  const s = f32x4.splat(by);
  for (let k: usize = 0; k < bytes; k += 16) v128.store(x + k, f32x4.mul(v128.load(x + k), s));
}

/** Puts one target into the list. */
@inline function put(c: usize, i: usize, row: usize, label: f32): void {
  store<u32>(slot(c, TARGETS) + (i << 2), <u32>row);
  store<f32>(slot(c, LABELS) + (i << 2), label);
}

/** The inner nodes of a word's code as targets; returns how many. */
function listNodes(c: usize, word: usize): usize {
  const starts = slot(c, CODE_STARTS) + (word << 2), from = <usize>load<u32>(starts), n = <usize>load<u32>(starts, 4) - from;
  const codes = slot(c, CODES) + from, points = slot(c, POINTS) + (from << 2), syn1 = slot(c, SYN1), stride = slot(c, STRIDE);
  for (let i: usize = 0; i < n; i++) put(c, i, syn1 + <usize>load<u32>(points + (i << 2)) * stride, <f32>1 - <f32>load<u8>(codes + i));
  return n;
}

// How many targets before the negatives came from the tree, and whether a negative was drawn twice.
let nodes: usize = 0;
let repeated: bool = false;

/** Lists the targets of a center word, draws included, padded to whole groups of three; returns how many without padding. */
function listTargets(c: usize, word: usize): usize {
  const flags = slot(c, FLAGS), k = slot(c, NEGATIVE), words = slot(c, WORDS), stride = slot(c, STRIDE);
  let n: usize = 0;
  repeated = false;
  if (flags & HS) n = listNodes(c, word);
  nodes = n;
  if (k > 0) {
    const syn1neg = slot(c, SYN1NEG), t = slot(c, TARGETS), first = n;
    put(c, n++, syn1neg + word * stride, 1);
    for (let i: usize = 0; i < k; i++) {
      const w = draw(c, words);
      if (w == word) continue; // skipped, not drawn again
      const row = syn1neg + w * stride;
      for (let j = first + 1; j < n; j++) if (target(t, j) == row) repeated = true;
      put(c, n++, row, 0);
    }
  }
  for (let i = n; i % 3 != 0; i++) put(c, i, slot(c, ZERO), -1);
  return n;
}

/** Trains the listed targets for the input `h`. `inPlace`: h itself moves (skip-gram); else its move is left in WORK. */
function predict(c: usize, h: usize, n: usize, inPlace: bool): void {
  const bytes = slot(c, STRIDE), t = slot(c, TARGETS), labels = slot(c, LABELS), g = slot(c, SCORES), work = slot(c, WORK);
  if (repeated) {
    sequential(c, h, n);
    if (inPlace) add(h, work, bytes);
    return;
  }
  const padded = (n + 2) / 3 * 3;
  let i: usize = 0;
  for (; i + 6 <= padded; i += 6) dot6(h, t + (i << 2), bytes, g + (i << 2));
  if (i < padded) dot3(h, t + (i << 2), bytes, g + (i << 2));
  for (i = 0; i < n; i++) store<f32>(g + (i << 2), step(c, load<f32>(g + (i << 2)), load<f32>(labels + (i << 2)), i < nodes));
  for (; i < padded; i++) store<f32>(g + (i << 2), 0);
  const single = padded <= 6 && inPlace;
  const to = single ? h : work;
  let from = single ? h : slot(c, ZERO);
  for (i = 0; i + 6 <= padded; i += 6) {
    update6(h, t + (i << 2), g + (i << 2), from, to, bytes);
    from = to;
  }
  if (i < padded) update3(h, t + (i << 2), g + (i << 2), from, to, bytes);
  if (inPlace && !single) add(h, work, bytes);
}

/** One target after another, as word2vec.c does: for lists that hold a row twice. The input's move is left in WORK. */
function sequential(c: usize, h: usize, n: usize): void {
  const bytes = slot(c, STRIDE), t = slot(c, TARGETS), labels = slot(c, LABELS), work = slot(c, WORK);
  memory.fill(work, 0, bytes);
  for (let i: usize = 0; i < n; i++) {
    const o = target(t, i);
    let s = f32x4.splat(0);
    for (let k: usize = 0; k < bytes; k += 16) s = f32x4.add(s, f32x4.mul(v128.load(h + k), v128.load(o + k)));
    const g = f32x4.splat(step(c, hsum(s), load<f32>(labels + (i << 2)), i < nodes));
    for (let k: usize = 0; k < bytes; k += 16) v128.store(work + k, move(o, k, g, v128.load(h + k), v128.load(work + k)));
  }
}

/** All contexts of a window against one set of targets: scores before updates, a negative drawn twice counts twice. pWord2Vec, 1604.04661. */
function sharedWindow(c: usize, m: usize, word: usize): void {
  const n = listTargets(c, word), padded = (n + 2) / 3 * 3;
  const bytes = slot(c, STRIDE), t = slot(c, TARGETS), labels = slot(c, LABELS), contexts = slot(c, CONTEXTS), scores = slot(c, SCORES);
  const work = slot(c, WORK), gBytes = padded << 2;
  let twice = false;
  for (let i: usize = 0; i < m; i++) {
    const h = target(contexts, i), g = scores + i * gBytes;
    for (let j: usize = 0; j < i; j++) if (target(contexts, j) == h) twice = true;
    let q: usize = 0;
    for (; q + 6 <= padded; q += 6) dot6(h, t + (q << 2), bytes, g + (q << 2));
    if (q < padded) dot3(h, t + (q << 2), bytes, g + (q << 2));
    for (q = 0; q < n; q++) store<f32>(g + (q << 2), step(c, load<f32>(g + (q << 2)), load<f32>(labels + (q << 2)), q < nodes));
    for (; q < padded; q++) store<f32>(g + (q << 2), 0);
  }
  // In place only where no row is read after it was written: one group of targets, every row once.
  const inPlace = padded <= 6 && !twice && !repeated;
  if (!inPlace) {
    for (let i: usize = 0; i < m; i++) {
      memory.fill(work + i * bytes, 0, bytes);
      for (let q: usize = 0; q < n; q++) addScaled(work + i * bytes, target(t, q), load<f32>(scores + i * gBytes + (q << 2)), bytes);
    }
    for (let q: usize = 0; q < n; q++) {
      for (let i: usize = 0; i < m; i++) addScaled(target(t, q), target(contexts, i), load<f32>(scores + i * gBytes + (q << 2)), bytes);
    }
    for (let i: usize = 0; i < m; i++) add(target(contexts, i), work + i * bytes, bytes);
    return;
  }
  if (padded == 6) window6(t, contexts, scores, m, bytes);
  else window3(t, contexts, scores, m, bytes);
}

function addScaled(to: usize, x: usize, by: f32, bytes: usize): void {
  const s = f32x4.splat(by);
  for (let k: usize = 0; k < bytes; k += 16) v128.store(to + k, f32x4.add(v128.load(to + k), f32x4.mul(s, v128.load(x + k))));
}

/** Moves of a window, 16 bytes of all its rows at a time: six rows, their six sums, x, y and a step fit into the registers. */
function window6(t: usize, contexts: usize, scores: usize, m: usize, bytes: usize): void {
  const o0 = target(t, 0), o1 = target(t, 1), o2 = target(t, 2), o3 = target(t, 3), o4 = target(t, 4), o5 = target(t, 5);
  for (let k: usize = 0; k < bytes; k += 16) {
    const w0 = v128.load(o0 + k), w1 = v128.load(o1 + k), w2 = v128.load(o2 + k), w3 = v128.load(o3 + k), w4 = v128.load(o4 + k), w5 = v128.load(o5 + k);
    let d0 = w0, d1 = w1, d2 = w2, d3 = w3, d4 = w4, d5 = w5;
    for (let i: usize = 0; i < m; i++) {
      const h = target(contexts, i) + k, g = scores + i * 24, x = v128.load(h);
      let y = x, s = v128.load_splat<f32>(g);
      y = f32x4.add(y, f32x4.mul(s, w0));
      d0 = f32x4.add(d0, f32x4.mul(s, x));
      s = v128.load_splat<f32>(g, 4);
      y = f32x4.add(y, f32x4.mul(s, w1));
      d1 = f32x4.add(d1, f32x4.mul(s, x));
      s = v128.load_splat<f32>(g, 8);
      y = f32x4.add(y, f32x4.mul(s, w2));
      d2 = f32x4.add(d2, f32x4.mul(s, x));
      s = v128.load_splat<f32>(g, 12);
      y = f32x4.add(y, f32x4.mul(s, w3));
      d3 = f32x4.add(d3, f32x4.mul(s, x));
      s = v128.load_splat<f32>(g, 16);
      y = f32x4.add(y, f32x4.mul(s, w4));
      d4 = f32x4.add(d4, f32x4.mul(s, x));
      s = v128.load_splat<f32>(g, 20);
      y = f32x4.add(y, f32x4.mul(s, w5));
      d5 = f32x4.add(d5, f32x4.mul(s, x));
      v128.store(h, y);
    }
    v128.store(o0 + k, d0);
    v128.store(o1 + k, d1);
    v128.store(o2 + k, d2);
    v128.store(o3 + k, d3);
    v128.store(o4 + k, d4);
    v128.store(o5 + k, d5);
  }
}

function window3(t: usize, contexts: usize, scores: usize, m: usize, bytes: usize): void {
  const o0 = target(t, 0), o1 = target(t, 1), o2 = target(t, 2);
  for (let k: usize = 0; k < bytes; k += 16) {
    const w0 = v128.load(o0 + k), w1 = v128.load(o1 + k), w2 = v128.load(o2 + k);
    let d0 = w0, d1 = w1, d2 = w2;
    for (let i: usize = 0; i < m; i++) {
      const h = target(contexts, i) + k, g = scores + i * 12, x = v128.load(h);
      let y = x, s = v128.load_splat<f32>(g);
      y = f32x4.add(y, f32x4.mul(s, w0));
      d0 = f32x4.add(d0, f32x4.mul(s, x));
      s = v128.load_splat<f32>(g, 4);
      y = f32x4.add(y, f32x4.mul(s, w1));
      d1 = f32x4.add(d1, f32x4.mul(s, x));
      s = v128.load_splat<f32>(g, 8);
      y = f32x4.add(y, f32x4.mul(s, w2));
      d2 = f32x4.add(d2, f32x4.mul(s, x));
      v128.store(h, y);
    }
    v128.store(o0 + k, d0);
    v128.store(o1 + k, d1);
    v128.store(o2 + k, d2);
  }
}

/** One position: its word is predicted from the contexts [from, to) without itself. */
function position(c: usize, p: usize, from: usize, to: usize): void {
  const sentence = slot(c, SENTENCE), flags = slot(c, FLAGS), syn0 = slot(c, SYN0), stride = slot(c, STRIDE), contexts = slot(c, CONTEXTS);
  const word = <usize>load<u32>(sentence + (p << 2));
  let m: usize = 0;
  for (let q = from; q < to; q++) {
    if (q != p) store<u32>(contexts + (m++ << 2), <u32>(syn0 + <usize>load<u32>(sentence + (q << 2)) * stride));
  }
  if (m == 0) return;
  if (flags & CBOW) {
    const h = slot(c, HIDDEN), work = slot(c, WORK);
    memory.fill(h, 0, stride);
    for (let i: usize = 0; i < m; i++) add(h, target(contexts, i), stride);
    if (!(flags & SUM)) scale(h, 1 / <f32>m, stride);
    predict(c, h, listTargets(c, word), false);
    if (flags & SUM) scale(work, 1 / <f32>m, stride);
    for (let i: usize = 0; i < m; i++) add(target(contexts, i), work, stride);
  } else if (flags & SHARED) sharedWindow(c, m, word);
  else for (let i: usize = 0; i < m; i++) predict(c, target(contexts, i), listTargets(c, word), true);
}

/** Trains on one block: `n` ids, sentences end in a negative id. Returns the number of words read. */
export function train(c: usize, ids: usize, n: usize): u32 {
  const sentence = slot(c, SENTENCE), keep = slot(c, KEEP), window = slot(c, WINDOW), limit = slot(c, MAX_SENTENCE), full = slot(c, FLAGS) & FULL_WINDOW;
  let i: usize = 0;
  let words: u32 = 0;
  while (i < n) {
    let length: usize = 0;
    while (i < n && length < limit) {
      const id = load<i32>(ids + (i++ << 2));
      if (id < 0) break;
      words++;
      if (keep != 0 && <u32>(next(c) >> 16) > load<u32>(keep + (<usize>id << 2))) continue;
      store<i32>(sentence + (length++ << 2), id);
    }
    for (let p: usize = 0; p < length; p++) {
      const r = full ? window : window - <usize>((next(c) >> 16) % <u64>window);
      position(c, p, p > r ? p - r : 0, min(p + r + 1, length));
    }
  }
  return words;
}

/** One update for tests: targets and labels are listed by the caller. kind 0: skip-gram, 1: CBOW (contexts listed). */
export function update(c: usize, kind: u32, h: usize, m: usize, n: usize, treeNodes: usize, twice: bool): void {
  nodes = treeNodes;
  repeated = twice;
  const stride = slot(c, STRIDE), contexts = slot(c, CONTEXTS), hidden = slot(c, HIDDEN), work = slot(c, WORK);
  for (let i = n; i % 3 != 0; i++) put(c, i, slot(c, ZERO), -1);
  if (kind == 0) {
    predict(c, h, n, true);
    return;
  }
  memory.fill(hidden, 0, stride);
  for (let i: usize = 0; i < m; i++) add(hidden, target(contexts, i), stride);
  const sum = slot(c, FLAGS) & SUM;
  if (!sum) scale(hidden, 1 / <f32>m, stride);
  predict(c, hidden, n, false);
  if (sum) scale(work, 1 / <f32>m, stride);
  for (let i: usize = 0; i < m; i++) add(target(contexts, i), work, stride);
}

/** Fills `rows` rows of `width` numbers with U(−1, 1)·`scale`, padding zero; returns the generator's state. */
export function fill(at: usize, rows: usize, width: usize, stride: usize, by: f32, seed: u64): u64 {
  let r = seed;
  for (let i: usize = 0; i < rows; i++) {
    for (let k: usize = 0; k < width; k++) {
      r = r * 25214903917 + 11;
      store<f32>(at + i * stride + (k << 2), (<f32>(<u32>(r >> 40) & 0xffffff) / 8388608 - 1) * by);
    }
  }
  return r;
}

/** Dot products of four query rows (one after another at `q`) with `n` rows of a matrix: out is f32[4 × n], query by query. */
export function products(matrix: usize, n: usize, q: usize, stride: usize, out: usize): void {
  const q1 = q + stride, q2 = q1 + stride, q3 = q2 + stride, bytes = n << 2;
  for (let i: usize = 0; i < n; i++) {
    const row = matrix + i * stride;
    let a = f32x4.splat(0), b = a, c = a, d = a;
    for (let k: usize = 0; k < stride; k += 16) {
      const x = v128.load(row + k);
      a = f32x4.add(a, f32x4.mul(x, v128.load(q + k)));
      b = f32x4.add(b, f32x4.mul(x, v128.load(q1 + k)));
      c = f32x4.add(c, f32x4.mul(x, v128.load(q2 + k)));
      d = f32x4.add(d, f32x4.mul(x, v128.load(q3 + k)));
    }
    const o = out + (i << 2);
    store<f32>(o, hsum(a));
    store<f32>(o + bytes, hsum(b));
    store<f32>(o + 2 * bytes, hsum(c));
    store<f32>(o + 3 * bytes, hsum(d));
  }
}
