// One side of the CLIP-tiny comparison: the step in TensorFlow.js on its wasm backend. Written as an expert user would write it for this backend:
// gradients of matrix products transpose explicitly, because the kernel is 10 to 15 times slower with its transpose flags, and the gradient of the
// embedding is `scatterND`, because the backend has no `UnsortedSegmentSum` for the gradient of `gather`.
import { createRequire } from 'node:module';
import { peakMb, serve } from '../side.mjs';
import * as task from './task.mjs';

const { batch, context, depth, headSize, heads, patches, pick, threads, width } = task;
const require = createRequire(import.meta.url);
const started = performance.now();
if (threads > 1) lendThreads();
const tf = require('@tensorflow/tfjs');
const { setThreadsCount, version_wasm } = require('@tensorflow/tfjs-backend-wasm');
if (threads > 1) {
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true);
  setThreadsCount(threads);
}
await tf.setBackend('wasm');
const { add, mul, reshape, sub, transpose } = tf;

/** TensorFlow.js switches threads off in Node because its workers load from blob URLs; here they load from its own files, as in a browser. */
function lendThreads() {
  const workers = require('node:worker_threads');
  const at = '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd';
  // one line of code, in a template whose escapes were lost
  const source = require(`${at}.worker.js`).wasmWorkerContents.replaceAll('\n', '\\n');
  workers.Worker = class extends workers.Worker {
    constructor(url, options) {
      if (String(url).startsWith('blob:')) super(source, { eval: true });
      else super(url, options);
    }
    postMessage(message, transfer) {
      if (message.cmd === 'load') message.urlOrBlob = require.resolve(`${at}.js`);
      super.postMessage(message, transfer);
    }
  };
}

const variables = Object.fromEntries(
  task.parameters.map(([name, shape, data]) => [name, tf.variable(tf.tensor(data, shape))]),
);
const pixels = tf.tensor2d(task.patchRows(), [batch * patches, 3 * task.patch ** 2]);
const tokens = tf.tensor1d(task.tokens, 'int32');
const diagonal = tf.eye(batch);
const causal = tf.tidy(() => mul(sub(tf.linalg.bandPart(tf.ones([context, context]), -1, 0), 1), 1e9)); // 0 where seen
const p = (name) => variables[name];

const product = tf.customGrad((a, b, save) => {
  save([a, b]);
  return {
    value: tf.matMul(a, b),
    gradFunc: (dy, [x, w]) => [tf.matMul(dy, tf.transpose(w)), tf.matMul(tf.transpose(x), dy)],
  };
});

const embedding = tf.customGrad((table, ids, save) => {
  save([ids]);
  return {
    value: tf.gather(table, ids),
    gradFunc: (dy, [at]) => [tf.scatterND(tf.expandDims(at, 1), dy, table.shape), tf.zerosLike(at)],
  };
});

const linear = (x, name) => add(product(x, p(`${name}/weight`)), p(`${name}/bias`));
const gelu = (x) => mul(mul(x, 0.5), add(tf.erf(mul(x, Math.SQRT1_2)), 1));

function layerNorm(x, name) {
  const centred = sub(x, tf.mean(x, -1, true));
  const scale = tf.rsqrt(add(tf.mean(tf.square(centred), -1, true), 1e-5));
  return add(mul(mul(centred, scale), p(`${name}/weight`)), p(`${name}/bias`));
}

/** [rows of n tokens, width] → [batch, heads, n, headSize] */
const split = (x, n) => transpose(reshape(x, [batch, n, heads, headSize]), [0, 2, 1, 3]);

/** The token at `at` of each sample: [batch · n, width] → [batch, width] */
const token = (x, n, at) =>
  reshape(tf.slice(reshape(x, [batch, n, width]), [0, at, 0], [batch, 1, width]), [batch, width]);

/** `last`: the index of the only token that is wanted. */
function block(x, at, n, mask, last) {
  const narrow = (t) => (last === undefined ? t : token(t, n, last));
  const h = layerNorm(x, `${at}/ln1`);
  const q = split(linear(narrow(h), `${at}/attn/q`), last === undefined ? n : 1);
  const scores = mul(tf.matMul(q, split(linear(h, `${at}/attn/k`), n), false, true), headSize ** -0.5);
  const weights = tf.softmax(mask && last === undefined ? add(scores, mask) : scores); // the last token sees all
  const mixed = transpose(tf.matMul(weights, split(linear(h, `${at}/attn/v`), n)), [0, 2, 1, 3]);
  const y = add(narrow(x), linear(reshape(mixed, [-1, width]), `${at}/attn/out`));
  return add(y, linear(gelu(linear(layerNorm(y, `${at}/ln2`), `${at}/mlp/fc1`)), `${at}/mlp/fc2`));
}

/** [batch, embed], of length 1 */
function tower(name, x, n, mask, read) {
  let y = x;
  for (let i = 0; i < depth; i++) {
    y = block(y, `${name}/blocks/${i}`, n, mask, pick && i === depth - 1 ? read : undefined);
  }
  const z = product(layerNorm(pick ? y : token(y, n, read), `${name}/norm`), p(`${name}_proj/weight`));
  return tf.div(z, tf.sqrt(tf.sum(tf.square(z), -1, true)));
}

function loss() {
  const grid = reshape(linear(pixels, 'visual/patch'), [batch, patches, width]);
  const seen = add(
    tf.concat([tf.tile(reshape(p('visual/class_token'), [1, 1, width]), [batch, 1, 1]), grid], 1),
    p('visual/positions'),
  );
  const words = add(reshape(embedding(p('text/tokens/weight'), tokens), [batch, context, width]), p('text/positions'));
  const v = tower('visual', reshape(seen, [-1, width]), patches + 1, undefined, 0);
  const t = tower('text', reshape(words, [-1, width]), context, causal, context - 1);
  const logits = mul(product(v, transpose(t)), tf.exp(p('logit_scale')));
  const agreed = add(tf.logSoftmax(logits), transpose(tf.logSoftmax(transpose(logits))));
  return mul(tf.sum(mul(agreed, diagonal)), -0.5 / batch);
}

const { lr, beta1, beta2, eps, weightDecay } = task.adam;
const optimizer = new tf.AdamOptimizer(lr, beta1, beta2, eps);

function step() {
  return tf.tidy(() => {
    const { value, grads } = tf.variableGrads(loss);
    for (const v of Object.values(variables)) v.assign(mul(v, 1 - lr * weightDecay)); // decoupled, as AdamW
    optimizer.applyGradients(Object.fromEntries(Object.values(variables).map((v) => [v.name, grads[v.name]])));
    return value.dataSync()[0];
  });
}

await serve({
  info: () => ({
    version: `TensorFlow.js ${version_wasm} (wasm SIMD, ${threads} threads)`,
    createMs: performance.now() - started,
  }),
  steps: (n) => {
    const times = [];
    const losses = [];
    for (let i = 0; i < n; i++) {
      const t = performance.now();
      losses.push(step());
      times.push(performance.now() - t);
    }
    return { times, losses, peakMb: peakMb() };
  },
  close: () => process.exit(0), // its workers would keep the process
});
