/** Does it say what there is? */
import { can } from '../../capabilities/index.ts';
import { type FactCounts, factCounts, plainCaption } from '../../world/index.ts';
import type { Benchmark } from '../ladder.ts';
import { besideBlind, imageOfScene, mean, type Scenes } from './shared.ts';
import { bleu4, rougeL } from './text-metrics.ts';

/** Harmonic mean of the shares of stated facts that are right and of the scene's facts that are stated. */
function factF1({ stated, there, right }: FactCounts): number {
  return stated + there === 0 ? 1 : (2 * right) / (stated + there);
}

/** What a system reaches that always says the same: the best of the descriptions of twenty scenes, said of all. */
function constantF1(scenes: Scenes): number {
  const said = scenes.slice(0, 20).map((s) => plainCaption(s.scene.objects));
  return Math.max(0, ...said.map((text) => mean(scenes.map((s) => factF1(factCounts(text, s.scene))))));
}

/**
 * One caption an image. `caption_fact_f1`: kinds, colours, sizes and patterns, as the world's grammar reads them out of the caption, held against the scene;
 * `caption_fact_precision`, `_recall`, `caption_absent` (share of mentioned things of a kind that is not there), `caption_bleu4`, `caption_rouge_l`,
 * `blind_*`. Chance is {@link constantF1}.
 */
export function captioning(id: string, title: string, scenes: Scenes): Benchmark {
  return {
    id,
    title,
    headline: 'caption_fact_f1',
    chance: constantF1(scenes),
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'caption')) return undefined;
      return await besideBlind(async (see) => {
        const written = await system.caption(
          scenes.map((s) => see(imageOfScene(s))),
          call,
        );
        const texts = written.map((w) => w.text);
        const facts = texts.map((text, i) => factCounts(text, scenes[i]!.scene));
        const sum = (of: (f: FactCounts) => number): number => facts.reduce((n, f) => n + of(f), 0);
        return {
          caption_fact_f1: mean(facts.map(factF1)),
          caption_fact_precision:
            sum((f) => f.right) /
            Math.max(
              1,
              sum((f) => f.stated),
            ),
          caption_fact_recall:
            sum((f) => f.right) /
            Math.max(
              1,
              sum((f) => f.there),
            ),
          caption_absent:
            sum((f) => f.absent) /
            Math.max(
              1,
              sum((f) => f.mentions),
            ),
          caption_bleu4: bleu4(
            texts,
            scenes.map((s) => s.captions),
          ),
          caption_rouge_l: mean(texts.map((t, i) => rougeL(t, scenes[i]!.captions))),
        };
      });
    },
  };
}
