/** What a held-out side of captioned images allows to measure. */
import { can } from '../../capabilities/index.ts';
import {
  type Benchmark,
  classesOf,
  type ImageTest,
  imageRetrieval,
  labelZeroShot,
  memoryTest,
  retrievalMetrics,
  seenAndUnseen,
  similarities,
} from '../../evaluate/index.ts';
import type { CaptionedImages } from './data.ts';

/**
 * `validation`: retrieval, where images have captions of their own. `zero_shot_*`: naming classes, where all have labels. `names`: naming images among
 * all plainest captions, where every thing comes once in a batch.
 */
export function captionedImagesBenchmarks(d: CaptionedImages): Benchmark[] {
  const { train, validation } = d;
  if (!validation) return [];
  const test = memoryTest(validation);
  const classes = classesOf({ labels: train.labels ?? [] }, test);
  const naming = classes.length > 1 && test.labels.every((l) => l !== undefined);
  return [
    ...(d.captionsFromLabels ? [] : [imageRetrieval('validation', 'validation', test)]),
    ...(naming
      ? [prefixed('zero_shot', labelZeroShot('classes', 'classes', test, { classes, templates: d.templates }))]
      : []),
    ...(train.distinct && !d.captionsFromLabels ? [allNames(test, d), ...byThing(test, d)] : []),
  ];
}

/** Which of all known names is in the image? Among the plainest captions of both sides. */
function allNames(test: ImageTest, { train }: CaptionedImages): Benchmark {
  const names = [...new Set([...train.captions, ...test.captions].map((own) => own[0]!))].sort();
  const place = new Map(names.map((name, i) => [name, i]));
  return {
    id: 'names',
    title: 'naming images among all names',
    headline: 'image_to_name_R@1',
    chance: 1 / names.length,
    run: async (system, o) => {
      if (!can(system, 'encodeText', 'encodeImages')) return undefined;
      const found = similarities(await test.encode(system, o), await system.encodeText(names, o));
      return retrievalMetrics('image_to_name', found, (row) => [place.get(test.captions[row]![0]!)!]);
    },
  };
}

/** `seen_*` and `unseen_*`: retrieval among the held-out images of things that training images show, and among those of the others. */
function byThing(test: ImageTest, { train, validation }: CaptionedImages): Benchmark[] {
  if (!train.distinct || !validation?.distinct) return [];
  const shown = new Set(Array.from(train.distinct));
  const seen = Array.from(validation.distinct, (thing) => shown.has(thing));
  return seenAndUnseen(test, seen).map((b) => prefixed(b.id, b));
}

/** The benchmark with its metrics under `<name>_…`. */
function prefixed(name: string, benchmark: Benchmark): Benchmark {
  return {
    ...benchmark,
    headline: `${name}_${benchmark.headline}`,
    run: async (system, o) => {
      const metrics = await benchmark.run(system, o);
      return metrics && Object.fromEntries(Object.entries(metrics).map(([key, x]) => [`${name}_${key}`, x]));
    },
  };
}
