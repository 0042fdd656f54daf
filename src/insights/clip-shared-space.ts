/**
 * One space for two kinds of things: CLIP "learns a multi-modal embedding space by jointly training an image encoder and text encoder" (Radford et
 * al. 2021, §2.3). If images and captions share it, each finds the other in it, and what a word adds to captions it also adds to images.
 */
import { Rng } from '../base/index.ts';
import type { DenseVectors } from '../capabilities/index.ts';
import { imagesOf, queryOf, similarities } from '../evaluate/index.ts';
import type { ClipModel } from '../systems/index.ts';
import { colours } from '../world/index.ts';
import {
  type LabClip,
  type LabSettings,
  labGallery,
  labModel,
  labSettings,
  recallAt1,
  untrained,
  vectorRow,
  withClip,
} from './clip-lab.ts';
import {
  className,
  type LabPairs,
  type LabSolos,
  type LookClass,
  labClasses,
  labKinds,
  labPairs,
  labSolos,
} from './clip-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext, trialNote } from './seeds.ts';
import { interval, mean, paired, shown, signed } from './statistics.ts';

/** What a seed is evaluated on: the same for every model. */
type Material = {
  readonly gallery: LabPairs;
  /** The gallery's contents again, otherwise placed, turned and lit. */
  readonly again: LabPairs;
  /** Images to be changed by words, and those among which the changed ones are looked for. */
  readonly from: LabSolos;
  readonly to: LabSolos;
  /** For every image of `from` the colour that it is to take. */
  readonly wanted: readonly LookClass[];
};

function materialOf(lab: LabSettings, context: SeedContext): Material {
  const [gallery, { size }] = [labGallery(lab, context), lab.model.visual];
  const { seed, signal } = context;
  const again = labPairs({ count: gallery.count, size, seed: `${seed}/again`, like: gallery.scenes, signal });
  const from = labSolos({ views: 1, size, seed: `${seed}/from` });
  const to = labSolos({ views: 1, size, seed: `${seed}/to` });
  const rng = new Rng(`${seed}/wanted`);
  const wanted = from.classes.map((c) => {
    const colour = rng.pick(colours.filter((x) => x !== c.colour));
    return labClasses.find((x) => x.kind === c.kind && x.colour === colour)!;
  });
  return { gallery, again, from, to, wanted };
}

/** All that one model says about the material. */
type Embedded = Record<'image' | 'again' | 'text' | 'paraphrase' | 'from' | 'to' | 'classes', DenseVectors>;

async function embed(model: ClipModel, m: Material): Promise<Embedded> {
  return withClip(model, async (clip: LabClip) => ({
    image: await clip.encodeImages(imagesOf(m.gallery)),
    again: await clip.encodeImages(imagesOf(m.again)),
    text: await clip.encodeText(m.gallery.captions.map((_, i) => queryOf(m.gallery, i))),
    paraphrase: await clip.encodeText(m.gallery.captions.map((c) => c[0]!)),
    from: await clip.encodeImages(m.from.images),
    to: await clip.encodeImages(m.to.images),
    classes: await clip.encodeText(labClasses.map((c) => `a photo of ${className(c)}`)),
  }));
}

/**
 * What words say of turning `c` into the same in another colour: the mean over all OTHER kinds of (the kind in the new colour − in the old one).
 * The image's own kind is not named, so its shape can come from the image alone.
 */
export function colourDirection(classes: DenseVectors, c: LookClass, wanted: LookClass): Float64Array {
  const out = new Float64Array(classes.width);
  const at = (kind: string, colour: string): Float32Array =>
    vectorRow(
      classes,
      labClasses.findIndex((x) => x.kind === kind && x.colour === colour),
    );
  const others = labKinds.filter((k) => k !== c.kind);
  for (const kind of others) {
    const [a, b] = [at(kind, c.colour), at(kind, wanted.colour)];
    for (let k = 0; k < out.length; k++) out[k]! += (b[k]! - a[k]!) / others.length;
  }
  return out;
}

/** Share of images that, moved as `words` say, are nearest to an image of the wanted colour and the same kind. */
function arithmetic(
  m: Material,
  images: DenseVectors,
  to: DenseVectors,
  words: DenseVectors | undefined,
  keep = 1,
): number {
  const { width } = images;
  const moved = new Float32Array(images.rows * width);
  m.wanted.forEach((wanted, i) => {
    const direction = words ? colourDirection(words, m.from.classes[i]!, wanted) : undefined;
    vectorRow(images, i).forEach((x, k) => {
      moved[i * width + k] = keep * x + (direction?.[k] ?? 0);
    });
  });
  const s = similarities({ rows: images.rows, width, data: moved }, to);
  const found = m.wanted.map((_, i) => {
    const scores = s.data.subarray(i * s.columns, (i + 1) * s.columns);
    return m.to.classes[scores.indexOf(Math.max(...scores))]!;
  });
  return mean(found.map((c, i) => (c === m.wanted[i] ? 1 : 0)));
}

/** Metrics of one model. */
function metricsOf(m: Material, e: Embedded): Record<string, number> {
  return {
    'text to image': recallAt1(e.text, e.image),
    'image to text': recallAt1(e.image, e.text),
    'text to text': recallAt1(e.text, e.paraphrase),
    'image to image': recallAt1(e.again, e.image),
    'picture and words': arithmetic(m, e.from, e.to, e.classes),
  };
}

async function measure(lab: LabSettings, context: SeedContext): Promise<Record<string, number>> {
  const m = materialOf(lab, context);
  const model = await labModel(lab, context);
  const own = await embed(model, m);
  const other = await embed(await labModel(lab, { ...context, seed: context.seed + 1 }), m);
  const start = metricsOf(m, await embed(untrained(model, context.seed), m));
  const shuffled = metricsOf(m, await embed(await labModel(lab, context, 'shuffled'), m));
  const named = (prefix: string, f: Record<string, number>): [string, number][] =>
    Object.entries(f).map(([k, v]) => [`${prefix}/${k}`, v]);
  return {
    ...Object.fromEntries([
      ...named('own', metricsOf(m, own)),
      ...named('start', start),
      ...named('shuffled', shuffled),
    ]),
    'across/text to image': recallAt1(other.text, own.image),
    'across/image to text': recallAt1(own.image, other.text),
    'across/image to image': recallAt1(other.again, own.image),
    'across/text to text': recallAt1(other.text, own.paraphrase),
    'across/picture and words': arithmetic(m, own.from, own.to, other.classes),
    'alone/picture': arithmetic(m, own.from, own.to, undefined),
    'alone/words': arithmetic(m, own.from, own.to, own.classes, 0),
  };
}

const tasks = ['text to image', 'image to text', 'image to image', 'text to text', 'picture and words'] as const;

const kinds: Readonly<Record<string, string>> = {
  own: 'trained together',
  across: 'towers of two runs',
  shuffled: 'trained on shuffled pairs',
  start: 'not trained',
};

async function run(o: InsightOptions): Promise<InsightResult> {
  const lab = o.smoke ? labSettings.smoke : labSettings.full;
  const seeds = await eachSeed('clip-shared-space', { lab }, o, (context) => measure(lab, context));
  const of = (key: string): number[] => seeds.map((s) => s[key]!);
  const arms: Arm[] = tasks.flatMap((task) =>
    Object.entries(kinds).map(([kind, name]) => {
      const metric = task === 'picture and words' ? 'picture − colour word + colour word, top-1' : `${task}, R@1`;
      return { name, metric, values: of(`${kind}/${task}`), ...(kind === 'own' ? {} : { control: true }) };
    }),
  );
  const metric = 'picture − colour word + colour word, top-1';
  arms.push({ name: 'the picture without the words', metric, values: of('alone/picture'), control: true });
  arms.push({ name: 'the words without the picture', metric, values: of('alone/words'), control: true });
  const notes = [
    `chance: R@1 ${(1 / lab.gallery).toFixed(4)}, top-1 ${(1 / labClasses.length).toFixed(4)}`,
    'text to text and image to image need no shared space: there the controls may do well',
    ...trialNote(o),
  ];
  return { arms, checks: checksOf(lab, of), notes };
}

function checksOf(lab: LabSettings, of: (key: string) => number[]): Check[] {
  const chance = 1 / lab.gallery;
  const found = (task: string): Check => {
    const own = interval(of(`own/${task}`));
    return {
      says: `${task}: at least 20 times chance (R@1 ${shown(own)})`,
      holds: own.low > 20 * chance,
    };
  };
  const lost = (task: string, kind: string): Check => {
    const m = mean(of(`${kind}/${task}`));
    return { says: `${task}, ${kinds[kind]}: at most 3 times chance (R@1 ${m.toFixed(4)})`, holds: m <= 3 * chance };
  };
  const beyond = (key: string, name: string): Check => {
    const d = paired(of('own/picture and words'), of(key));
    return { says: `an image and two colour words find more than ${name}: ${signed(d)}`, holds: d.low > 0 };
  };
  const across = (['text to image', 'image to text'] as const).flatMap((t) =>
    ['across', 'shuffled', 'start'].map((kind) => lost(t, kind)),
  );
  return [
    found('text to image'),
    found('image to text'),
    ...across,
    beyond('across/picture and words', 'with words of another run'),
    beyond('alone/words', 'the words without the picture'),
    beyond('alone/picture', 'the picture without the words'),
    beyond('shuffled/picture and words', 'with towers trained on shuffled pairs'),
  ];
}

/** The experiment. */
export const clipSharedSpace: Insight = {
  id: 'clip-shared-space',
  title: 'One space for images and text',
  claim:
    'Training both towers together embeds images and text in one space, in which each retrieves the other and words move images; separately trained towers share none.',
  source: 'Radford et al. 2021, arXiv 2103.00020, section 2.3',
  long: true,
  run,
};
