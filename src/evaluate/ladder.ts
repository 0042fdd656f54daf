/**
 * The ladder: every system on the same tasks. A benchmark asks what a system can do, never who it is; a system that lacks what it takes has an
 * empty place in the table. Later systems appear by being registered, later tasks by being listed.
 */
import { throwIfAborted } from '../base/index.ts';
import type { CallOptions, OpenSystem } from '../systems/index.ts';
import type { Metrics } from '../train/index.ts';

/** A task with its data. */
export type Benchmark = {
  readonly id: string;
  /** What is asked, in a few words. */
  readonly title: string;
  /** The figure for the table. */
  readonly headline: string;
  /** What guessing comes to in the headline. */
  readonly chance: number;
  /** The system's figures, undefined when it cannot do this. */
  run(system: OpenSystem, o: CallOptions): Promise<Metrics | undefined>;
};

/** A system's results by benchmark id. */
export type LadderRow = {
  readonly system: string;
  readonly title: string;
  readonly results: Readonly<Record<string, Metrics>>;
};

/** What a ladder was made of, with all figures. */
export type Ladder = {
  readonly benchmarks: readonly Pick<Benchmark, 'id' | 'title' | 'headline' | 'chance'>[];
  readonly rows: readonly LadderRow[];
};

/** A system that is to be measured. */
export type Contender = { readonly title: string; readonly open: () => Promise<OpenSystem> };

/** Opens each system, measures it on every benchmark that it can do, closes it. `onRow` is told of each finished one. */
export async function runLadder(
  contenders: readonly Contender[],
  benchmarks: readonly Benchmark[],
  o: CallOptions & { readonly onRow?: (row: LadderRow) => void } = {},
): Promise<Ladder> {
  const rows: LadderRow[] = [];
  for (const { title, open } of contenders) {
    const system = await open();
    try {
      const results: Record<string, Metrics> = {};
      for (const benchmark of benchmarks) {
        throwIfAborted(o.signal, `${system.id} on ${benchmark.id}`);
        const figures = await benchmark.run(system, o);
        if (figures) results[benchmark.id] = figures;
      }
      const row = { system: system.id, title, results };
      rows.push(row);
      o.onRow?.(row);
    } finally {
      await system.close();
    }
  }
  return ladderOf(benchmarks, rows);
}

/** A ladder of rows that were measured at different times. */
export function ladderOf(benchmarks: Ladder['benchmarks'], rows: readonly LadderRow[]): Ladder {
  return {
    benchmarks: benchmarks.map(({ id, title, headline, chance }) => ({ id, title, headline, chance })),
    rows,
  };
}

/** The headline figures as cells: a head, what chance comes to, one row a system; `–` where a system cannot do a task. */
export function ladderCells(ladder: Ladder): string[][] {
  const figure = (x: number | undefined): string => (x === undefined ? '–' : x.toFixed(3));
  return [
    ['system', ...ladder.benchmarks.map((b) => b.title)],
    ...ladder.rows.map((r) => [r.title, ...ladder.benchmarks.map((b) => figure(r.results[b.id]?.[b.headline]))]),
    ['(chance)', ...ladder.benchmarks.map((b) => b.chance.toFixed(3))],
  ];
}

/** {@link ladderCells} in columns for a terminal. */
export function ladderText(ladder: Ladder): string {
  const cells = ladderCells(ladder);
  const widths = cells[0]!.map((_, c) => Math.max(...cells.map((r) => r[c]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  ');
  return cells.map((row) => line(row).trimEnd()).join('\n');
}
