/**
 * The ladder: every system on the same benchmarks. A benchmark asks what a system can do, never who it is; a system that lacks what it takes has an
 * empty place in the table. Later systems appear by being registered, later benchmarks by being listed.
 */
import { type Metrics, throwIfAborted } from '../base/index.ts';
import type { CallOptions, OpenSystem } from '../capabilities/index.ts';

/** A benchmark with its data. */
export type Benchmark = {
  readonly id: string;
  /** What is asked, in a few words. */
  readonly title: string;
  /** The data it runs on: the benchmarks of a group share a table. */
  readonly group?: string;
  /** The metric for the table. */
  readonly headline: string;
  /** More metrics of the same run for the table, of the same chance. */
  readonly also?: readonly { readonly title: string; readonly headline: string }[];
  /** The headline metric at chance. */
  readonly chance: number;
  /** Left out where no system has metrics, so that no column of a table is empty. */
  readonly optional?: true;
  /** The system's metrics, undefined when it cannot do this. */
  run(system: OpenSystem, o: CallOptions): Promise<Metrics | undefined>;
};

/** A system's results by benchmark id. */
export type LadderRow = {
  readonly system: string;
  readonly title: string;
  /** Measured for comparison only: stands in the tables where it has metrics. */
  readonly control?: boolean;
  readonly results: Readonly<Record<string, Metrics>>;
};

/** What a ladder was made of, with all metrics. */
export type Ladder = {
  readonly benchmarks: readonly Omit<Benchmark, 'run'>[];
  readonly rows: readonly LadderRow[];
};

/** A system that is to be measured. */
export type Contender = {
  readonly title: string;
  readonly control?: boolean;
  readonly open: () => Promise<OpenSystem>;
};

/**
 * Opens each system, measures it on every benchmark that it can do, closes it. `onRow` receives each finished row; `whileOpen` may ask it more
 * before it is closed.
 */
export async function runLadder(
  contenders: readonly Contender[],
  benchmarks: readonly Benchmark[],
  o: CallOptions & {
    readonly onRow?: (row: LadderRow) => void;
    readonly whileOpen?: (system: OpenSystem, row: LadderRow) => Promise<void>;
  } = {},
): Promise<Ladder> {
  const rows: LadderRow[] = [];
  for (const { title, control, open } of contenders) {
    const system = await open();
    try {
      const results: Record<string, Metrics> = {};
      for (const benchmark of benchmarks) {
        throwIfAborted(o.signal, `${system.id} on ${benchmark.id}`);
        const metrics = await benchmark.run(system, o);
        if (metrics) results[benchmark.id] = metrics;
      }
      const row = { system: system.id, title, ...(control ? { control } : {}), results };
      rows.push(row);
      o.onRow?.(row);
      await o.whileOpen?.(system, row);
    } finally {
      await system.close();
    }
  }
  return ladderOf(benchmarks, rows);
}

/** A ladder of rows that were measured at different times, without the optional benchmarks that none of them has metrics of. */
export function ladderOf(benchmarks: Ladder['benchmarks'], rows: readonly LadderRow[]): Ladder {
  return {
    benchmarks: benchmarks
      .filter((b) => !b.optional || rows.some((r) => r.results[b.id]))
      .map(({ id, title, group, headline, also, chance }) => ({
        id,
        title,
        ...(group === undefined ? {} : { group }),
        headline,
        ...(also === undefined ? {} : { also }),
        chance,
      })),
    rows,
  };
}

/** The ladder of each group of benchmarks, in the order of their first members; controls only where they have metrics. */
export function ladderGroups(ladder: Ladder): { readonly group: string | undefined; readonly ladder: Ladder }[] {
  return [...new Set(ladder.benchmarks.map((b) => b.group))].map((group) => {
    const benchmarks = ladder.benchmarks.filter((b) => b.group === group);
    const rows = ladder.rows.filter((r) => !r.control || benchmarks.some((b) => r.results[b.id]));
    return { group, ladder: { benchmarks, rows } };
  });
}

/** A column of the table: a metric of a benchmark. */
export type LadderColumn = Pick<Benchmark, 'id' | 'title' | 'headline' | 'chance'>;

/** The columns of a table, from left to right. */
export function ladderColumns(ladder: Ladder): LadderColumn[] {
  return ladder.benchmarks.flatMap(({ id, title, headline, chance, also = [] }) =>
    [{ title, headline }, ...also].map((c) => ({ id, chance, ...c })),
  );
}

/** The headline metrics as cells: a head, the chance level, one row per system; `–` where a system does not support a benchmark. */
export function ladderCells(ladder: Ladder): string[][] {
  const metric = (x: number | undefined): string => (x === undefined ? '–' : x.toFixed(3));
  const list = ladderColumns(ladder);
  return [
    ['system', ...list.map((c) => c.title)],
    ...ladder.rows.map((r) => [r.title, ...list.map((c) => metric(r.results[c.id]?.[c.headline]))]),
    ['(chance)', ...list.map((c) => c.chance.toFixed(3))],
  ];
}

/** {@link ladderCells} of every group in columns for a terminal. */
export function ladderText(ladder: Ladder): string {
  const groups = ladderGroups(ladder);
  return groups.map((g) => (g.group === undefined ? '' : `${g.group}\n`) + columns(ladderCells(g.ladder))).join('\n\n');
}

function columns(cells: readonly (readonly string[])[]): string {
  const widths = cells[0]!.map((_, c) => Math.max(...cells.map((r) => r[c]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  ');
  return cells.map((row) => line(row).trimEnd()).join('\n');
}
