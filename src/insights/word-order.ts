/** Bag of words is blind to order: sentences with swapped roles are one point, and n-grams buy order back only as far as they reach. */
import { Rng, throwIfAborted } from '../base/index.ts';
import { CountVectorizer, type Csr, fitLogisticRegression, nnz, normalizeRows, predictLabels } from '../text/index.ts';
import type { Arm, Insight, InsightOptions, InsightResult } from './insight.ts';
import { mean } from './statistics.ts';

const colours = ['red', 'green', 'blue', 'yellow', 'purple', 'orange', 'black'];
const shapes = ['block', 'bowl', 'cup'];
const relations = [
  ['left of', 'right of'],
  ['behind', 'in front of'],
].flat();
const templates = [
  (a: string, r: string, b: string) => `the ${a} is ${r} the ${b}`,
  (a: string, r: string, b: string) => `there is a ${a} ${r} the ${b}`,
  (a: string, r: string, b: string) => `on the table the ${a} stands ${r} the ${b}`,
];

type Sentence = { readonly text: string; readonly label: string; readonly pair: string; readonly red: string };

/** All sentences; label: is the alphabetically first colour the left or the back one. Exactly half are. */
function sentences(): Sentence[] {
  const all: Sentence[] = [];
  for (const template of templates) {
    for (const relation of relations) {
      for (const a of colours) {
        for (const b of colours) {
          if (a === b) continue;
          for (const shape of shapes) {
            const forward = relation === 'left of' || relation === 'behind';
            const text = template(`${a} ${shape}`, relation, `${b} ${shape}`);
            all.push({
              text,
              label: forward === a < b ? 'first' : 'second',
              pair: [a, b].sort().join(' '),
              red: a === 'red' || b === 'red' ? 'yes' : 'no',
            });
          }
        }
      }
    }
  }
  return all;
}

function encode(texts: readonly string[], n: number): Csr<Float64Array> {
  const counts = new CountVectorizer({ ngramRange: [1, n], tokenPattern: '(?u)\\b\\w+\\b' }).fitTransform(texts);
  const x = { ...counts, data: Float64Array.from(counts.data.subarray(0, nnz(counts))) };
  normalizeRows(x, 'l2');
  return x;
}

/** The best accuracy that any model could have: equal rows must get equal labels. */
function ceiling(x: Csr, labels: readonly string[]): number {
  const groups = new Map<string, Map<string, number>>();
  labels.forEach((label, r) => {
    const [from, to] = [x.indptr[r]!, x.indptr[r + 1]!];
    const key = `${x.indices.slice(from, to).join()}|${Array.from(x.data.slice(from, to), (v) => v.toFixed(9)).join()}`;
    const g = groups.get(key) ?? new Map<string, number>();
    g.set(label, (g.get(label) ?? 0) + 1);
    groups.set(key, g);
  });
  return [...groups.values()].reduce((s, g) => s + Math.max(...g.values()), 0) / labels.length;
}

function rowsOf(x: Csr<Float64Array>, rows: readonly number[]): Csr<Float64Array> {
  const indptr = new Int32Array(rows.length + 1);
  rows.forEach((r, i) => {
    indptr[i + 1] = indptr[i]! + x.indptr[r + 1]! - x.indptr[r]!;
  });
  const indices = new Int32Array(indptr[rows.length]!);
  const data = new Float64Array(indptr[rows.length]!);
  rows.forEach((r, i) => {
    indices.set(x.indices.subarray(x.indptr[r]!, x.indptr[r + 1]!), indptr[i]);
    data.set(x.data.subarray(x.indptr[r]!, x.indptr[r + 1]!), indptr[i]);
  });
  return { rows: rows.length, cols: x.cols, indptr, indices, data };
}

/** Accuracy on colour pairs that were never seen in training. */
async function unseenPairs(
  x: Csr<Float64Array>,
  all: readonly Sentence[],
  label: (s: Sentence) => string,
  rng: Rng,
): Promise<number> {
  const pairs = rng.shuffle([...new Set(all.map((s) => s.pair))]);
  const test = new Set(pairs.slice(0, 7));
  const [train, held] = [false, true].map((h) => all.map((_, i) => i).filter((i) => test.has(all[i]!.pair) === h));
  const model = await fitLogisticRegression(
    rowsOf(x, train!),
    train!.map((i) => label(all[i]!)),
    { c: 100, maxIterations: 100 },
  );
  const found = predictLabels(model, rowsOf(x, held!));
  return found.filter((f, i) => f === label(all[held![i]!]!)).length / held!.length;
}

async function run(o: InsightOptions): Promise<InsightResult> {
  const all = sentences();
  const encoded = [1, 2, 3, 4, 5].map((n) =>
    encode(
      all.map((s) => s.text),
      n,
    ),
  );
  const byOrder = (s: Sentence): string => s.label;
  const accuracies: number[][] = [[], [], [], [], []];
  const [control, shuffled, identical]: number[][] = [[], [], []];
  for (let seed = 0; seed < o.seeds; seed++) {
    throwIfAborted(o.signal, 'word order');
    const rng = (name: string): Rng => new Rng(`word order ${seed}`).split(name);
    for (const [i, x] of encoded.entries()) accuracies[i]!.push(await unseenPairs(x, all, byOrder, rng('split')));
    control!.push(await unseenPairs(encoded[0]!, all, (s) => s.red, rng('split')));
    const words = rng('words');
    const mixed = all.map((s) => words.shuffle(s.text.split(' ')).join(' '));
    shuffled!.push(await unseenPairs(encode(mixed, 5), all, byOrder, rng('split')));
    const again = encode(mixed, 1);
    identical!.push(
      again.indices.every((c, e) => c === encoded[0]!.indices[e] && again.data[e] === encoded[0]!.data[e]) ? 1 : 0,
    );
    o.onProgress?.({ task: 'word order', done: seed + 1, total: o.seeds, unit: 'seeds' });
  }
  const ceilings = encoded.map((x) => ceiling(x, all.map(byOrder)));
  const arms: Arm[] = [
    ...ceilings.map((c, i) => ({ name: `(1,${i + 1})`, metric: 'ceiling of any model', values: [c] })),
    ...accuracies.map((values, i) => ({ name: `(1,${i + 1})`, metric: 'accuracy on unseen colour pairs', values })),
    { name: '(1,1), is red mentioned', metric: 'accuracy on unseen colour pairs', values: control!, control: true },
    { name: '(1,5), words shuffled', metric: 'accuracy on unseen colour pairs', values: shuffled!, control: true },
    { name: '(1,1), words shuffled', metric: 'rows identical to unshuffled ones', values: identical!, control: true },
  ];
  const checks = [
    { says: 'single words cannot do better than chance, whatever the model (ceiling 0.5)', holds: ceilings[0] === 0.5 },
    { says: 'and do not (accuracy 0.5 on unseen pairs)', holds: Math.abs(mean(accuracies[0]!) - 0.5) < 0.02 },
    {
      says: 'n-grams raise the ceiling only as far as they reach: (1,2) below 1, (1,3) reaches 1',
      holds: ceilings[1]! < 1 && ceilings[2] === 1,
    },
    {
      says: 'longer n-grams help on unseen pairs: (1,5) over (1,2) by 0.1',
      holds: mean(accuracies[4]!) > mean(accuracies[1]!) + 0.1,
    },
    { says: 'the model can learn what words do tell: red mentioned or not', holds: mean(control!) > 0.98 },
    {
      says: 'shuffling words changes no bag and leaves n-grams near chance',
      holds: mean(identical!) === 1 && mean(shuffled!) < 0.58,
    },
  ];
  return { arms, checks };
}

/** The experiment. */
export const wordOrder: Insight = {
  id: 'word-order',
  title: 'A bag of words is blind to order',
  claim: 'Counting words loses their order; n-grams bring it back only within their reach.',
  source: 'Harris, "Distributional Structure", 1954; Salton, Wong, Yang 1975',
  run,
};
