// bench/RESULTS.md: one section for each benchmark, between HTML comments, replaced by that benchmark's latest run.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, getPriority, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { benchFolder } from './install.mjs';

/** Replaces the section `name` of RESULTS.md, or adds it; other sections stay as they are. */
export function writeSection(name, markdown) {
  const file = join(benchFolder, 'RESULTS.md');
  const [from, to] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const section = `${from}\n${markdown.trim()}\n${to}`;
  const old = existsSync(file)
    ? readFileSync(file, 'utf8')
    : '# Results of the benchmarks\n\nWritten by the commands in [README.md](README.md), each its own section.\n';
  const [start, end] = [old.indexOf(from), old.indexOf(to)];
  const next =
    start < 0 ? `${old.trimEnd()}\n\n${section}\n` : old.slice(0, start) + section + old.slice(end + to.length);
  writeFileSync(file, next);
}

/** Processor, threads, memory, system and Node's version, for the head of a section. */
export function machine() {
  const { model } = cpus()[0];
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${model}, ${cpus().length} threads, ${memory} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
}

/** Programs that were ready to run during the last 1, 5 and 15 minutes: above the number of cores, others shared the machine. */
export const load = () =>
  loadavg()
    .map((x) => x.toFixed(1))
    .join(' / ');

/** The processes' priority where it is not the usual one, as after `nice -n -19`. */
export const priority = () => (getPriority() === 0 ? '' : `, all sides at nice ${getPriority()}`);

export const today = () => new Date().toISOString().slice(0, 10);

/** Rows as a Markdown table; the first row is the head, the first column is text, the others are numbers. */
export function table([head, ...rows]) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The middle value, or the mean of the two middle values. */
export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
