// Vector search: the exact index beside LanceDB, in turns, on rows that lie in clusters as encodings of images do. `node bench/search.mjs [rounds]`
// Options: --sizes 20000x64,100000x512,200000x512   --exact (without LanceDB; a section of its own)   --dry (prints only)
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, ensureInstalled } from '../scripts/ensure-installed.mjs';
import { benchFolder } from './install.mjs';
import { load, machine, median, priority, table, today, writeSection } from './results.mjs';

process.chdir(join(benchFolder, '..'));
ensureInstalled();
build();
const { exactIndex, parseFilter } = await import('../dist/search/index.js');
const { lanceIndex } = await import('../dist/search/node/index.js');
const { Rng } = await import('../dist/base/index.js');
const { wasm } = await import('../dist/search/dots-kernel.js'); // rooms' insides, for the side without codes and for what codes leave
const { kernelMemory } = await import('../dist/search/kernel-memory.js');
const { rowCodes } = await import('../dist/search/row-codes.js');
const { kthLargest } = await import('../dist/search/runs.js');
const { unitRows } = await import('../dist/search/vector-index.js');

const flag = (name, or) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : or);
const rounds = Number(process.argv.slice(2).find((a) => /^\d+$/.test(a)) ?? 5);
const sizes = flag('--sizes', '20000x64,100000x512,200000x512')
  .split(',')
  .map((s) => s.split('x').map(Number));
const exactOnly = process.argv.includes('--exact');
const queriesARound = 20;
const k = 10;

/** Rows of 500 clusters in 32 dimensions, spread over `width` with noise; rows and queries come from the same clusters. */
function makeRows(count, width) {
  const rng = new Rng('bench search');
  const rank = Math.min(32, width);
  const normals = (n) => Float32Array.from({ length: n }, () => rng.normal());
  const [basis, centres] = [normals(rank * width), normals(500 * rank)];
  const noise = normals(1 << 16);
  const out = new Float32Array(count * width);
  const z = new Float32Array(rank);
  for (let r = 0; r < count; r++) {
    const c = rng.int(500);
    for (let i = 0; i < rank; i++) z[i] = centres[c * rank + i] + 0.7 * rng.normal();
    const at = rng.int(noise.length - width);
    for (let j = 0; j < width; j++) {
      let x = 2 * noise[at + j];
      for (let i = 0; i < rank; i++) x += z[i] * basis[i * width + j];
      out[r * width + j] = x;
    }
  }
  return out;
}

/** The same search as a plain loop over a Float32Array, four sums at a time: what the exact index would be without its kernel. */
function plainLoop(rows, width) {
  const scores = new Float32Array(rows.length / width);
  return async (q) => {
    for (let r = 0, at = 0; r < scores.length; r++, at += width) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let i = 0; i < width; i += 4) {
        a += rows[at + i] * q[i];
        b += rows[at + i + 1] * q[i + 1];
        c += rows[at + i + 2] * q[i + 2];
        d += rows[at + i + 3] * q[i + 3];
      }
      scores[r] = a + b + c + d;
    }
    return scores;
  };
}

/** The scan without codes: every row in single precision by the kernel that now compares the few that codes leave, and the k-th largest score. */
function floatRows(rows, width) {
  const { kernel, memory, grow } = kernelMemory(wasm);
  const [count, rowsAt] = [rows.length / width, 4 * width];
  const outAt = rowsAt + 4 * rows.length;
  grow(outAt + 4 * count);
  const view = new Float32Array(memory.buffer);
  view.set(rows, width);
  return async (q) => {
    view.set(q);
    kernel.dots(rowsAt, count, 4 * width, 0, outAt);
    return kthLargest(view, outAt / 4, [{ first: 0, n: count }], k);
  };
}

/** How many rows codes leave to be compared in full, for each query. */
function rowsLeft(rows, queries, width) {
  const codes = rowCodes(width);
  const n = rows.length / width;
  codes.reserve(n);
  for (let r = 0; r < n; r++) codes.set(r, unitRows(rows.subarray(r * width, (r + 1) * width), width, 'rows'));
  return Array.from({ length: queries.length / width }, (_, q) => {
    codes.ask(0, unitRows(queries.subarray(q * width, (q + 1) * width), width, 'queries'));
    codes.bound(0, n, 1);
    return codes.near(0, [{ first: 0, n }], k).reduce((sum, run) => sum + run.n, 0);
  });
}

const sizeOf = (path) =>
  readdirSync(path, { recursive: true })
    .map((f) => statSync(join(path, f)))
    .reduce((n, s) => n + (s.isFile() ? s.size : 0), 0);

const seconds = async (work) => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

async function openSides(rows, width, folder) {
  const count = rows.length / width;
  const ids = Array.from({ length: count }, (_, i) => `p${i}`);
  const fields = ids.map((_, i) => ({ n: i % 100 }));
  const facts = [];
  const exact = exactIndex(width);
  facts.push(
    `exact: ${(await seconds(() => exact.add({ ids, vectors: rows, fields }))).toFixed(1)} s to fill, ${mib(5 * rows.length + 8 * count)} in memory`,
  );
  const one = filter('n = 7');
  const sides = {
    'plain loop': { each: plainLoop(rows, width) },
    'every row in float32': { each: floatRows(rows, width) },
    exact: { each: (q) => exact.search(q, { k }) },
    'exact, queries by four': { batch: (q) => exact.search(q, { k }) },
    'exact, 1 % pass a filter': { each: (q) => exact.search(q, { k, filter: one }) },
  };
  if (exactOnly) return { exact, sides, facts };
  try {
    const flat = await lanceIndex(join(folder, 'flat'), width);
    facts.push(
      `LanceDB: ${(await seconds(() => flat.add({ ids, vectors: rows, fields }))).toFixed(1)} s to fill, ${mib(sizeOf(join(folder, 'flat')))} on disk`,
    );
    cpSync(join(folder, 'flat'), join(folder, 'ann'), { recursive: true });
    const ann = await lanceIndex(join(folder, 'ann'), width);
    facts.push(
      `its approximate index: ${(await seconds(() => ann.optimize())).toFixed(1)} s, then ${mib(sizeOf(join(folder, 'ann')))}`,
    );
    await ann.close();
    const at = async (o) => await lanceIndex(join(folder, 'ann'), width, o);
    const stores = {
      ' (as it comes: 32, 20)': {},
      ' (8, 5)': { probes: 8, refine: 5 },
      ' (128, 50)': { probes: 128, refine: 50 },
    };
    sides['LanceDB, every row'] = { each: (q) => flat.search(q, { k }) };
    for (const [name, o] of Object.entries(stores)) {
      const store = await at(o);
      sides[`LanceDB${name}`] = { each: (q) => store.search(q, { k }), recall: true };
    }
    const filtered = await at({});
    sides['LanceDB, 1 % pass a filter'] = {
      each: (q) => filtered.search(q, { k, filter: one }),
      recall: true,
      filter: one,
    };
  } catch (e) {
    if (e.code !== 'backend') throw e;
    console.error(
      `${e.message}: its side is skipped (npm install --no-save @lancedb/lancedb@0.37.1 in the repository root)`,
    );
  }
  return { exact, sides, facts };
}

const filter = (source) => parseFilter(source);
const mib = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`;

async function measure([count, width]) {
  console.error(`${count} rows of ${width} …`);
  const all = makeRows(count + queriesARound * rounds, width);
  const [rows, queries] = [all.subarray(0, count * width), all.subarray(count * width)];
  const folder = mkdtempSync(join(tmpdir(), 'bow2bot-bench-search-'));
  const { exact, sides, facts } = await openSides(rows, width, folder);
  const left = rowsLeft(rows, queries, width);
  facts.push(
    `codes leave ${median(left)} rows (median; most ${Math.max(...left)}) to be compared in full for ${k} hits`,
  );
  const times = Object.fromEntries(Object.keys(sides).map((s) => [s, []]));
  const works = Object.fromEntries(Object.keys(sides).map((s) => [s, []])); // CPU time
  const timed = async (name, n, work) => {
    const before = process.cpuUsage();
    times[name].push((1000 * (await seconds(work))) / n);
    const { user, system } = process.cpuUsage(before);
    works[name].push((user + system) / 1000 / n);
  };
  const hits = Object.fromEntries(Object.keys(sides).map((s) => [s, 0]));
  const query = (i) => queries.subarray(i * width, (i + 1) * width);
  for (const side of Object.values(sides)) await (side.each ?? side.batch)(query(0)); // warm
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const first = round * queriesARound;
      if (side.batch) {
        const batch = queries.subarray(first * width, (first + queriesARound) * width);
        await timed(name, queriesARound, () => side.batch(batch));
        continue;
      }
      for (let i = first; i < first + queriesARound; i++) {
        let found;
        await timed(name, 1, async () => (found = await side.each(query(i))));
        if (!side.recall) continue;
        const [right] = await exact.search(query(i), { k, filter: side.filter });
        const ids = new Set(right.map((h) => h.id));
        hits[name] += found[0].filter((h) => ids.has(h.id)).length / Math.max(1, right.length);
      }
    }
  }
  rmSync(folder, { recursive: true, force: true });
  const [base, baseWork] = [median(times.exact), median(works.exact)];
  const head = ['side', 'ms a query', 'least', 'time / exact', 'CPU ms', 'CPU / exact', 'recall@10'];
  const lines = Object.keys(sides).map((s) => {
    const recall = sides[s].recall
      ? (hits[s] / (rounds * queriesARound)).toFixed(3)
      : s.startsWith('plain') || s.startsWith('every')
        ? ''
        : '1';
    return [
      s,
      median(times[s]).toFixed(2),
      Math.min(...times[s]).toFixed(2),
      `${(median(times[s]) / base).toFixed(2)} ×`,
      median(works[s]).toFixed(2),
      `${(median(works[s]) / baseWork).toFixed(2)} ×`,
      recall,
    ];
  });
  return `### ${count} rows of ${width}\n\n${table([head, ...lines])}\n\n${facts.join('; ')}.`;
}

const parts = [];
for (const size of sizes) parts.push(await measure(size));
const section = `## Vector search${exactOnly ? ', exact' : ''}

${today()}, ${machine()}; load ${load()}${priority()}. ${rounds} rounds of ${queriesARound} queries a side, in turns; medians; CPU time is the process's.
${exactOnly ? '' : 'In brackets: partitions read, and candidates compared in full for each hit wanted. '}\`node bench/search.mjs${exactOnly ? ' --exact' : ''}\`

${parts.join('\n\n')}`;
console.log(section);
if (!process.argv.includes('--dry')) writeSection(exactOnly ? 'search-exact' : 'search', section);
