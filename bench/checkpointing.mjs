// Peak memory and time of training steps of a deep tower, with and without gradient checkpointing.
//   npm run build && node bench/checkpointing.mjs [depth] [width] [tokens] [batch] [rounds]
// Each side is a process of its own (peak memory is a process's); the sides take turns.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Rng } from '../dist/base/index.js';
import { compile, ndarray, Store } from '../dist/engine/index.js';
import { adamW, minimize, transformer } from '../dist/nn/index.js';

const [depth = 24, width = 256, tokens = 64, batch = 32, rounds = 2] = process.argv.slice(2).map(Number);
const side = process.env['CHECKPOINT_SIDE'];

if (side === undefined) {
  const sides = { plain: [], checkpoint: [] };
  for (let i = 0; i < rounds; i++)
    for (const name of Object.keys(sides)) {
      const out = execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
        env: { ...process.env, CHECKPOINT_SIDE: name },
        encoding: 'utf8',
      });
      sides[name].push(JSON.parse(out));
    }
  const least = (name, key) => Math.min(...sides[name].map((r) => r[key]));
  for (const name of Object.keys(sides))
    console.log(
      `${name.padEnd(10)} peak ${least(name, 'peak').toFixed(0)} MB, of which the steps ${least(name, 'steps').toFixed(0)} MB · ${least(name, 'ms').toFixed(0)} ms a step · loss ${sides[name][0].loss}`,
    );
  const ratio = (key) => (least('checkpoint', key) / least('plain', key)).toFixed(2);
  console.log(`checkpoint : plain   peak ${ratio('peak')}, steps' memory ${ratio('steps')}, time ${ratio('ms')}`);
} else {
  const rng = new Rng(1);
  const x = ndarray('float32', [batch, tokens, width], Float32Array.from({ length: batch * tokens * width }, () => rng.normal())); // biome-ignore format: one line
  const lr = ndarray('float32', [], [1e-4]);
  const step = compile(
    (s, inputs) => {
      const y = transformer(s.at('blocks'), inputs.x, { depth, heads: 4, checkpoint: side === 'checkpoint' });
      const loss = y.square().mean();
      return { loss, ...minimize(s, loss, adamW(), { lr: inputs.lr }) };
    },
    { store: new Store(1), training: true },
  );
  await step.program({ x, lr });
  const before = process.memoryUsage().rss;
  let [ms, loss] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    loss = (await step.run({ x, lr })).loss.data[0];
    ms = Math.min(ms, performance.now() - started);
  }
  const peak = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ peak: peak / 1e6, steps: (peak - before) / 1e6, ms, loss: loss.toPrecision(7) }));
}
