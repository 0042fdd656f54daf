/** The shared space has two halves: images and captions stay apart in it. Liang et al. 2022, "Mind the Gap", arXiv:2203.02053. */
import type { DenseVectors } from '../capabilities/index.ts';
import { imagesOf, queryOf } from '../evaluate/index.ts';
import type { ClipModel } from '../systems/index.ts';
import {
  type LabSettings,
  labGallery,
  labModel,
  labSettings,
  recallAt1,
  untrained,
  vectorRow,
  withClip,
} from './clip-lab.ts';
import type { LabPairs } from './clip-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext, trialNote } from './seeds.ts';
import { interval, paired, signed } from './statistics.ts';

/** Mean of rows. */
export function centreOf(v: DenseVectors): Float64Array {
  const out = new Float64Array(v.width);
  for (let i = 0; i < v.rows; i++) for (let k = 0; k < v.width; k++) out[k]! += v.data[i * v.width + k]! / v.rows;
  return out;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
};

/** Rows minus a centre. */
function centred(v: DenseVectors, centre: Float64Array): DenseVectors {
  return { ...v, data: v.data.map((x, at) => x - centre[at % v.width]!) };
}

const half = (v: DenseVectors, which: 0 | 1): DenseVectors => {
  const rows = Math.floor(v.rows / 2);
  return { rows, width: v.width, data: v.data.subarray(which * rows * v.width, (which + 1) * rows * v.width) };
};

/** Share of rows of one half that lie on their own side of the plane midway between the centres of the other half. */
export function separability(images: DenseVectors, texts: DenseVectors): number {
  const [a, b] = [centreOf(half(images, 0)), centreOf(half(texts, 0))];
  const normal = a.map((x, k) => x - b[k]!);
  const middle = dot(
    normal,
    a.map((x, k) => 0.5 * (x + b[k]!)),
  );
  const [i, t] = [half(images, 1), half(texts, 1)];
  let right = 0;
  for (let r = 0; r < i.rows; r++)
    right += (dot(vectorRow(i, r), normal) > middle ? 1 : 0) + (dot(vectorRow(t, r), normal) < middle ? 1 : 0);
  return right / (2 * i.rows);
}

/** Mean cosine of two different rows of unit vectors: (‖Σx‖² − n) / n(n − 1). */
export function meanCosine(v: DenseVectors): number {
  const c = centreOf(v);
  return (v.rows * v.rows * dot(c, c) - v.rows) / (v.rows * (v.rows - 1));
}

/** All metrics of unit vectors whose rows belong together. */
function gapMetrics(images: DenseVectors, texts: DenseVectors): Record<string, number> {
  const [a, b] = [centreOf(images), centreOf(texts)];
  let matched = 0;
  for (let i = 0; i < images.rows; i++) matched += dot(vectorRow(images, i), vectorRow(texts, i)) / images.rows;
  return {
    gap: Math.hypot(...a.map((x, k) => x - b[k]!)),
    separability: separability(images, texts),
    'cosine of a pair': matched,
    'cosine of two pictures': meanCosine(images),
    'cosine of two sentences': meanCosine(texts),
    recall: recallAt1(texts, images),
    'recall without the gap': recallAt1(centred(texts, b), centred(images, a)),
  };
}

async function evaluateGap(model: ClipModel, gallery: LabPairs): Promise<Record<string, number>> {
  return withClip(model, async (clip) => ({
    ...gapMetrics(
      await clip.encodeImages(imagesOf(gallery)),
      await clip.encodeText(gallery.captions.map((_, i) => queryOf(gallery, i))),
    ),
    scale: clip.scale,
  }));
}

type SeedMetrics = Record<'trained' | 'cold' | 'start' | 'shuffled', Record<string, number>>;

async function measure(lab: LabSettings, context: SeedContext): Promise<SeedMetrics> {
  const gallery = labGallery(lab, context);
  const model = await labModel(lab, context);
  return {
    trained: await evaluateGap(model, gallery),
    cold: await evaluateGap(await labModel(lab, context, 'cold'), gallery),
    start: await evaluateGap(untrained(model, context.seed), gallery),
    shuffled: await evaluateGap(await labModel(lab, context, 'shuffled'), gallery),
  };
}

const metrics: Readonly<Record<string, string>> = {
  gap: 'distance of the centres',
  separability: 'told apart by a plane',
  'cosine of a pair': 'cosine of a picture and its sentence',
  'cosine of two pictures': 'cosine of two pictures',
  'cosine of two sentences': 'cosine of two sentences',
  scale: 'factor of cosines in the loss',
  recall: 'sentence → picture R@1',
  'recall without the gap': 'the same, each kind about its own centre',
};

async function run(o: InsightOptions): Promise<InsightResult> {
  const lab = o.smoke ? labSettings.smoke : labSettings.full;
  const seeds = await eachSeed('clip-modality-gap', { lab, cold: 100 }, o, (context) => measure(lab, context));
  const of = (kind: keyof SeedMetrics, key: string): number[] => seeds.map((s) => s[kind][key]!);
  const arms: Arm[] = Object.entries(metrics).flatMap(([key, metric]) => [
    { name: 'trained', metric, values: of('trained', key) },
    { name: 'trained at temperature 0.01', metric, values: of('cold', key) },
    { name: 'not trained', metric, values: of('start', key), control: true },
    { name: 'trained on shuffled pairs', metric, values: of('shuffled', key), control: true },
  ]);
  return { arms, checks: checksOf(of), notes: trialNote(o) };
}

function checksOf(of: (kind: keyof SeedMetrics, key: string) => number[]): Check[] {
  const apart = (kind: 'start' | 'trained' | 'cold', says: string): Check => {
    const s = interval(of(kind, 'separability'));
    return { says: `${says}: a plane separates ${(100 * s.mean).toFixed(1)} % (over 95 %)`, holds: s.low > 0.95 };
  };
  const cone = interval(of('start', 'cosine of two pictures'));
  const cone2 = interval(of('start', 'cosine of two sentences'));
  const closer = paired(of('start', 'gap'), of('trained', 'gap'));
  const colder = paired(of('cold', 'gap'), of('trained', 'gap'));
  const needless = paired(of('trained', 'recall without the gap'), of('trained', 'recall'));
  return [
    apart('start', 'towers start in different places'),
    {
      says: `each in a narrow cone: cosines of ${cone.mean.toFixed(2)} and ${cone2.mean.toFixed(2)} between any two (over 0.5)`,
      holds: cone.low > 0.5 && cone2.low > 0.5,
    },
    apart('trained', 'training keeps them apart'),
    apart('cold', 'training at temperature 0.01 keeps them apart'),
    { says: `the colder, the wider the gap: ${signed(colder)} at 0.01`, holds: colder.low > 0 },
    { says: `training brings them closer than they start: ${signed(closer)}`, holds: closer.low > 0 },
    {
      says: `the gap carries nothing that retrieval needs: R@1 without it ${signed(needless)} (no loss of over two points)`,
      holds: needless.low > -0.02,
    },
  ];
}

/** The experiment. */
export const clipModalityGap: Insight = {
  id: 'clip-modality-gap',
  title: 'Images and captions stay apart in their shared space',
  claim:
    'Two towers start in two narrow cones, and contrastive training keeps images and captions apart in the space that they share.',
  source: 'Liang et al. 2022, arXiv 2203.02053, sections 2 and 3',
  long: true,
  run,
};
