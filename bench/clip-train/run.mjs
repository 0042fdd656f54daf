// Pairs a second of training CLIP `tiny` as `bow2bot train clip` does, data included, beside PyTorch (of `python3`, or of the program in PYTHON).
//   node bench/clip-train/run.mjs [--rounds 3] [--steps 120] [--dry]
// Each side is a process of its own that trains from the beginning; the sides take turns, in an order that turns from round to round.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from '../install.mjs';
import { load, machine, median, priority, table, today, writeSection } from '../results.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '120' },
    dry: { type: 'boolean', default: false },
  },
});
const [rounds, steps, warmup, batch] = [Number(values.rounds), Number(values.steps), 8, 64];
prepare();
const loadBefore = load();
const here = new URL('.', import.meta.url).pathname;
const python = process.env.PYTHON ?? 'python3';
const sides = [
  { name: 'bow2bot', run: [process.execPath, `${here}bow2bot.mjs`], env: {} },
  { name: 'PyTorch, same arithmetic', run: [python, `${here}torch_train.py`], env: { PICK: '1' } },
  { name: 'PyTorch, last block in full', run: [python, `${here}torch_train.py`], env: {} },
].map((side) => ({ ...side, results: [] }));

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-bench-pairs-'));
try {
  await makePairs();
  for (let i = 0; i < rounds; i++) {
    for (let j = 0; j < sides.length; j++) ask(sides[(i + j) % sides.length]);
    console.error(`round ${i + 1} of ${rounds}, load ${load()}`);
  }
  const text = report(sides.filter((s) => s.results.length === rounds));
  console.log(text);
  if (!values.dry) writeSection('clip-train', text);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** 1,024 images of the tabletop with their sentences, and the tokens for the side that has no tokenizer. */
async function makePairs() {
  const { parallelTabletopPairs } = await import('bow2bot/data/node');
  const { clipVariants } = await import('bow2bot/systems');
  const { trainClipTokenizer } = await import('bow2bot/text');
  const { size } = clipVariants.tiny.visual;
  const { context } = clipVariants.tiny.text;
  const { count, pixels, captions } = await parallelTabletopPairs({ count: 1024, size, workers: 2 });
  const tokenizer = trainClipTokenizer(captions.flat(), { vocabulary: 1024 });
  const rows = tokenizer.rows(captions.flat(), context, { pad: tokenizer.endOfText });
  const sentences = captions.map((c) => c.length);
  const starts = [];
  for (let i = 0, at = 0; i < count; at += sentences[i++]) starts.push(at);
  const about = { count, size, captions, context, sentences, starts, vocabulary: tokenizer.vocabulary };
  await writeFile(join(folder, 'pairs.json'), JSON.stringify(about));
  await writeFile(join(folder, 'pixels.bin'), pixels);
  await writeFile(join(folder, 'tokens.bin'), Int32Array.from(rows));
}

function ask(side) {
  const env = { ...process.env, ...side.env, DATA: folder, STEPS: `${steps}`, WARMUP: `${warmup}` };
  const [command, ...args] = side.run;
  const r = spawnSync(command, args, { env, encoding: 'utf8' });
  if (r.status === 0) return side.results.push(JSON.parse(r.stdout.trim().split('\n').at(-1)));
  console.error(`skipped ${side.name}: ${(r.stderr ?? `${r.error}`).trim().split('\n').at(-1)}`);
}

function report(done) {
  const own = done[0].results;
  const head = [
    'side',
    'pairs/s',
    'range',
    'time / bow2bot',
    'ms a step',
    'of it waiting for data',
    'loss, first and last',
  ];
  const rows = done.map(({ name, results }) => {
    const rates = results.map((r) => batch / r.seconds);
    const ratio = median(results.map((r, i) => r.seconds / own[i].seconds));
    const wait = median(results.map((r) => 1000 * r.data));
    return [
      name,
      median(rates).toFixed(0),
      `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`,
      `${ratio.toFixed(2)} ×`,
      median(results.map((r) => 1000 * r.seconds)).toFixed(0),
      `${wait.toFixed(1)} ms`,
      `${results[0].first.toFixed(2)}, ${results[0].last.toFixed(2)}`,
    ];
  });
  const versions = [...new Set(done.map((s) => s.results[0].version))].join('; ');
  const parameters = [...new Set(done.map((s) => s.results[0].parameters))].join(' and ');
  return `## Training CLIP \`tiny\`, data included

\`node bench/clip-train/run.mjs\` · ${today()} · ${machine()} · load average before ${loadBefore}, after ${load()}${priority()}
${versions}; ${parameters} parameters

The trainer of \`bow2bot train clip\` (images shifted and normalised in each step, AdamW, batches of ${batch}) beside the same model, data and
optimiser written in PyTorch; ${steps} steps from the beginning, the first ${warmup} not counted; medians of ${rounds} rounds of processes in turn, ratios within a round. Both
draw their first values as OpenAI's code does, and their batches by chance: the losses are alike, not equal.

${table([head, ...rows])}`;
}
