// Text search over generated documents: build time, size on disk, peak memory, milliseconds a query.
//   npm run build && node bench/words/search.mjs [documents]
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTextIndex, openTextIndex } from '../../dist/systems/index.js';

const n = Number(process.argv[2] ?? 1e6);
let state = 12345;
const word = () => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return `w${Math.floor(2e5 * ((state >>> 0) / 4294967296) ** 5).toString(36)}`;
};
async function* documents() {
  for (let i = 0; i < n; i++) yield { id: String(i), text: Array.from({ length: 30 }, word).join(' ') };
}

const folder = mkdtempSync(join(tmpdir(), 'bow2bot-search-'));
try {
  const path = join(folder, 'index');
  const started = performance.now();
  const built = await buildTextIndex(path, documents(), { scheme: { kind: 'bm25' } });
  const seconds = (performance.now() - started) / 1000;
  const size = statSync(join(path, 'postings.bin')).size / 1e6;
  console.log(
    `${n} documents, ${built.terms} terms: built in ${seconds.toFixed(0)} s, postings ${size.toFixed(0)} MB, peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`,
  );
  const opened = performance.now();
  const index = await openTextIndex(path);
  index.search('warm up');
  console.log(`open ${(performance.now() - opened).toFixed(0)} ms`);
  const queries = Array.from({ length: 200 }, () => `${word()} ${word()} ${word()}`);
  const times = queries.map((q) => {
    const t = performance.now();
    index.search(q, { k: 10 });
    return performance.now() - t;
  });
  times.sort((a, b) => a - b);
  console.log(`three-word queries: median ${times[100].toFixed(1)} ms, 95 % below ${times[190].toFixed(1)} ms`);
  index.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
