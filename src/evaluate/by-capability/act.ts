/** Does it do what it is told? */
import type { Metrics } from '../../base/index.ts';
import { type Acts, type CallOptions, can } from '../../capabilities/index.ts';
import {
  type Engine,
  type EpisodeReport,
  evaluateEpisode,
  type Family,
  type Level,
  loadEngine,
} from '../../world/index.ts';
import type { Benchmark } from '../ladder.ts';
import { greyImage, mean, prefixed, shareOf, sharesBy } from './shared.ts';

export type EpisodeTestOptions = {
  readonly families?: readonly Family[];
  /** Episodes a family. */
  readonly episodes?: number;
  readonly level?: Level;
  readonly seed?: number | string;
  /** Milliseconds that a system may take for one answer. */
  readonly stepTimeout?: number;
};

/** The same policy without eyes: grey images, no boxes. */
const blind = (policy: Acts): Acts => ({
  act: async (start, o) => {
    const session = await policy.act(start, o);
    return {
      ...(session.views ? { views: session.views } : {}),
      close: async () => session.close?.(),
      act: (seen, call) =>
        session.act({ ...seen, images: seen.images.map(greyImage), boxes: seen.boxes.map(() => []) }, call),
    };
  },
});

/** The same policy without ears: nothing is said. */
const mute = (policy: Acts): Acts => ({ act: (start, o) => policy.act({ ...start, instruction: '' }, o) });

/**
 * Closed loop in the physics. `act_success` over all families, `act_<family>`, `act_touched` (the right thing was touched), `blind_act_success`,
 * `mute_act_success` on the same episodes. Chance is what the random policy reaches (docs/world.md).
 */
export function acting(id: string, title: string, o: EpisodeTestOptions = {}): Benchmark {
  const { families = ['T1', 'T2', 'T3'], episodes = 20 } = o;
  const all = families.flatMap((family) => Array.from({ length: episodes }, (_, index) => ({ family, index })));
  const reports = async (engine: Engine, policy: Acts, call: CallOptions): Promise<EpisodeReport[]> => {
    const out: EpisodeReport[] = [];
    for (const { family, index } of all)
      out.push(
        await evaluateEpisode(engine, index, {
          policy,
          family,
          signal: call.signal,
          stepTimeout: o.stepTimeout ?? 60_000,
          level: o.level ?? 'G0',
          seed: o.seed ?? 0,
        }),
      );
    return out;
  };
  const success = (list: readonly EpisodeReport[]): Metrics =>
    shareOf(
      'act_success',
      list.map((r) => Number(r.success)),
    );
  return {
    id,
    title,
    headline: 'act_success',
    chance: mean(families.map((f) => randomSuccess[f] ?? 0)),
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'act')) return undefined;
      const engine = await loadEngine();
      const seen = await reports(engine, system, call);
      const hits = seen.map((r) => Number(r.success));
      return {
        ...success(seen),
        ...sharesBy('act', all, hits, (x) => x.family),
        act_touched: mean(seen.map((r) => Number(r.correctObjectTouched))),
        ...prefixed('blind', success(await reports(engine, blind(system), call))),
        ...prefixed('mute', success(await reports(engine, mute(system), call))),
      };
    },
  };
}

/** `bow2bot world evaluate --policy random -n 100`, level G0; families that are not here: 0 of 100. */
const randomSuccess: Readonly<Partial<Record<Family, number>>> = { T3: 0.03, T4: 0.01, T6: 0.01 };
