// One side of the CLIP-tiny comparison: the step in @jax-js/jax on its wasm backend, the whole step (loss, gradients, AdamW) under one `jit`.

import { resolveObjectURL } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { Worker as NodeWorker } from 'node:worker_threads';
import { peakMb, serve } from '../side.mjs';
import * as task from './task.mjs';

// jax-js runs on several threads where there are web workers; Node has none by that name, so it is lent its own.
globalThis.Worker = class {
  #worker = undefined;
  #queue = [];
  constructor(url) {
    const blob = resolveObjectURL(url);
    blob.text().then((source) => {
      const prelude = `const { parentPort } = require('node:worker_threads'); globalThis.self = globalThis;
        globalThis.postMessage = (m) => parentPort.postMessage(m); parentPort.on('message', (data) => self.onmessage({ data }));`;
      this.#worker = new NodeWorker(prelude + source, { eval: true });
      this.#worker.on('message', (data) => this.onmessage?.({ data }));
      this.#worker.on('error', (e) => this.onerror?.(e));
      for (const m of this.#queue) this.#worker.postMessage(m);
    });
  }
  postMessage(m) {
    if (this.#worker) this.#worker.postMessage(m);
    else this.#queue.push(m);
  }
};
Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency: task.threads }, configurable: true });
const { blockUntilReady, init, jit, nn, numpy: np, tree, valueAndGrad } = await import('@jax-js/jax');
await init('wasm');
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.resolve('@jax-js/jax'))));

const { batch, context, depth, headSize, heads, patches, pick, width } = task;
const causal = np
  .tril(np.ones([context, context]))
  .sub(1)
  .mul(1e9); // 0 where seen
const diagonal = np.eye(batch);

const linear = (p, x, name) => np.matmul(x, p[`${name}/weight`].ref).add(p[`${name}/bias`].ref);

/** [batch, heads, n, headSize]; every function here takes its arrays over, as jax-js asks. */
const split = (x, n) => np.transpose(x.reshape([batch, n, heads, headSize]), [0, 2, 1, 3]);

/** The token at `at` of each sample: [batch · n, width] → [batch, width] */
const token = (x, n, at) => x.reshape([batch, n, width]).slice([], at);

function layerNorm(p, x, name) {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  const scale = np.reciprocal(np.sqrt(variance.add(1e-5)));
  return centred.mul(scale).mul(p[`${name}/weight`].ref).add(p[`${name}/bias`].ref);
}

/** `last`: the index of the only token that is wanted. */
function block(p, x, at, n, mask, last) {
  const narrow = (t) => (last === undefined ? t : token(t, n, last));
  const h = layerNorm(p, x.ref, `${at}/ln1`);
  const q = split(linear(p, narrow(h.ref), `${at}/attn/q`), last === undefined ? n : 1);
  const k = split(linear(p, h.ref, `${at}/attn/k`), n);
  const v = split(linear(p, h, `${at}/attn/v`), n);
  const scores = np.matmul(q, np.transpose(k, [0, 1, 3, 2])).mul(headSize ** -0.5);
  const weights = nn.softmax(mask && last === undefined ? scores.add(mask.ref) : scores, -1); // the last token sees all
  const mixed = np.transpose(np.matmul(weights, v), [0, 2, 1, 3]).reshape([-1, width]);
  const y = narrow(x).add(linear(p, mixed, `${at}/attn/out`));
  const hidden = nn.gelu(linear(p, layerNorm(p, y.ref, `${at}/ln2`), `${at}/mlp/fc1`), { approximate: false });
  return y.add(linear(p, hidden, `${at}/mlp/fc2`));
}

/** [batch, embed], of length 1 */
function tower(p, name, x, n, mask, read) {
  let y = x;
  for (let i = 0; i < depth; i++) {
    y = block(p, y, `${name}/blocks/${i}`, n, mask, pick && i === depth - 1 ? read : undefined);
  }
  const z = np.matmul(layerNorm(p, pick ? y : token(y, n, read), `${name}/norm`), p[`${name}_proj/weight`].ref);
  return z.ref.div(np.sqrt(np.sum(np.square(z), -1, { keepdims: true })));
}

function loss(p, pixels, tokens) {
  const grid = linear(p, pixels, 'visual/patch').reshape([batch, patches, width]);
  const first = np.broadcastTo(p['visual/class_token'].ref, [batch, 1, width]);
  const seen = np.concatenate([first, grid], 1).add(p['visual/positions'].ref);
  const words = np
    .matmul(nn.oneHot(tokens, task.vocabulary), p['text/tokens/weight'].ref)
    .reshape([batch, context, width])
    .add(p['text/positions'].ref);
  const v = tower(p, 'visual', seen.reshape([-1, width]), patches + 1, undefined, 0);
  const t = tower(p, 'text', words.reshape([-1, width]), context, causal, context - 1);
  const logits = np.matmul(v, np.transpose(t)).mul(np.exp(p.logit_scale.ref));
  const agreed = nn.logSoftmax(logits.ref, 1).add(nn.logSoftmax(logits, 0));
  const value = np.sum(agreed.mul(diagonal.ref)).mul(-0.5 / batch);
  tree.dispose(p);
  return value;
}

const { lr, beta1, beta2, eps, weightDecay } = task.adam;

/** One step of AdamW (Loshchilov & Hutter 2019): new parameters, moments and the loss. `rate1`, `rate2`: 1 − βᵗ. */
const step = jit((p, m, v, rate1, rate2, pixels, tokens) => {
  const [value, grads] = valueAndGrad(loss)(tree.ref(p), pixels, tokens);
  const next = { p: {}, m: {}, v: {} };
  for (const name of Object.keys(p)) {
    const g = grads[name];
    const m1 = m[name].mul(beta1).add(g.ref.mul(1 - beta1));
    const v1 = v[name].mul(beta2).add(np.square(g).mul(1 - beta2));
    const change = m1.ref.div(rate1.ref).div(np.sqrt(v1.ref.div(rate2.ref)).add(eps));
    next.p[name] = p[name].mul(1 - lr * weightDecay).sub(change.mul(lr));
    next.m[name] = m1;
    next.v[name] = v1;
  }
  rate1.dispose();
  rate2.dispose();
  return { ...next, loss: value };
});

const map = (f) => Object.fromEntries(task.parameters.map(([name, shape, data]) => [name, f(shape, data)]));
let p = map((shape, data) => np.array(data).reshape(shape));
let m = map((shape) => np.zeros(shape));
let v = map((shape) => np.zeros(shape));
const pixels = np.array(task.patchRows()).reshape([batch * patches, 3 * task.patch ** 2]);
const tokens = np.array(task.tokens);
let steps = 0;

async function train() {
  steps++;
  const rates = [beta1, beta2].map((beta) => np.array(Float32Array.of(1 - beta ** steps)).reshape([]));
  const next = step(p, m, v, ...rates, pixels.ref, tokens.ref);
  ({ p, m, v } = next);
  await blockUntilReady(next);
  return (await next.loss.data())[0];
}

await serve({
  info: async () => {
    const started = performance.now();
    const losses = [await train()]; // traces and compiles
    return {
      losses,
      version: `jax-js ${version} (wasm, ${task.threads} threads)`,
      createMs: performance.now() - started,
    };
  },
  steps: async (n) => {
    const times = [];
    const losses = [];
    for (let i = 0; i < n; i++) {
      const t = performance.now();
      losses.push(await train());
      times.push(performance.now() - t);
    }
    return { times, losses, peakMb: peakMb() };
  },
  close: () => process.exit(0), // its workers would keep the process
});
