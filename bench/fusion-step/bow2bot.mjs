// One side of the fusion comparison: ViLT for questions in bow2bot. Speaks the protocol of ../side.mjs. It writes the model (as Hugging Face's classes read
// it) and the batch into FOLDER, from which the other side starts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, measureGemm, ndarray, Store } from 'bow2bot/engine';
import { writeTensors } from 'bow2bot/hub';
import { writeSafetensors } from 'bow2bot/hub/node';
import { adamW, minimize } from 'bow2bot/nn';
import { viltVariants } from 'bow2bot/systems';
import * as ort from '../../dist/engine/node/ort.js';
import { configToHuggingFace } from '../../dist/systems/vilt/config-huggingface.js';
import { huggingFaceNames } from '../../dist/systems/vilt/names.js';
import { answering, answers } from '../../dist/systems/vilt/objectives.js';
import { peakMb, serve } from '../side.mjs';

const number = (name, absent) => Number(process.env[name] ?? absent);
const [width, batch, threads] = [number('WIDTH', 192), number('BATCH', 32), number('THREADS', 2)];
const [context, classes, adam] = [24, 100, { betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.01, decay: 1 }];
const config = {
  ...viltVariants['ViLT-B/32'],
  ...{ width, depth: 4, heads: width / 64, hidden: 4 * width, epsilon: 1e-12, textEpsilon: 1e-12, dropout: 0 },
  image: { size: 64, patch: 8 },
  text: { vocabulary: 1000, context, types: 2 },
  tasks: { answers: classes },
};

let state = 1;
/** Uniform in [0, 1): a mixed counter, good enough for data that nothing is learnt from. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const draw = (n, value) => Float32Array.from({ length: n }, value);
const tokens = Int32Array.from({ length: batch * context }, (_, i) =>
  i % context < 8 + (i % 13) ? 5 + Math.floor(995 * random()) : 0,
);
const inputs = {
  image: ndarray(
    'float32',
    [batch, 3, 64, 64],
    draw(batch * 3 * 64 ** 2, () => 2 * random() - 1),
  ),
  tokens: ndarray('int32', [batch, context], tokens),
  targets: ndarray(
    'float32',
    [batch, classes],
    draw(batch * classes, (_, i) => (i % classes === (i * 7) % 31 ? 1 : 0)),
  ),
};

const store = new Store(0);
const pair = ({ image, tokens }) => ({ image, tokens });
const started = performance.now();
const step = compile(
  (s, x) => {
    const { loss } = answering(s, pair(x), x.targets, config);
    return { loss, ...minimize(s, loss, adamW(adam), { lr: x.lr }) };
  },
  { store, threads },
);
const scores = compile((s, x) => ({ y: answers(s, pair(x), config) }), { store, threads });
const lr = ndarray('float32', [], [5e-4]);
await step.program({ ...inputs, lr });
const createMs = performance.now() - started;

const folder = process.env.FOLDER;
const names = huggingFaceNames(config);
const labels = Array.from({ length: classes }, (_, i) => `answer ${i}`);
writeFileSync(join(folder, 'config.json'), JSON.stringify(configToHuggingFace(config, labels)));
const params = new Map([...store.entries('param')].map(([path, a]) => [path, { ...a, data: a.data.slice() }]));
await writeSafetensors(join(folder, 'model.safetensors'), writeTensors(params, names), { metadata: { format: 'pt' } });
await writeSafetensors(join(folder, 'batch.safetensors'), new Map(Object.entries(inputs)));

async function timed(n, run) {
  const times = [];
  const values = [];
  for (let i = 0; i < n; i++) {
    const t = performance.now();
    values.push(await run());
    times.push(performance.now() - t);
  }
  return { times, values, peakMb: peakMb() };
}

await serve({
  info: async () => ({ version: `bow2bot cpu, onnxruntime ${ort.env.versions.node}`, createMs, batch }),
  steps: (n) => timed(n, async () => Number((await step.run({ ...inputs, lr })).loss.data[0])),
  pairs: (n) => timed(n, async () => Number((await scores.run(pair(inputs))).y.data[0])),
  gemm: async () => measureGemm({ threads, runs: 8 }),
  close: async () => void (await Promise.all([step.close(), scores.close()])),
});
