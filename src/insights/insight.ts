/** An experiment on one claim: arms measured over several seeds, controls that could falsify it, and a verdict that follows from the numbers. */
import { BowError, type OnProgress } from '../base/index.ts';
import { deviation, type Interval, interval } from './statistics.ts';

/** One arm: what was measured, one value per seed. */
export type Arm = {
  readonly name: string;
  readonly metric: string;
  readonly values: readonly number[];
  readonly control?: boolean;
};

/** A condition that the numbers meet or not; the verdict is that all of them do. */
export type Check = { readonly says: string; readonly holds: boolean };

/** What an experiment found. */
export type InsightResult = {
  readonly arms: readonly Arm[];
  readonly checks: readonly Check[];
  readonly notes?: readonly string[];
};

/** How an experiment runs. */
export type InsightOptions = {
  readonly seeds: number;
  /** Everything once and small: shows that the experiment runs, its results mean nothing. Experiments of seconds have no such path. */
  readonly smoke?: boolean;
  /** Folder in which long experiments keep trained models and what each seed gave; a run that was stopped resumes there. */
  readonly work?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** One experiment. `claim` is the sentence that the checks test. */
export type Insight = {
  readonly id: string;
  readonly title: string;
  readonly claim: string;
  readonly source: string;
  /** Takes minutes: has a smoke run, and keeps what it has trained and measured in `work`. */
  readonly long?: true;
  readonly run: (o: InsightOptions) => Promise<InsightResult>;
};

/** An arm with the 95 % interval of its mean over seeds; no interval for what was measured once. */
export type MeasuredArm = Arm & { readonly interval?: Interval };

/** A finished experiment. */
export type InsightReport = Omit<Insight, 'run' | 'long'> &
  InsightResult & {
    readonly arms: readonly MeasuredArm[];
    readonly seeds: number;
    /** Absent for a smoke run: its numbers mean nothing. */
    readonly verdict?: 'holds' | 'does not hold';
  };

/** Runs an experiment and draws the verdict. Error `usage` for a smoke run of one that has none. */
export async function runInsight(insight: Insight, o: InsightOptions): Promise<InsightReport> {
  if (o.smoke && !insight.long)
    throw new BowError('usage', `"${insight.id}" takes seconds and has no smoke run`, { place: insight.id });
  const result = await insight.run(o);
  const { run: _, long: __, ...about } = insight;
  const verdict = result.checks.every((c) => c.holds) ? 'holds' : 'does not hold';
  return {
    ...about,
    ...result,
    arms: result.arms.map((a) => (a.values.length < 2 ? a : { ...a, interval: interval(a.values) })),
    seeds: o.seeds,
    ...(o.smoke ? {} : { verdict }),
  };
}

/** Text inside a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

/** The report as Markdown. */
export function markdown(r: InsightReport): string {
  const rows = r.arms.map((a) => {
    const { mean, half } = interval(a.values);
    const bars = a.values.length < 2 ? '– | –' : `${half.toFixed(4)} | ${deviation(a.values).toFixed(4)}`;
    return `| ${cell(a.name)}${a.control ? ' (control)' : ''} | ${cell(a.metric)} | ${mean.toFixed(4)} | ${bars} |`;
  });
  return [
    `# ${r.title}`,
    '',
    `Claim: ${r.claim} Source: ${r.source}. Seeds: ${r.seeds}.`,
    '',
    '| arm | metric | mean | ± 95 % | deviation |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    ...r.checks.map((c) => `- ${r.verdict === undefined ? 'not judged' : c.holds ? 'yes' : 'NO'}: ${c.says}`),
    ...(r.notes ?? []).map((n) => `- note: ${n}`),
    '',
    ...(r.verdict === undefined ? [] : [`**Verdict: the claim ${r.verdict}.**`, '']),
  ].join('\n');
}
