/** One benchmark for each capability beside the encodings: a system gets its columns by having the methods. */
import type { Benchmark } from '../ladder.ts';
import { acting, type EpisodeTestOptions } from './act.ts';
import { answering } from './answer.ts';
import { captioning } from './caption.ts';
import { completing } from './complete.ts';
import { grounding } from './ground.ts';
import { matching } from './match.ts';
import { planning } from './plan.ts';
import { ranking } from './rank.ts';
import type { Scenes } from './shared.ts';

/** All of them on scenes that were not trained on (`captionSamples` with split `validation`). `act`, `plan`: how many episodes of which families. */
export function capabilityBenchmarks(
  scenes: Scenes,
  o: { readonly seed?: number | string; readonly act?: EpisodeTestOptions; readonly plan?: EpisodeTestOptions } = {},
): Benchmark[] {
  const seed = o.seed ?? 0;
  return [
    ranking('rank', 'caption → description among twins R@1', scenes),
    completing('complete', 'next word of 4', scenes, { seed }),
    matching('match', 'right text of 2', scenes, { seed }),
    captioning('caption', 'caption facts F1', scenes),
    answering('answer', 'questions', scenes),
    grounding('ground', 'grounding IoU ≥ 0.5', scenes),
    acting('act', 'acting', { seed, ...o.act }),
    planning('plan', 'planning', { seed, ...o.plan }),
  ];
}
