/** Event files that TensorBoard reads: scalars, images, histograms, texts. One folder per run. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { BowError } from '../../../base/index.ts';
import { fileError } from '../../../base/node/index.ts';
import {
  type EncodedImage,
  frame,
  restartEvent,
  type SummaryContent,
  summaryEvent,
  versionEvent,
} from './tensorboard-event.ts';

/** An open event file. Every call is in the operating system's hands when it returns, so a killed process loses nothing it has logged. */
export type TensorboardLog = {
  readonly path: string;
  scalar(tag: string, value: number, step: number): void;
  /** `image.bytes`: PNG, JPEG or GIF. */
  image(tag: string, image: EncodedImage, step: number): void;
  /** Distribution of values; values that are not finite are left out. */
  histogram(tag: string, values: ArrayLike<number>, step: number): void;
  /** Markdown. */
  text(tag: string, markdown: string, step: number): void;
  close(): void;
  [Symbol.dispose](): void;
};

let opened = 0;

/**
 * Starts a new event file in `folder`. `resumeAt`: the step a run resumes from; TensorBoard then forgets what earlier files hold after it.
 * `now`: seconds since 1970, for tests.
 */
export function openTensorboard(folder: string, o: { resumeAt?: number; now?: () => number } = {}): TensorboardLog {
  const now = o.now ?? ((): number => Date.now() / 1000);
  const seconds = String(Math.floor(now())).padStart(10, '0');
  const path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${opened++}`);
  let file: number | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    file = openSync(path, 'ax');
  } catch (e) {
    throw fileError(e, path);
  }
  const write = (event: Uint8Array): void => {
    if (file === undefined) throw new BowError('usage', 'log is closed', { place: path });
    const record = frame(event);
    for (let at = 0; at < record.length; ) at += writeSync(file, record, at);
  };
  const put = (tag: string, step: number, content: SummaryContent): void => {
    if (!Number.isSafeInteger(step)) throw new BowError('usage', `step ${step} is not an integer`, { place: tag });
    write(summaryEvent(now(), step, tag, content));
  };
  const close = (): void => {
    if (file !== undefined) closeSync(file);
    file = undefined;
  };
  write(versionEvent(now()));
  if (o.resumeAt !== undefined) write(restartEvent(now(), o.resumeAt + 1));
  return {
    path,
    scalar: (tag, scalar, step) => put(tag, step, { scalar }),
    image: (tag, image, step) => put(tag, step, { image }),
    histogram: (tag, histogram, step) => put(tag, step, { histogram }),
    text: (tag, text, step) => put(tag, step, { text }),
    close,
    [Symbol.dispose]: close,
  };
}
