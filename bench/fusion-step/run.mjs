// ViLT for questions about images: a training step, and pairs scored a second, of bow2bot beside Hugging Face's ViltForQuestionAnswering.
//   node bench/fusion-step/run.mjs [--width 192] [--rounds 6] [--steps 4] [--minutes 3] [--dry]
// Both sides are warm processes with the same first weights and the same batch; in each round each works while the other sleeps, in turns.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from '../install.mjs';
import { load, machine, median, priority, table, today, writeSection } from '../results.mjs';
import { startSide } from '../side.mjs';

const { values: options } = parseArgs({
  options: {
    width: { type: 'string', default: '192' },
    rounds: { type: 'string', default: '6' },
    steps: { type: 'string', default: '4' },
    minutes: { type: 'string', default: '3' },
    dry: { type: 'boolean', default: false },
  },
});
const [width, rounds, steps, minutes] = [options.width, options.rounds, options.steps, options.minutes].map(Number);
if (![width / 64, rounds, steps].every((x) => Number.isInteger(x) && x > 0) || !(minutes > 0)) {
  console.error('--width is a multiple of 64, --rounds and --steps are counts, --minutes a number');
  process.exit(2);
}
const here = new URL('.', import.meta.url).pathname;
const labels = { bow2bot: 'bow2bot', transformers: 'transformers' };
const work = ['steps', 'pairs'];

/** The sides that this machine has; bow2bot first, since it writes what the others read. */
async function start(folder) {
  const env = { WIDTH: `${width}`, FOLDER: folder };
  const python = [process.env.PYTHON ?? 'python3', [`${here}transformers_step.py`]];
  const sides = new Map([['bow2bot', await startSide(process.execPath, [`${here}bow2bot.mjs`], { env })]]);
  try {
    sides.set('transformers', await startSide(...python, { env }));
  } catch (e) {
    console.error(`skipped transformers: ${e.message}`);
  }
  for (const side of sides.values())
    Object.assign(side, { steps: [], pairs: [], losses: (await side.ask('steps', 3)).values });
  return sides;
}

async function measure(sides) {
  const until = Date.now() + minutes * 60_000;
  const names = [...sides.keys()];
  for (let i = 0; i < rounds && (i < 2 || Date.now() < until); i++)
    for (const what of work)
      for (let j = 0; j < names.length; j++) {
        const side = sides.get(names[(i + j) % names.length]);
        const { times, peakMb } = await side.ask(what, steps);
        side[what].push(median(times));
        side.peakMb = peakMb;
      }
}

/** The first losses must be one curve: the sides train the same model. */
function difference(sides) {
  const own = sides.get('bow2bot').losses;
  const off = [...sides.values()].map(({ losses }) => Math.max(...losses.map((x, i) => Math.abs(x / own[i] - 1))));
  if (Math.max(...off) < 0.01) return Math.max(...off);
  throw new Error(
    `the sides do not compute the same: ${[...sides].map(([name, { losses }]) => `${name} ${losses}`).join('; ')}`,
  );
}

function report(sides, before) {
  const own = sides.get('bow2bot');
  const { batch } = own.info;
  const ratio = (side, what) => `${median(side[what].map((ms, i) => ms / own[what][i])).toFixed(2)} ×`;
  const rows = [...sides].map(([name, side]) => [
    labels[name],
    ...work.flatMap((what) => {
      const ms = median(side[what]);
      const figure = what === 'steps' ? ms.toFixed(0) : ((1000 * batch) / ms).toFixed(0);
      return [figure, ratio(side, what)];
    }),
    side.peakMb.toFixed(0),
  ]);
  const head = ['side', 'ms a step', 'time / bow2bot', 'pairs/s scored', 'time / bow2bot', 'peak MiB'];
  const versions = [...new Set([...sides.values()].map((s) => s.info.version))].join('; ');
  return `## ViLT: training step and scoring

\`node bench/fusion-step/run.mjs\` · ${today()} · ${machine()} · load average before ${before}, after ${load()}${priority()}
${versions}

One transformer of 4 blocks, width ${width}, over 24 words and 64 patches (64 px, patch 8), 100 answers, batch ${batch}, float32, 2 threads; forward, backward and
AdamW, and answers without training. bow2bot computes the last block for the text's [CLS] alone; transformers draws an order of the patches in every pass. Medians of
${own.steps.length} interleaved rounds. The first three losses are equal within ${difference(sides).toExponential(0)}.

${table([head, ...rows])}`;
}

prepare();
const before = load();
const folder = mkdtempSync(join(tmpdir(), 'bow2bot-fusion-'));
try {
  const sides = await start(folder);
  difference(sides);
  await measure(sides);
  const text = report(sides, before);
  for (const side of sides.values()) await side.close();
  if (!options.dry) writeSection('fusion-step', text);
  console.log(text);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
