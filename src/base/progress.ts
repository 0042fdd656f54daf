/** Progress of long work as events; the command line prints them on stderr, a server streams them, a library user may ignore them. */

/** One report of a unit of work. `total` is absent when the end is not known. */
export type Progress = {
  /** What is being done, a short phrase: `render images`. */
  readonly task: string;
  readonly done: number;
  readonly total?: number;
  /** Word for one unit: `images`, `steps`. */
  readonly unit?: string;
  /** Values worth showing beside the count: `{ loss: 0.31 }`. */
  readonly metrics?: Readonly<Record<string, number>>;
};

/** Receives progress; called as often as the work likes, the receiver decides how often to show it. */
export type OnProgress = (p: Progress) => void;

/** Metrics by name. */
export type Metrics = Readonly<Record<string, number>>;
