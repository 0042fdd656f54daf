// One side of the CLIP-tiny comparison: the step of bow2bot. Speaks the protocol of ../side.mjs: after "ready", every line on stdin is a number
// of steps to run; the answer is a JSON line with their times in milliseconds.

import { Rng } from 'bow2bot/base';
import { compile, einsum, l2Normalize, measureGemm, ndarray, Store } from 'bow2bot/engine';
import { adamW, chain, constant, crossEntropy, linear, minimize, normal, textTransformer, vit } from 'bow2bot/nn';
import { serve } from '../side.mjs';

const width = Number(process.env.WIDTH ?? 192);
const batch = Number(process.env.BATCH ?? 64);
const device = process.env.DEVICE ?? 'cpu';
const [image, patch, context, vocabulary, depth, embed] = [64, 8, 24, 1000, 4, 128];
const common = { depth, heads: width / 64, width };

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

const rng = new Rng(1);
const inputs = {
  image: ndarray(
    'float32',
    [batch, 3, image, image],
    Float32Array.from({ length: batch * 3 * image ** 2 }, () => rng.normal()),
  ),
  tokens: ndarray(
    'int32',
    [batch, context],
    Int32Array.from({ length: batch * context }, (_, i) =>
      i % context === context - 1 ? vocabulary - 1 : rng.int(vocabulary - 1),
    ),
  ),
  lr: ndarray('float32', [], [5e-4]),
};
const optimizer = chain(adamW({ betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.2 }));
const started = performance.now();
const step = compile(
  (s, { image, tokens, lr }) => {
    const loss = clipLoss(s, { image, tokens });
    return { loss, ...minimize(s, loss, optimizer, { lr }) };
  },
  {
    store: new Store(1),
    device,
    threads: Number(process.env.THREADS ?? 2),
    ...(process.env.PROFILE ? { profile: process.env.PROFILE } : {}),
  },
);
const { stats, session } = await step.program(inputs);
const createMs = performance.now() - started;
let inside = 0;
const run = session.run;
session.run = async (...args) => {
  const t = performance.now();
  try {
    return await run(...args);
  } finally {
    inside += performance.now() - t;
  }
};

await serve({
  info: async () => ({
    side: `bow2bot ${device}`,
    width,
    batch,
    createMs,
    ...stats,
    gemm: await measureGemm({ threads: 2, runs: 6 }),
  }),
  steps: async (n) => {
    const times = [];
    const losses = [];
    inside = 0;
    for (let i = 0; i < n; i++) {
      const t = performance.now();
      losses.push(Number((await step.run(inputs)).loss.data[0]));
      times.push(performance.now() - t);
    }
    const total = times.reduce((a, b) => a + b, 0);
    return { times, losses, overhead: (total - inside) / total, rssMb: process.memoryUsage().rss / 2 ** 20 };
  },
  gemm: async () => measureGemm({ threads: 2, runs: 6 }),
  close: () => step.close(),
});
