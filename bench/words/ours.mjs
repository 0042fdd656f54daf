// One side of bench/words/run.mjs: bow2bot. Answers `task seconds` requests with wall and CPU seconds.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareCorpus } from '../../dist/systems/word2vec-corpus.js';
import { fullOptions } from '../../dist/systems/word2vec-options.js';
import { runTraining } from '../../dist/systems/word2vec-train.js';
import { CountVectorizer, HashingVectorizer, TfidfVectorizer } from '../../dist/text/index.js';
import { lines } from '../../dist/text/node/index.js';
import { serve } from '../side.mjs';

const [docsPath, corpusPath, threads] = process.argv.slice(2);
const docs = readFileSync(docsPath, 'utf8')
  .trim()
  .split('\n')
  .map((l) => JSON.parse(l).text);
const folder = mkdtempSync(join(tmpdir(), 'bow2bot-bench-'));
const corpus = await prepareCorpus(lines(corpusPath), folder, { minCount: 5 });

async function timed(work) {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const used = process.cpuUsage(cpu);
  return {
    seconds: (performance.now() - started) / 1000,
    cpu: (used.user + used.system) / 1e6,
    peakMB: process.resourceUsage().maxRSS / 1024,
  };
}
const train = (o) =>
  timed(() => runTraining(corpus, fullOptions({ epochs: 1, minCount: 5, workers: Number(threads), ...o })));

await serve({
  info: () => ({ name: 'bow2bot', documents: docs.length, words: corpus.tokens }),
  count: () => timed(() => new CountVectorizer().fitTransform(docs)),
  tfidf: () => timed(() => new TfidfVectorizer({ sublinearTf: true }).fitTransform(docs)),
  hashing: () => timed(() => new HashingVectorizer().transform(docs)),
  skipgram: () => train({ sg: 1 }),
  cbow: () => train({ sg: 0 }),
  shared: () => train({ sg: 1, sharedNegatives: true }),
  close: () => rmSync(folder, { recursive: true, force: true }),
});
