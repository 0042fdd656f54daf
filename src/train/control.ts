/** Pausing a run in process: a server or a person's button holds the training between two steps without ending it. */

/** Held by whoever started the run, and passed to `train`. */
export type TrainControl = {
  readonly paused: boolean;
  pause(): void;
  resume(): void;
  /** Resolves at once when not paused, else on `resume` or when the signal fires. */
  gate(signal: AbortSignal | undefined): Promise<void>;
};

/** A control that is not paused. */
export function trainControl(): TrainControl {
  let paused = false;
  let open = new Set<() => void>();
  const release = (): void => {
    const waiting = open;
    open = new Set();
    for (const wake of waiting) wake();
  };
  return {
    get paused() {
      return paused;
    },
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      release();
    },
    gate: async (signal) => {
      if (!paused || signal?.aborted) return;
      await new Promise<void>((resolve) => {
        open.add(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  };
}
