// Peak memory, time and loss of a LoRA step over a frozen tower, its weights kept in float32, float16 and bfloat16.
//   npm run build && node bench/half-storage.mjs [depth] [width] [rows]
// Each side is a process of its own (peak memory is a process's).
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Rng } from '../dist/base/index.js';
import { compile, ndarray, Store } from '../dist/engine/index.js';
import { adamW, linear, minimize, uniform, withLora } from '../dist/nn/index.js';

const [depth = 24, width = 2048, rows = 64] = process.argv.slice(2).map(Number);
const side = process.env['STORAGE_SIDE'];

if (side === undefined) {
  const found = {};
  for (const name of ['float32', 'float16', 'bfloat16']) {
    const env = { ...process.env, STORAGE_SIDE: name };
    found[name] = JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { env, encoding: 'utf8' })); // biome-ignore format: one line
    const { peak, ms, loss } = found[name];
    const error = Math.abs(loss / found['float32'].loss - 1);
    console.log(`${name.padEnd(8)} peak ${peak.toFixed(0)} MB · ${ms.toFixed(0)} ms a step · loss ${loss.toPrecision(6)} (off by ${error.toExponential(1)})`); // biome-ignore format: one line
  }
  console.log(`weights ${((depth * width * width * 4) / 1e6).toFixed(0)} MB in float32; peak float16 : float32 ${(found['float16'].peak / found['float32'].peak).toFixed(2)}`); // biome-ignore format: one line
} else {
  const rng = new Rng(1);
  const x = ndarray(
    'float32',
    [rows, width],
    Float32Array.from({ length: rows * width }, () => rng.normal()),
  );
  const lr = ndarray('float32', [], [1e-4]);
  const storage = side === 'float32' ? {} : { 'layers/*/weight': side };
  const step = compile(
    (s, inputs) => {
      const model = withLora(s, { layers: ['layers/*'], rank: 4 });
      let y = inputs.x;
      for (let i = 0; i < depth; i++)
        y = linear(model.at(`layers/${i}`), y, width, {
          bias: false,
          init: uniform(-Math.sqrt(3 / width), Math.sqrt(3 / width)),
        }).tanh();
      const loss = y.square().mean();
      return { loss, ...minimize(s, loss, adamW(), { lr: inputs.lr }) };
    },
    { store: new Store(1, { storage }), training: true },
  );
  await step.program({ x, lr });
  let [ms, loss] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    const out = await step.run({ x, lr });
    if (i === 0) loss = out.loss.data[0];
    ms = Math.min(ms, performance.now() - started);
  }
  console.log(JSON.stringify({ peak: (process.resourceUsage().maxRSS * 1024) / 1e6, ms, loss }));
}
