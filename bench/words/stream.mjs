// 10⁷ generated short documents through fit and transform in bounded memory: prints documents/s and peak memory.
//   npm run build && node bench/words/stream.mjs [documents]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countStream } from '../../dist/text/node/index.js';

const n = Number(process.argv[2] ?? 1e7);
let state = 12345;
const next = () => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
};
// Zipf-like ranks over two million words; a fresh string a document, ten words each
function* documents() {
  for (let i = 0; i < n; i++) {
    let text = '';
    for (let k = 0; k < 10; k++) text += `w${Math.floor(2e6 * (next() / 4294967296) ** 6).toString(36)} `;
    yield text;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'bow2bot-stream-'));
let peak = 0;
const watch = () => {
  peak = Math.max(peak, process.memoryUsage().rss);
};
try {
  const started = performance.now();
  const stream = await countStream(
    documents(),
    { minDf: 2 },
    { folder: join(folder, 'counts'), termBytes: 64 * 2 ** 20, onProgress: watch },
  );
  const fitted = performance.now();
  let entries = 0;
  for await (const rows of stream.rows()) {
    entries += rows.columns.length;
    watch();
  }
  const read = performance.now();
  const rate = (ms) => `${Math.round(n / ms)} k documents/s`;
  console.log(
    `${n} documents, ${stream.tokens} tokens, ${stream.state.terms.length} terms kept, ${stream.runs} tables of terms went to disk`,
  );
  console.log(
    `fit ${rate(fitted - started)} (text generation included), rows read back ${rate(read - fitted)}, ${entries} entries, peak memory ${Math.round(peak / 1e6)} MB`,
  );
  await stream.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
