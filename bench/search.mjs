// Vector search: the exact index beside LanceDB, in turns, on rows that lie in clusters as encodings of images do. `node bench/search.mjs [rounds]`
// Options: --sizes 20000x64,200000x512   --dry (prints only)
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

const flag = (name, or) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : or);
const rounds = Number(process.argv.slice(2).find((a) => /^\d+$/.test(a)) ?? 5);
const sizes = flag('--sizes', '20000x64,200000x512')
  .split(',')
  .map((s) => s.split('x').map(Number));
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
    `exact: ${(await seconds(() => exact.add({ ids, vectors: rows, fields }))).toFixed(1)} s to fill, ${mib(4 * rows.length)} in memory`,
  );
  const one = filter('n = 7');
  const sides = {
    'plain loop': { each: plainLoop(rows, width) },
    exact: { each: (q) => exact.search(q, { k }) },
    'exact, queries by four': { batch: (q) => exact.search(q, { k }) },
    'exact, 1 % pass a filter': { each: (q) => exact.search(q, { k, filter: one }) },
  };
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
  const times = Object.fromEntries(Object.keys(sides).map((s) => [s, []]));
  const hits = Object.fromEntries(Object.keys(sides).map((s) => [s, 0]));
  const query = (i) => queries.subarray(i * width, (i + 1) * width);
  for (const side of Object.values(sides)) await (side.each ?? side.batch)(query(0)); // warm
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const first = round * queriesARound;
      if (side.batch) {
        const t = await seconds(() => side.batch(queries.subarray(first * width, (first + queriesARound) * width)));
        times[name].push((1000 * t) / queriesARound);
        continue;
      }
      for (let i = first; i < first + queriesARound; i++) {
        let found;
        times[name].push(1000 * (await seconds(async () => (found = await side.each(query(i))))));
        if (!side.recall) continue;
        const [right] = await exact.search(query(i), { k, filter: side.filter });
        const ids = new Set(right.map((h) => h.id));
        hits[name] += found[0].filter((h) => ids.has(h.id)).length / Math.max(1, right.length);
      }
    }
  }
  rmSync(folder, { recursive: true, force: true });
  const base = median(times.exact);
  const head = ['side', 'ms a query', 'least', 'time / exact', 'recall@10'];
  const lines = Object.keys(sides).map((s) => {
    const recall = sides[s].recall ? (hits[s] / (rounds * queriesARound)).toFixed(3) : s.startsWith('plain') ? '' : '1';
    return [
      s,
      median(times[s]).toFixed(2),
      Math.min(...times[s]).toFixed(2),
      `${(median(times[s]) / base).toFixed(2)} ×`,
      recall,
    ];
  });
  return `### ${count} rows of ${width}\n\n${table([head, ...lines])}\n\n${facts.join('; ')}.`;
}

const parts = [];
for (const size of sizes) parts.push(await measure(size));
const section = `## Vector search

${today()}, ${machine()}; load ${load()}${priority()}. ${rounds} rounds of ${queriesARound} queries a side, in turns; medians. In brackets: partitions read, and
candidates compared in full for each hit wanted. \`node bench/search.mjs\`

${parts.join('\n\n')}`;
console.log(section);
if (!process.argv.includes('--dry')) writeSection('search', section);
