/** idf separates key words from common ones: in descriptions of scenes the objects should be the keywords, not the words of every description. */
import { Rng, throwIfAborted } from '../base/index.ts';
import { type Csr, TfidfVectorizer } from '../text/index.ts';
import type { Insight, InsightOptions, InsightResult } from './insight.ts';
import { mean } from './statistics.ts';

const things = [
  'block', 'bowl', 'cup', 'plate', 'spoon', 'fork', 'knife', 'sponge', 'bottle', 'box', 'drawer', 'tray', 'apple', 'banana', 'lemon', 'orange', 'can', 'jar',
  'lid', 'pan', 'hammer', 'wrench', 'screw', 'towel', 'brush', 'candle', 'book', 'pen', 'key', 'phone', 'ball', 'ring', 'star', 'cross', 'heart', 'letter',
]; // biome-ignore format: one list
const frames = [
  (a: string, b: string) => `the ${a} is on the table and the ${b} is on the table near it`,
  (a: string, b: string) => `there is a ${a} on the table and there is a ${b} on the table beside it`,
  (a: string, b: string) => `on the table the robot sees the ${a} and the robot sees the ${b}`,
];

type Scene = { readonly text: string; readonly objects: readonly string[] };

/** Descriptions: frame words everywhere and often, three objects of 36 once or twice. */
function scenes(rng: Rng): Scene[] {
  return Array.from({ length: 400 }, () => {
    const objects = rng.shuffle(things.slice()).slice(0, 3);
    const text = [
      rng.pick(frames)(objects[0]!, objects[1]!),
      rng.pick(frames)(objects[1]!, objects[2]!),
      rng.pick(frames)(rng.pick(objects), rng.pick(objects)),
    ].join(' . ');
    return { text, objects };
  });
}

/** Share of the three heaviest terms of a row that are objects of the scene. */
function recall(
  x: Csr,
  terms: readonly string[],
  all: readonly Scene[],
  weight: (value: number, column: number) => number,
): number {
  const shares = all.map((s, r) => {
    const row: { term: string; w: number; c: number }[] = [];
    for (let e = x.indptr[r]!; e < x.indptr[r + 1]!; e++)
      row.push({ term: terms[x.indices[e]!]!, w: weight(x.data[e]!, x.indices[e]!), c: x.indices[e]! });
    row.sort((a, b) => b.w - a.w || a.c - b.c);
    return row.slice(0, 3).filter((k) => s.objects.includes(k.term)).length / 3;
  });
  return mean(shares);
}

async function run(o: InsightOptions): Promise<InsightResult> {
  const [tf, tfidf, shuffled, idfOnly, listed, both]: number[][] = [[], [], [], [], [], []];
  for (let seed = 0; seed < o.seeds; seed++) {
    throwIfAborted(o.signal, 'keywords');
    const rng = new Rng(`keywords ${seed}`);
    const all = scenes(rng);
    const texts = all.map((s) => s.text);
    const measure = (stopWords: 'english' | null) => {
      const v = new TfidfVectorizer({ norm: null, stopWords }).fit(texts);
      return { v, x: v.counter.transform(texts) };
    };
    const { v, x } = measure(null);
    const wrong = rng.shuffle(Array.from(v.idf));
    tf!.push(recall(x, v.terms, all, (c) => c));
    tfidf!.push(recall(x, v.terms, all, (c, t) => c * v.idf[t]!));
    idfOnly!.push(recall(x, v.terms, all, (_, t) => v.idf[t]!));
    shuffled!.push(recall(x, v.terms, all, (c, t) => c * wrong[t]!));
    const stopped = measure('english');
    listed!.push(recall(stopped.x, stopped.v.terms, all, (c) => c));
    both!.push(recall(stopped.x, stopped.v.terms, all, (c, t) => c * stopped.v.idf[t]!));
    o.onProgress?.({ task: 'keywords', done: seed + 1, total: o.seeds, unit: 'seeds' });
  }
  const metric = 'share of the 3 keywords that are objects';
  const arms = [
    { name: 'tf', metric, values: tf! },
    { name: 'tf · idf', metric, values: tfidf! },
    { name: 'idf alone', metric, values: idfOnly! },
    { name: 'tf, English stop list', metric, values: listed! },
    { name: 'tf · idf, English stop list', metric, values: both! },
    { name: 'tf · idf with idf values shuffled over terms', metric, values: shuffled!, control: true },
  ];
  const checks = [
    { says: 'idf lifts the objects over the words of every description (+0.3)', holds: mean(tfidf!) > mean(tf!) + 0.3 },
    {
      says: 'it is the right idf that does it: the same values on other terms do not',
      holds: mean(shuffled!) < mean(tfidf!) - 0.3,
    },
    {
      says: 'a fixed stop list does not replace it: idf still adds to it (+0.02)',
      holds: mean(both!) > mean(listed!) + 0.02,
    },
  ];
  const notes = [
    `Here idf alone finds ${mean(idfOnly!).toFixed(2)}: frame words repeat so often that tf partly drowns the objects. tf earns its place where texts repeat what they are about.`,
    'On a collection of one subject (Cranfield abstracts, titles as gold) idf lowers this metric once a stop list is used: the claim is about collections of many subjects.',
  ];
  return { arms, checks, notes };
}

/** The experiment. */
export const idfKeywords: Insight = {
  id: 'idf-keywords',
  title: 'idf separates key words from common ones',
  claim: 'A keyword is frequent here and rare elsewhere; idf learns which words are common from the collection itself.',
  source: 'Spärck Jones, J. Documentation 28(1), 1972',
  run,
};
