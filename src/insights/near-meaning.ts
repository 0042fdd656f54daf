/** Near in word2vec's space means near in meaning, also for symbols that are not words. */
import { Rng, throwIfAborted } from '../base/index.ts';
import { KeyedVectors, type Word2VecOptions } from '../systems/index.ts';
import { trainWord2Vec } from '../systems/node/index.ts';
import type { Insight, InsightOptions, InsightResult } from './insight.ts';
import { mean } from './statistics.ts';

/** Sentences of 20 words, 35 % of them about the sentence's topic, Zipf inside topics and among common words. Word names tell the topic. */
function planted(rng: Rng): string[][] {
  const zipf = (n: number): number => Math.floor(n * rng.float() ** 2);
  return Array.from({ length: 8000 }, () => {
    const topic = rng.int(30);
    return Array.from({ length: 20 }, () => (rng.float() < 0.35 ? `t${topic}_${zipf(20)}` : `c${zipf(300)}`));
  });
}

const roles = ['graspable', 'container', 'tool', 'fixture'];

/**
 * Scenes as sets of symbols in random order, not sentences: a task needs symbols of the roles it is about, so symbols of one role share company
 * without sharing a scene more often than others do. The role is in the name only for scoring.
 */
function scenes(rng: Rng): string[][] {
  return Array.from({ length: 8000 }, () => {
    const about = rng.int(4);
    const own = Array.from({ length: 3 }, () => `${roles[about]}_${rng.int(15)}`);
    const marks = Array.from({ length: 3 }, () => `place${about}:${rng.int(10)}`);
    const noise = Array.from({ length: 4 }, () => `colour:${rng.int(20)}`);
    return rng.shuffle([...own, ...marks, ...noise]);
  });
}

/** All symbols of a corpus spread over its sentences at random: same counts, no company. */
function shuffled(corpus: readonly string[][], rng: Rng): string[][] {
  const all = rng.shuffle(corpus.flat());
  let at = 0;
  return corpus.map((s) => {
    at += s.length;
    return all.slice(at - s.length, at);
  });
}

/** Of the k nearest marked symbols, the share with the same mark. */
function purity(wv: KeyedVectors, mark: (word: string) => string | undefined, k: number): number {
  const marked = wv.words.filter((w) => mark(w) !== undefined);
  const shares = marked.map((w) => {
    const near = wv.mostSimilar(w, { topn: wv.words.length }).filter((n) => mark(n.word) !== undefined);
    return near.slice(0, k).filter((n) => mark(n.word) === mark(w)).length / k;
  });
  return mean(shares);
}

/** The mandatory baseline: rows of raw co-occurrence counts within 5 words. */
function countVectors(corpus: readonly string[][], words: readonly string[]): KeyedVectors {
  const index = new Map(words.map((w, i) => [w, i]));
  const rows = new Float32Array(words.length ** 2);
  for (const s of corpus) {
    s.forEach((w, i) => {
      for (let j = Math.max(0, i - 5); j < Math.min(s.length, i + 6); j++) {
        const [a, b] = [index.get(w), index.get(s[j]!)];
        if (j !== i && a !== undefined && b !== undefined) rows[a * words.length + b]!++;
      }
    });
  }
  return new KeyedVectors(words, rows, words.length);
}

const topicOf = (w: string): string | undefined => (w.startsWith('t') ? w.split('_')[0] : undefined);
const roleOf = (w: string): string | undefined => (roles.includes(w.split('_')[0]!) ? w.split('_')[0] : undefined);

async function run(o: InsightOptions): Promise<InsightResult> {
  const names = [
    'skip-gram',
    'skip-gram, no subsampling',
    'CBOW',
    'counts',
    'words shuffled',
    'symbols',
    'symbols shuffled',
  ] as const;
  const values = Object.fromEntries(names.map((n) => [n, [] as number[]])) as Record<(typeof names)[number], number[]>;
  const train = (corpus: readonly string[][], seed: number, extra: Word2VecOptions = {}) =>
    trainWord2Vec(corpus, { sg: 1, vectorSize: 50, epochs: 5, sample: 1e-3, seed, ...extra }, { signal: o.signal });
  for (let seed = 1; seed <= o.seeds; seed++) {
    throwIfAborted(o.signal, 'near meaning');
    const rng = new Rng(`near meaning ${seed}`);
    const words = planted(rng);
    const model = await train(words, seed);
    values['skip-gram'].push(purity(model.wv, topicOf, 10));
    values['skip-gram, no subsampling'].push(purity((await train(words, seed, { sample: 0 })).wv, topicOf, 10));
    values['CBOW'].push(purity((await train(words, seed, { sg: 0, alpha: 0.05 })).wv, topicOf, 10));
    values['counts'].push(purity(countVectors(words, model.wv.words), topicOf, 10));
    values['words shuffled'].push(purity((await train(shuffled(words, rng), seed)).wv, topicOf, 10));
    const sets = scenes(rng);
    values['symbols'].push(
      purity((await train(sets, seed, { window: 10, shrinkWindows: false, sample: 0 })).wv, roleOf, 10),
    );
    values['symbols shuffled'].push(
      purity((await train(shuffled(sets, rng), seed, { window: 10, shrinkWindows: false, sample: 0 })).wv, roleOf, 10),
    );
    o.onProgress?.({ task: 'near meaning', done: seed, total: o.seeds, unit: 'seeds' });
  }
  const chance = 19 / 599;
  const roleChance = 14 / 59;
  const metric = (n: string): string =>
    n.startsWith('symbols')
      ? `purity@10 of roles (chance ${roleChance.toFixed(3)})`
      : `purity@10 of topics (chance ${chance.toFixed(3)})`;
  const arms = names.map((name) => ({
    name,
    metric: metric(name),
    values: values[name],
    ...(name.endsWith('shuffled') ? { control: true } : {}),
  }));
  const m = (n: (typeof names)[number]): number => mean(values[n]);
  const checks = [
    { says: 'neighbours of a topic word are of its topic (purity over 0.6)', holds: m('skip-gram') > 0.6 },
    {
      says: 'with the contexts destroyed they are not (within 0.03 of chance)',
      holds: Math.abs(m('words shuffled') - chance) < 0.03,
    },
    {
      says: 'symbols of scenes that are no words find their role (over 0.6), shuffled ones do not',
      holds: m('symbols') > 0.6 && Math.abs(m('symbols shuffled') - roleChance) < 0.06,
    },
  ];
  const notes = [
    `Raw co-occurrence counts reach ${m('counts').toFixed(3)} on the same corpus, in as many dimensions as there are words: the vectors are as near in 50 dimensions, learned online, not nearer.`,
  ];
  return { arms, checks, notes };
}

/** The experiment. */
export const nearMeaning: Insight = {
  id: 'near-meaning',
  title: 'Near in space means near in meaning, also for symbols that are not words',
  claim:
    'Symbols that occur in similar contexts get similar vectors, whether they are words of sentences or objects of scenes.',
  source: 'Mikolov et al. 2013, arXiv 1301.3781, 1310.4546; Barkan & Koenigstein, item2vec, arXiv 1603.04259',
  run,
};
