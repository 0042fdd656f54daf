/** An experiment on one claim: arms measured over several seeds, controls that could falsify it, and a verdict that follows from the numbers. */
import type { OnProgress } from '../../base/index.ts';

/** One arm: what was measured, a value a seed. */
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
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** One experiment. `claim` is the sentence that the checks test. */
export type Insight = {
  readonly id: string;
  readonly title: string;
  readonly claim: string;
  readonly source: string;
  readonly run: (o: InsightOptions) => Promise<InsightResult>;
};

/** A finished experiment. */
export type InsightReport = Omit<Insight, 'run'> &
  InsightResult & { readonly seeds: number; readonly verdict: 'holds' | 'does not hold' };

/** Mean of numbers. */
export function mean(values: readonly number[]): number {
  return values.reduce((s, x) => s + x, 0) / Math.max(1, values.length);
}

/** Standard deviation over seeds (n − 1). */
export function deviation(values: readonly number[]): number {
  const m = mean(values);
  return values.length < 2 ? 0 : Math.sqrt(values.reduce((s, x) => s + (x - m) ** 2, 0) / (values.length - 1));
}

/** Runs an experiment and draws the verdict. */
export async function runInsight(insight: Insight, o: InsightOptions): Promise<InsightReport> {
  const result = await insight.run(o);
  const { run: _, ...about } = insight;
  return {
    ...about,
    ...result,
    seeds: o.seeds,
    verdict: result.checks.every((c) => c.holds) ? 'holds' : 'does not hold',
  };
}

/** The report as Markdown. */
export function markdown(r: InsightReport): string {
  const rows = r.arms.map(
    (a) =>
      `| ${a.name}${a.control ? ' (control)' : ''} | ${a.metric} | ${mean(a.values).toFixed(4)} | ${deviation(a.values).toFixed(4)} |`,
  );
  return [
    `# ${r.title}`,
    '',
    `Claim: ${r.claim} Source: ${r.source}. Seeds: ${r.seeds}.`,
    '',
    '| arm | metric | mean | deviation |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    ...r.checks.map((c) => `- ${c.holds ? 'yes' : 'NO'}: ${c.says}`),
    ...(r.notes ?? []).map((n) => `- note: ${n}`),
    '',
    `**Verdict: the claim ${r.verdict}.**`,
    '',
  ].join('\n');
}
