/** What happens in a run, as data: a server streams it, the command line prints it, a test counts it. */
import type { Metrics } from '../base/index.ts';

/** Something that happened. `step` counts finished optimiser steps. */
export type TrainEvent =
  | {
      readonly type: 'run-start';
      readonly step: number;
      /** Steps of the whole run. */
      readonly steps: number;
      readonly system: string;
      readonly variant: string;
      /** Trainable and frozen parameters, elements. */
      readonly parameters: number;
      readonly device: string;
      readonly threads: number;
      readonly resumed: boolean;
    }
  | { readonly type: 'step-end'; readonly step: number; readonly epoch: number | undefined; readonly metrics: Metrics }
  | {
      readonly type: 'evaluation-end';
      readonly step: number;
      readonly metrics: Metrics;
      /** Name of the metric that makes the best checkpoint. */
      readonly selectionMetric: string;
      readonly isBest: boolean;
    }
  | { readonly type: 'checkpoint-write'; readonly step: number; readonly folder: string; readonly isBest: boolean }
  | { readonly type: 'run-pause' | 'run-resume'; readonly step: number }
  | { readonly type: 'run-end'; readonly step: number; readonly reason: RunEnd };

/** Why a run ended: all steps made, no improvement for as long as the recipe allows, stopped on request, or an error. */
export type RunEnd = 'finished' | 'early-stop' | 'aborted' | 'failed';
