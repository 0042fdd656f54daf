// Rates of the tabletop world: frames, caption pairs, physics steps, demonstration episodes; on one and on two worker threads.
// usage: node bench/world/rates.mjs [--quick]          (after npm run build, from the repository root)
import {
  cameras,
  createRenderer,
  createSimulation,
  disposeModels,
  loadEngine,
  sampleTask,
} from '../../dist/world/index.js';
import { parallelCaptionSamples, parallelDemonstrations } from '../../dist/world/node/index.js';
import { load, machine, table, today, writeSection } from '../results.mjs';

const quick = process.argv.includes('--quick');
const rows = [];
const add = (what, value, unit) => {
  rows.push([what, value, unit]);
  console.log(`${what.padEnd(58)} ${value.padStart(10)} ${unit}`);
};

/** Median of the milliseconds of several runs. */
function median(times, run) {
  const all = [];
  for (let i = 0; i < times; i++) {
    const t = performance.now();
    run();
    all.push(performance.now() - t);
  }
  return all.sort((a, b) => a - b)[times >> 1];
}

console.log(`${machine()}; load ${load()}`);
const engine = await loadEngine();
const task = sampleTask('T5', { seed: 2 });
const sim = createSimulation(engine, task.scene, { tool: task.tool });
const renderer = createRenderer();
const extras = sim.robot();
for (const width of [64, 96, 128]) {
  for (const quality of ['fast', 'standard', 'fine']) {
    const draw = () => renderer.render(sim.scene(), cameras.oblique, { width, quality, extras });
    median(20, draw);
    add(`frame ${width} px, ${quality}, with robot`, median(quick ? 20 : 60, draw).toFixed(2), 'ms');
  }
}
const still = { move: [0, 0, 0], turn: [0, 0, 0], grip: -1, done: false };
const act = median(quick ? 10 : 40, () => sim.act(still));
add('physics steps, drawer scene (50 steps and 5 IK a control step)', Math.round(50_000 / act).toString(), 'steps/s');
add('control step of 0.1 s', act.toFixed(2), 'ms');
sim.dispose();
const reset = median(quick ? 10 : 40, () => createSimulation(engine, task.scene).dispose());
add('reset, model known (300 ms of settling included)', reset.toFixed(2), 'ms');
const compile = median(10, () => {
  disposeModels();
  createSimulation(engine, task.scene).dispose();
});
add('reset, model compiled anew', compile.toFixed(2), 'ms');

for (const workers of [1, 2]) {
  const count = quick ? 300 : 2000;
  const t = performance.now();
  for await (const _ of parallelCaptionSamples({ count, size: 64, workers }));
  const seconds = (performance.now() - t) / 1000;
  add(
    `caption pairs 64 px, ${workers} threads`,
    (count / seconds).toFixed(0),
    `pairs/s  (10,000 in ${((10_000 * seconds) / count).toFixed(0)} s)`,
  );
}
for (const workers of [1, 2]) {
  const count = quick ? 20 : 100;
  const t = performance.now();
  let frames = 0;
  for await (const d of parallelDemonstrations({ count, size: 64, workers })) frames += d.steps.length;
  const seconds = (performance.now() - t) / 1000;
  add(
    `demonstrations T1–T5 with 64 px frames, ${workers} threads`,
    (count / seconds).toFixed(1),
    `episodes/s  (${(frames / seconds).toFixed(0)} frames/s)`,
  );
}

const text = rows.map(([what, value, unit]) => [what, `${value} ${unit}`]);
writeSection(
  'world',
  `## The tabletop world\n\n${machine()}; ${today()}; load average at the end ${load()} (the machine was shared: read the rates together with it).\nCommand: \`node bench/world/rates.mjs${quick ? ' --quick' : ''}\`\n\n${table([['what', 'rate'], ...text])}`,
);
