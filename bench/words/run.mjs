// bow2bot's word systems beside scikit-learn and gensim, interleaved, one thread each: wall and CPU seconds, ratios (theirs / ours).
//   npm run build && node bench/words/run.mjs docs.jsonl corpus.txt [rounds [threads]]      docs.jsonl: {"text"} a line; corpus.txt: a sentence a line
// Writes its section of RESULTS.md; with more than one thread only word2vec runs and the section is another.
// Peers: apt-get install python3-sklearn python3-gensim (PYTHON names another interpreter).
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { load, machine, median, today, writeSection } from '../results.mjs';

const [docs, corpus, rounds = '3', threads = '1'] = process.argv.slice(2);
if (!docs || !corpus) {
  console.error('usage: node bench/words/run.mjs docs.jsonl corpus.txt [rounds [threads]]');
  process.exit(2);
}
function side(command, args) {
  const p = spawn(command, [...args, docs, corpus, threads], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: p.stdout })[Symbol.asyncIterator]();
  const answer = async () => JSON.parse((await answers.next()).value);
  const ask = (task) => {
    p.stdin.write(`${task} 0\n`);
    return answer();
  };
  return { info: answer(), ask, close: () => p.stdin.end() };
}
const ours = side(process.execPath, [new URL('ours.mjs', import.meta.url).pathname]);
const theirs = side(process.env.PYTHON ?? '/usr/bin/python3', [new URL('peers.py', import.meta.url).pathname]);
const [about, peers] = [await ours.info, await theirs.info];
const report = [];
const print = (line) => {
  report.push(line);
  console.log(line);
};
const many = Number(threads) > 1;
print(
  many
    ? `## word2vec beside gensim, ${threads} threads each\n`
    : '## Words: bow2bot beside scikit-learn and gensim, one thread each\n',
);
print(
  `${today()}, ${machine()}; ${peers.name}; ${about.documents} documents, ${about.words} words. Medians of ${rounds} interleaved rounds; ratio = theirs / ours.\n`,
);
print(
  '| task | ours CPU s | theirs CPU s | CPU ratio | wall ratio | peak MB ours / theirs |\n| --- | --- | --- | --- | --- | --- |',
);
const tasks = [
  ['count', 'count'],
  ['tfidf', 'tfidf'],
  ['hashing', 'hashing'],
  ['skipgram', 'skipgram'],
  ['shared', 'skipgram'],
  ['cbow', 'cbow'],
];
for (const [task, peer] of many ? tasks.slice(3) : tasks) {
  const runs = [];
  await ours.ask(task); // compiled code first
  for (let i = 0; i < Number(rounds); i++) runs.push([await ours.ask(task), await theirs.ask(peer)]);
  const of = (s, key) => median(runs.map((r) => r[s][key]));
  const ratio = (key) => median(runs.map((r) => r[1][key] / r[0][key])).toFixed(2);
  print(
    `| ${task} | ${of(0, 'cpu').toFixed(2)} | ${of(1, 'cpu').toFixed(2)} | ${ratio('cpu')} | ${ratio('seconds')} | ${of(0, 'peakMB').toFixed(0)} / ${of(1, 'peakMB').toFixed(0)} |`,
  );
}
print(`\nLoad average over 1, 5 and 15 minutes: ${load()}.`);
writeSection(many ? 'words-threads' : 'words', report.join('\n'));
ours.close();
theirs.close();
