// The CLIP-tiny step of bow2bot against PyTorch, TensorFlow.js and jax-js, and against this machine's own matrix product.
//   node bench/clip-step/run.mjs [--widths 128,192,256] [--sides bow2bot,torch-pick,...] [--rounds 6] [--steps 4] [--minutes 5] [--dry]
// All sides are warm processes; in each round each runs some steps while the others sleep, in an order that turns from round to round.
import { parseArgs } from 'node:util';
import { prepare } from '../install.mjs';
import { load, machine, median, priority, table, today, writeSection } from '../results.mjs';
import { startSide } from '../side.mjs';
import * as task from './task.mjs';

const here = new URL('.', import.meta.url).pathname;
const python = process.env.PYTHON ?? 'python3';
const node = (file) => [process.execPath, [`${here}${file}`]];
const sides = {
  bow2bot: { run: node('bow2bot.mjs'), pick: true, label: 'bow2bot' },
  'torch-pick': { run: [python, [`${here}torch_step.py`]], pick: true, label: 'PyTorch, same arithmetic' },
  'torch-bf16': {
    run: [python, [`${here}torch_step.py`]],
    pick: true,
    label: 'PyTorch, same arithmetic, bf16 autocast',
    env: { AUTOCAST: '1' },
    rounded: true,
  },
  torch: { run: [python, [`${here}torch_step.py`]], pick: false, label: 'PyTorch, last block in full' },
  tfjs: { run: node('tfjs.mjs'), pick: true, label: 'TensorFlow.js wasm, same arithmetic', slow: true },
  jax: { run: node('jax.mjs'), pick: true, label: 'jax-js wasm, same arithmetic', slow: true },
};

const { values: options } = parseArgs({
  options: {
    widths: { type: 'string', default: '128,192,256' },
    sides: { type: 'string', default: Object.keys(sides).join() },
    rounds: { type: 'string', default: '6' },
    steps: { type: 'string', default: '4' },
    minutes: { type: 'string', default: '5' },
    dry: { type: 'boolean', default: false },
  },
});
const widths = options.widths.split(',').map(Number);
const names = options.sides.split(',').filter((name) => name !== 'bow2bot');
const [rounds, steps, minutes] = [options.rounds, options.steps, options.minutes].map(Number);
const unknown = names.filter((name) => !(name in sides));
if (unknown.length > 0 || ![...widths, rounds, steps, minutes].every((x) => x > 0)) {
  console.error(`unknown side or not a number; sides: ${Object.keys(sides).join(', ')}`);
  process.exit(2);
}

/**
 * Operations of the matrix products of a step, a multiplication and an addition counted as two; everything else (norms, softmax, gelu, AdamW) is
 * left out. With D = width, n tokens, in a block: 4 maps D·D and an MLP of 2·4·D² for n rows, scores and mixture 2·n²·D. Forward once, backward
 * twice, but for the patches, whose own gradient nobody needs. `pick`: the last block has 1 query, and keys and values for n rows.
 */
function operations(D, pick) {
  const block = (n, q) => 2 * (2 * n * D ** 2 + 2 * q * D ** 2 + 8 * q * D ** 2 + 2 * q * n * D);
  const tower = (n) => (task.depth - 1) * block(n, n) + block(n, pick ? 1 : n) + 2 * D * task.embed;
  const patches = 2 * task.patches * 3 * task.patch ** 2 * D;
  const logits = 2 * task.batch * task.embed;
  return task.batch * (3 * (tower(task.patches + 1) + tower(task.context) + logits) + 2 * patches);
}

/** Starts bow2bot and the peers that this machine has. */
async function start(width) {
  const started = new Map();
  for (const name of ['bow2bot', ...names]) {
    const { run, pick, env } = sides[name];
    progress(`width ${width}: ${name} starts`);
    try {
      const side = await startSide(...run, {
        env: { WIDTH: `${width}`, PICK: pick ? '1' : '0', NODE: process.execPath, ...env },
      });
      const first = await side.ask('steps', sides[name].slow ? 1 : 3); // warms up
      started.set(name, { ...side, losses: [...(side.info.losses ?? []), ...first.losses], rounds: [], overheads: [] });
    } catch (e) {
      progress(`skipped ${name}: ${e.message}`);
      if (name === 'bow2bot') throw e;
    }
  }
  return started;
}

/** One round: a matrix product, then each side in turn. Slow sides take part in the first two rounds and the last, with one step. */
async function round(running, i, turn) {
  running.gemm.push((await running.sides.get('bow2bot').ask('gemm')).gflops);
  const order = [...running.sides.keys()];
  for (let j = 0; j < order.length; j++) {
    const name = order[(j + i) % order.length];
    const { slow } = sides[name];
    if (slow && !turn) continue;
    const side = running.sides.get(name);
    const r = await side.ask('steps', slow ? 1 : steps).catch((e) => {
      if (name === 'bow2bot') throw e;
      progress(`skipped ${name}: ${e.message}`);
    });
    if (!r) {
      running.sides.delete(name);
      continue;
    }
    side.rounds.push({ round: i, times: r.times });
    side.losses.push(...r.losses);
    side.peakMb = r.peakMb;
    if (r.overhead !== undefined) side.overheads.push(r.overhead);
  }
}

/** All rounds of a width, at least 2; no more once the time is up. */
async function measure(width, until) {
  const running = { width, sides: await start(width), gemm: [] };
  for (let i = 0; i < rounds && (i < 2 || Date.now() < until); i++) {
    progress(`width ${width}: round ${i + 1} of ${rounds}, load ${load()}`);
    await round(running, i, i < 2 || i === rounds - 1);
  }
  for (const side of running.sides.values()) await side.close();
  running.difference = checkLosses(running.sides);
  return running;
}

/**
 * All sides start from the same weights and data, so their losses must be one curve but for rounding: the greatest relative difference to bow2bot's
 * over the first steps, of the sides in float32 and of those in 16 bits.
 */
function checkLosses(running) {
  const all = [...running.values()].map((side) => side.losses);
  const count = Math.min(3, ...all.map((losses) => losses.length)); // rounding grows with every step
  const own = running.get('bow2bot').losses;
  const off = (losses) => Math.max(...losses.slice(0, count).map((x, i) => Math.abs(x - own[i]) / own[i]));
  const greatestOf = (rounded) =>
    Math.max(
      0,
      ...[...running].filter(([name]) => (sides[name].rounded === true) === rounded).map(([, s]) => off(s.losses)),
    );
  const [greatest, rounded] = [greatestOf(false), greatestOf(true)];
  if (greatest < 0.01 && rounded < 0.05) return { count, greatest, rounded, from: own[0], to: own[count - 1] };
  const curves = [...running].map(
    ([name, { losses }]) => `${name}: ${losses.slice(0, count).map((x) => x.toFixed(4))}`,
  );
  throw new Error(`the sides do not compute the same\n${curves.join('\n')}`);
}

/** Metrics of one side; ratios are to bow2bot in the same rounds. */
function metrics(running, name) {
  const side = running.sides.get(name);
  const own = running.sides.get('bow2bot');
  const of = (s) => s.rounds.flatMap((r) => r.times);
  const inRound = new Map(own.rounds.map((r) => [r.round, median(r.times)]));
  const ms = median(of(side));
  const flops = operations(running.width, sides[name].pick);
  return {
    ms,
    best: Math.min(...of(side)),
    ratio: median(side.rounds.map((r) => median(r.times) / inRound.get(r.round))),
    bestRatio: Math.min(...of(side)) / Math.min(...of(own)),
    gflops: flops / ms / 1e6,
    bestGflops: flops / Math.min(...of(side)) / 1e6,
  };
}

function stepTable(running) {
  const peak = Math.max(...running.gemm);
  const head = [
    'side',
    'ms a step',
    'least',
    'time / bow2bot',
    'of least',
    'GFLOP/s',
    'of GEMM',
    'at least',
    'peak MiB',
  ];
  const rows = [...running.sides].map(([name, side]) => {
    const f = metrics(running, name);
    const percent = (x) => `${((100 * x) / peak).toFixed(0)} %`;
    const times = [f.ms.toFixed(0), f.best.toFixed(0), `${f.ratio.toFixed(2)} ×`, `${f.bestRatio.toFixed(2)} ×`];
    return [
      sides[name].label,
      ...times,
      f.gflops.toFixed(0),
      percent(f.gflops),
      percent(f.bestGflops),
      side.peakMb.toFixed(0),
    ];
  });
  return table([head, ...rows]);
}

function sectionOf(running) {
  const own = running.sides.get('bow2bot');
  const { createMs, buildMs, sessionMs, nodes } = own.info;
  const d = running.difference;
  const gflop = (pick) => (operations(running.width, pick) / 1e9).toFixed(1);
  return `### Width ${running.width}

${stepTable(running)}

GEMM peak ${Math.max(...running.gemm).toFixed(0)} GFLOP/s (median of rounds ${median(running.gemm).toFixed(0)}); ${gflop(true)} GFLOP a step
(${gflop(false)} with the last block in full). bow2bot outside onnxruntime: ${(100 * median(own.overheads)).toFixed(2)} % of a step; trace, gradients,
rewrites and encoding of ${nodes} nodes, parameters and session: ${createMs.toFixed(0)} ms (rewrites and encoding ${buildMs.toFixed(0)}, session
${sessionMs.toFixed(0)}).
The first ${d.count} losses (${d.from.toFixed(3)} to ${d.to.toFixed(3)}) of all sides are equal within ${d.greatest.toExponential(0)}${
    d.rounded > 0 ? ` (bf16: ${d.rounded.toExponential(0)})` : ''
  }.`;
}

function report(all, loadBefore) {
  const versions = [...new Set(all.flatMap((r) => [...r.sides.values()].map((s) => s.info.version)))];
  return `## CLIP-tiny training step

\`node bench/clip-step/run.mjs\` · ${today()} · ${machine()} · load average before ${loadBefore}, after ${load()}${priority()}
${versions.join('; ')}

ViT 64 px patch 8 and a causal text transformer of 24 tokens, 4 + 4 blocks, batch ${task.batch}, forward, backward and AdamW, ${task.threads} threads. "Same
arithmetic": the last block is computed for the token that is read only, as bow2bot's \`pick\` does. GFLOP/s counts the matrix products that the side really
needs (formula in \`run.mjs\`). "bf16 autocast" computes its products in bfloat16, which is another arithmetic than the float32 of all others. The GEMM is bow2bot's 1024³ float32 product, best of all rounds.

${all.map(sectionOf).join('\n\n')}`;
}

function progress(line) {
  process.stderr.write(`${line}\n`);
}

prepare();
const loadBefore = load();
const started = Date.now();
const all = [];
for (const [i, width] of widths.entries()) {
  all.push(await measure(width, started + ((i + 1) / widths.length) * minutes * 60_000));
  if (!options.dry) writeSection('clip-step', report(all, loadBefore)); // after each width: a run that is stopped has told what it knew
}
console.log(report(all, loadBefore));
