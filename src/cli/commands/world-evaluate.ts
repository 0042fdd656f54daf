import type { Command } from 'commander';
import { BowError } from '../../base/index.ts';
import {
  type BuiltInPolicy,
  type EpisodeReport,
  type Family,
  families,
  familyNames,
  type Level,
  levels,
  wilson,
} from '../../world/index.ts';
import { parallelEvaluation } from '../../world/node/index.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';
import { oneOf, wholeNumber } from './world-options.ts';

type Options = OutputOptions & {
  policy: BuiltInPolicy;
  families: string;
  episodes: number;
  level: Level;
  seed: string;
  workers: number;
};

type Row = {
  family: string;
  episodes: number;
  successes: number;
  touched: number;
  steps: number;
  interval: readonly [number, number];
  failures: EpisodeReport[];
};

/** Adds `world evaluate`. */
export function addEvaluate(world: Command): void {
  world
    .command('evaluate')
    .description('success rates of the scripted expert or a random policy, by task family')
    .option('--policy <name>', 'oracle or random', oneOf('policy', ['oracle', 'random'] as const), 'oracle')
    .option('--families <list>', 'such as T1,T2 or T11:0 for one variant', 'T1,T2,T3,T4,T5,T6,T7,T11')
    .option('-n, --episodes <n>', 'episodes a family', wholeNumber('episodes', 1, 100_000), 100)
    .option('--level <name>', levels.join(', '), oneOf('level', levels), 'G0')
    .option('--seed <seed>', 'seed of the episodes', '0')
    .option('--workers <threads>', 'worker threads', wholeNumber('workers', 1, 256), 2)
    .addHelpText('after', '\nExample:\n  bow2bot world evaluate --policy oracle --families T3,T5 -n 20')
    .action(evaluate);
}

async function evaluate(o: Options): Promise<void> {
  const signal = stopSignal();
  const report = progressLine(o);
  const rows: Row[] = [];
  for (const text of o.families.split(',')) {
    const reports: EpisodeReport[] = [];
    const work = {
      policy: o.policy,
      level: o.level,
      seed: o.seed,
      count: o.episodes,
      workers: o.workers,
      signal,
      ...familyOf(text),
    };
    for await (const r of parallelEvaluation(work)) {
      reports.push(r);
      report({ task: `${text} ${o.policy}`, done: reports.length, total: o.episodes, unit: 'episodes' });
    }
    rows.push(summarise(text, reports));
  }
  printResult(o, { policy: o.policy, level: o.level, rows }, () => rows.map(line).join('\n'));
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
  const successes = reports.filter((r) => r.success).length;
  return {
    family,
    episodes: n,
    successes,
    touched: reports.filter((r) => r.correctObjectTouched).length,
    steps: reports.reduce((s, r) => s + r.steps, 0) / n,
    interval: wilson(successes, n),
    failures: reports.filter((r) => !r.success).slice(0, 5),
  };
}

function line(r: Row): string {
  const percent = (x: number) => `${(100 * x).toFixed(0)} %`;
  const [low, high] = r.interval;
  return `${r.family.padEnd(6)} ${String(r.successes).padStart(4)}/${r.episodes}  95 % interval ${percent(low)} to ${percent(high)}  right object ${r.touched}  mean steps ${r.steps.toFixed(0)}`;
}
