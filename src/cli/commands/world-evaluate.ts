import type { Command } from 'commander';
import { BowError } from '../../base/index.ts';
import {
  type EpisodeReport,
  type Family,
  families,
  familyNames,
  type Level,
  levels,
  wilson,
} from '../../world/index.ts';
import { type ParallelEvaluationOptions, parallelEvaluation } from '../../world/node/index.ts';
import { choice, oneOf, refuseGiven, wholeNumber } from '../options.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';
import { policyOption } from '../policy-option.ts';

type Options = OutputOptions & {
  policy: string;
  families: string;
  count: number;
  level: Level;
  seed: string;
  workers: number;
  stepTimeout: number;
};

type Row = {
  family: string;
  episodes: number;
  successes: number;
  touched: number;
  steps: number;
  interval: readonly [number, number];
  /** Why episodes failed, the most frequent reason first. */
  reasons: readonly { readonly reason: string; readonly episodes: number }[];
  failures: EpisodeReport[];
};

/** Adds `world evaluate`. */
export function addEvaluate(world: Command): void {
  world
    .command('evaluate')
    .description('success rates of a policy by task family, on the same episodes for every policy')
    .option('--policy <name>', 'oracle, random, a module (.mjs) of your own, a checkpoint folder or hub name', 'oracle')
    .option(
      '--families <list>',
      'such as T1,T2 or T11:0 for one variant',
      familyNames.filter((f) => f in families).join(','),
    )
    .option('-n, --count <n>', 'episodes of each family', wholeNumber('count', 1, 100_000), 100)
    .addOption(choice('--level <name>', 'level of generalisation', levels, 'G0'))
    .option('--seed <seed>', 'seed of the episodes', '0')
    .option('--workers <n>', 'worker threads', wholeNumber('workers', 1, 256), 2)
    .option('--step-timeout <ms>', 'most time for one answer', wholeNumber('step-timeout', 1, 3_600_000), 60_000)
    .addHelpText(
      'before',
      `Examples:
  bow2bot world evaluate --policy oracle --families T3,T5 -n 20
  bow2bot world evaluate --policy ./my-policy.mjs --families T1 -n 100
`,
    )
    .addHelpText(
      'after',
      `
A module exports act(start) or plan(start), as docs/world.md shows in ten lines. What a policy does wrong (it throws, answers too late, gives an
action that is none) fails the episode and is counted by its reason.`,
    )
    .action(evaluate);
}

async function evaluate(o: Options, command: Command): Promise<void> {
  if (o.policy === 'oracle' || o.policy === 'random')
    refuseGiven(command, ['stepTimeout'], `with --policy ${o.policy}`);
  const signal = stopSignal();
  const report = progressLine(o);
  const list = o.families.split(',').map((text) => ({ text, ...familyOf(text) }));
  const policy: ParallelEvaluationOptions['policy'] = await policyOption(o.policy, { signal, onProgress: report });
  const { level, seed, workers, stepTimeout, count } = o;
  const rows: Row[] = [];
  for (const { text, ...family } of list) {
    const reports: EpisodeReport[] = [];
    const work = { policy, level, seed, count, workers, signal, stepTimeout, ...family };
    for await (const r of parallelEvaluation(work)) {
      reports.push(r);
      report({ task: `${text} ${o.policy}`, done: reports.length, total: count, unit: 'episodes' });
    }
    rows.push(summarise(text, reports));
  }
  printResult(o, { policy: o.policy, level, seed, rows }, () => rows.map(line).join('\n'));
}

function familyOf(text: string): { family: Family; variant?: number } {
  const [name = '', variant] = text.split(':');
  const family = oneOf(
    'families',
    familyNames.filter((f) => f in families),
  )(name);
  if (variant === undefined) return { family };
  const n = Number(variant);
  if (!Number.isInteger(n)) throw new BowError('usage', `"${text}": a variant is a number`);
  return { family, variant: n };
}

function summarise(family: string, reports: readonly EpisodeReport[]): Row {
  const n = reports.length;
  const failures = reports.filter((r) => !r.success);
  const counts = new Map<string, number>();
  for (const { failureReason } of failures) {
    const reason = failureReason.replace(/^(wrong object) .*/, '$1'); // whichever it was
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const reasons = [...counts].map(([reason, episodes]) => ({ reason, episodes }));
  return {
    family,
    episodes: n,
    successes: n - failures.length,
    touched: reports.filter((r) => r.correctObjectTouched).length,
    steps: reports.reduce((s, r) => s + r.steps, 0) / n,
    interval: wilson(n - failures.length, n),
    reasons: reasons.sort((a, b) => b.episodes - a.episodes),
    failures: failures.slice(0, 5),
  };
}

function line(r: Row): string {
  const percent = (x: number) => `${(100 * x).toFixed(0)} %`;
  const [low, high] = r.interval;
  const head = `${r.family.padEnd(6)} ${String(r.successes).padStart(4)}/${r.episodes}  95 % interval ${percent(low)} to ${percent(high)}  right object ${r.touched}  mean steps ${r.steps.toFixed(0)}`;
  const why = r.reasons.slice(0, 3).map((x) => `       ${String(x.episodes).padStart(4)} × ${x.reason}`);
  return [head, ...why].join('\n');
}
