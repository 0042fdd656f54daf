/** How much the main job does, and what it needs. */
import type { OnProgress } from '../../base/index.ts';

/** How much of everything. */
export type JobPlan = {
  readonly pictures: number;
  readonly gallery: number;
  readonly solo: number;
  readonly steps: number;
  readonly batchSize: number;
};

/** Sized for six minutes on two cores, and for a check of seconds. */
export const plans: Readonly<Record<'full' | 'smoke', JobPlan>> = {
  full: { pictures: 8192, gallery: 256, solo: 1000, steps: 700, batchSize: 64 },
  smoke: { pictures: 256, gallery: 32, solo: 24, steps: 8, batchSize: 16 },
};

/** What the job needs of its surroundings. */
export type JobOptions = {
  readonly folder: string;
  readonly plan: JobPlan;
  /** Redo what has been done. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** A line of progress for the user. */
  readonly say: (line: string) => void;
};

/** Of images, weights and batches. */
export const seed = 0;

/** Width and height of the images: what the variants for the tabletop see. */
export const size = 64;
