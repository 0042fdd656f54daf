// One side of the CLIP-tiny comparison: the step of bow2bot. Speaks the protocol of ../side.mjs.
import { compile, einsum, l2Normalize, measureGemm, ndarray, Store } from 'bow2bot/engine';
import { adamW, chain, constant, crossEntropy, linear, minimize, normal, textTransformer, vit } from 'bow2bot/nn';
import * as ort from '../../dist/engine/node/ort.js';
import { timeInside } from '../inside.mjs';
import { peakMb, serve } from '../side.mjs';
import * as task from './task.mjs';

const { adam, batch, context, depth, embed, headSize, image, patch, threads, vocabulary, width } = task;
const device = process.env.DEVICE ?? 'cpu';
const common = { depth, heads: width / headSize, width };

/** ViT 64 px patch 8 and a text transformer of 24 tokens, 4 + 4 layers, symmetric InfoNCE (Radford et al. 2021, figure 3). */
function clipLoss(s, { image, tokens }) {
  const v = vit(s.at('visual'), image, { ...common, patch });
  const t = textTransformer(s.at('text'), tokens, { ...common, context, vocabulary, pool: { eot: 'largest' } });
  const project = (name, x) => l2Normalize(linear(s.at(name), x, embed, { bias: false, init: normal(0.02) }));
  const scale = s.param('logit_scale', [], constant(Math.log(1 / 0.07))).exp();
  const logits = einsum('i e, j e -> i j', project('visual_proj', v), project('text_proj', t)).mul(scale);
  const target = s.trace.graph.constant(
    ndarray(
      'int32',
      [batch],
      Int32Array.from({ length: batch }, (_, i) => i),
    ),
  );
  return crossEntropy(logits, target).add(crossEntropy(logits.mT, target)).mul(0.5);
}

const inputs = {
  image: ndarray('float32', [batch, 3, image, image], task.images),
  tokens: ndarray('int32', [batch, context], task.tokens),
  lr: ndarray('float32', [], [adam.lr]),
};

/** The common first values; maps are kept as [out, in] here, and the patches' as [out, channel, y, x]. */
function firstValues() {
  const store = new Store();
  for (const [name, shape, data] of task.parameters) {
    const [rows, columns] = shape;
    const isMap = shape.length === 2 && name.endsWith('/weight') && name !== 'text/tokens/weight';
    const turned = Float32Array.from(data, (_, at) => data[(at % rows) * columns + Math.floor(at / rows)]);
    const kept = name === 'visual/patch/weight' ? [width, 3, patch, patch] : isMap ? [columns, rows] : shape;
    store.set(name, ndarray('float32', kept, isMap ? turned : data));
  }
  return store;
}

const { beta1, beta2, eps, weightDecay } = adam;
const optimizer = chain(adamW({ betas: [beta1, beta2], eps, weightDecay, decay: 1 })); // all parameters decay, as in the peers

const store = firstValues();
const started = performance.now();
const step = compile(
  (s, { image, tokens, lr }) => {
    const loss = clipLoss(s, { image, tokens });
    return { loss, ...minimize(s, loss, optimizer, { lr }) };
  },
  {
    store,
    device,
    threads,
    ...(process.env.PROFILE ? { profile: process.env.PROFILE } : {}),
  },
);
const { session, stats } = await step.program(inputs);
const createMs = performance.now() - started;
const inside = timeInside(session);
const gemm = async () => measureGemm({ threads, runs: 8 });

await serve({
  info: async () => ({ version: `bow2bot ${device}, onnxruntime ${ort.env.versions.node}`, createMs, ...stats }),
  steps: async (n) => {
    const times = [];
    const losses = [];
    inside.ms = 0;
    for (let i = 0; i < n; i++) {
      const t = performance.now();
      losses.push(Number((await step.run(inputs)).loss.data[0]));
      times.push(performance.now() - t);
    }
    const total = times.reduce((a, b) => a + b, 0);
    return { times, losses, overhead: (total - inside.share()) / total, peakMb: peakMb() };
  },
  gemm,
  close: () => step.close(),
});
