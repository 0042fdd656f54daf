/** What hashing trades: fixed memory for collisions; signs make the error unbiased, with variance falling as 1/m. Weinberger et al. 2009. */
import { Rng, throwIfAborted } from '../base/index.ts';
import { CountVectorizer, dot, HashingVectorizer } from '../text/index.ts';
import type { Arm, Insight, InsightOptions, InsightResult } from './insight.ts';
import { mean } from './statistics.ts';

const sizes = [6, 8, 10, 12, 14];

/** Documents of Zipf words. */
function documents(rng: Rng): string[] {
  return Array.from({ length: 300 }, () =>
    Array.from({ length: 60 }, () => `w${Math.floor(5000 * rng.float() ** 3)}`).join(' '),
  );
}

/** Errors of hashed inner products against exact ones over random pairs: bias and variance. */
function errors(
  docs: readonly string[],
  bits: number | undefined,
  signed: boolean,
  seed: number,
): { bias: number; variance: number } {
  const exact = new CountVectorizer().fitTransform(docs);
  const nFeatures = bits === undefined ? 2 ** 31 - 1 : 2 ** bits;
  const hashed = new HashingVectorizer({ nFeatures, norm: null, alternateSign: signed, seed }).transform(docs);
  const rng = new Rng(seed);
  const differences = Array.from({ length: 2000 }, () => {
    const i = rng.int(docs.length);
    const j = (i + 1 + rng.int(docs.length - 1)) % docs.length;
    return dot(hashed, i, hashed, j) - dot(exact, i, exact, j);
  });
  const bias = mean(differences);
  return { bias, variance: mean(differences.map((d) => (d - bias) ** 2)) };
}

async function run(o: InsightOptions): Promise<InsightResult> {
  const signed = sizes.map(() => ({ bias: [] as number[], variance: [] as number[] }));
  const unsigned = sizes.map(() => ({ bias: [] as number[], variance: [] as number[] }));
  const [none, constant]: number[][] = [[], []];
  for (let seed = 0; seed < o.seeds; seed++) {
    throwIfAborted(o.signal, 'hashing');
    const docs = documents(new Rng(`hashing ${seed}`));
    sizes.forEach((bits, i) => {
      for (const [arm, sign] of [
        [signed, true],
        [unsigned, false],
      ] as const) {
        const e = errors(docs, bits, sign, seed + 1);
        arm[i]!.bias.push(e.bias);
        arm[i]!.variance.push(e.variance);
      }
    });
    const wide = errors(docs, undefined, false, seed + 1);
    none!.push(Math.abs(wide.bias) + wide.variance);
    const one = new HashingVectorizer({ nFeatures: 1, alternateSign: false }).transform(docs);
    constant!.push(new Set(one.data).size); // every document the same point
    o.onProgress?.({ task: 'hashing', done: seed + 1, total: o.seeds, unit: 'seeds' });
  }
  const arms: Arm[] = [
    ...sizes.flatMap((bits, i) => [
      { name: `2^${bits}, signed`, metric: 'bias of inner products', values: signed[i]!.bias },
      { name: `2^${bits}, unsigned`, metric: 'bias of inner products', values: unsigned[i]!.bias },
      { name: `2^${bits}, signed`, metric: 'variance of inner products', values: signed[i]!.variance },
    ]),
    { name: '2^31 − 1 columns', metric: '|bias| + variance', values: none!, control: true },
    { name: 'one column', metric: 'different rows', values: constant!, control: true },
  ];
  const ratio = mean(signed[0]!.variance) / mean(signed[2]!.variance);
  const checks = [
    {
      says: 'unsigned inner products are too large, more so in small tables',
      holds: mean(unsigned[0]!.bias) > 10 * mean(unsigned[4]!.bias) && mean(unsigned[4]!.bias) > 0,
    },
    {
      says: 'with signs the bias is under a tenth of the unsigned one at 2^6',
      holds: Math.abs(mean(signed[0]!.bias)) < 0.1 * mean(unsigned[0]!.bias),
    },
    {
      says: `variance falls about as 1/m: 16 times the columns, ${ratio.toFixed(1)} times less (8 to 32)`,
      holds: ratio > 8 && ratio < 32,
    },
    { says: 'without collisions hashing is counting, to the last bit', holds: mean(none!) === 0 },
    { says: 'a constant hash distinguishes nothing', holds: mean(constant!) === 1 },
  ];
  return { arms, checks };
}

/** The experiment. */
export const hashingTrade: Insight = {
  id: 'hashing-trade',
  title: 'Hashing trades memory for collisions',
  claim:
    'A hashed table of fixed size keeps inner products, unbiased when signed, with an error that falls as the table grows.',
  source: 'Weinberger et al., ICML 2009, arXiv 0902.2206, section 3',
  run,
};
