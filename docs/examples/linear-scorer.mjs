// A system in one file: linear maps of pixels and of a bag of hashed words into one space, trained contrastively. docs/systems.md
//   bow2bot --systems docs/examples/linear-scorer.mjs train linear-scorer --data photos/ -o runs/mine
//   bow2bot --systems docs/examples/linear-scorer.mjs ladder runs/mine --data photos/
import { hash32 } from 'bow2bot/base';
import { compile, einsum, l2Normalize, ndarray } from 'bow2bot/engine';
import { CLIP_MEAN, CLIP_STD, clipPreprocessing, imageBatch } from 'bow2bot/image';
import { captionedImageSources, captionedImages } from 'bow2bot/kinds';
import { constant, embedding, linear, normal } from 'bow2bot/nn';
import { batched, clipLoss, defineSystem, plainLayout } from 'bow2bot/systems';
import { z } from 'zod';

const count = z.int().positive();

/** Ids of the first `context` words of each text; 0 is no word. Two words may share an id: the hashing trick. */
function hashedWords(texts, { context, buckets }) {
  const ids = new Int32Array(texts.length * context);
  texts.forEach((text, row) => {
    const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    for (const [i, word] of words.slice(0, context).entries())
      ids[row * context + i] = 1 + (hash32(word) % (buckets - 1));
  });
  return ids;
}

/** Unit vectors of images [b, 3, size, size]. */
function imageVectors(s, image, { size, embed }) {
  const pixels = image.reshape([image.dim(0), 3 * size * size]); //                      b 3·size²
  return l2Normalize(linear(s.at('image'), pixels, embed, { bias: false, init: normal(0.01) })); // b embed
}

/** Unit vectors of texts [b, context]: the sum of their words' rows. */
function textVectors(s, ids, { buckets, embed }) {
  const rows = embedding(s.at('words'), ids, { size: buckets, width: embed, init: normal(0.1) }); // b context embed
  const isWord = ids.greater(0).to(rows.dtype).unsqueeze(-1); //                                       b context 1
  return l2Normalize(rows.mul(isWord).sum(1)); //                                                 b embed
}

/** Cosines of all pairs of a batch, times a learned scale. */
function logitsOf(s, { image, tokens }, c) {
  const scale = s.param('logit_scale', [], constant(Math.log(10))).exp();
  return einsum('i e, j e -> i j', imageVectors(s, image, c), textVectors(s, tokens, c)).mul(scale);
}

/** What an open model can do: `encodeImages`, `encodeText`. */
function open({ config, store }, session) {
  const { size, embed, context } = config;
  const images = compile((s, { x }) => ({ y: imageVectors(s, x, config) }), { ...session, store });
  const texts = compile((s, { x }) => ({ y: textVectors(s, x, config) }), { ...session, store });
  const preprocessing = clipPreprocessing(size);
  const run = async (program, x) => (await program.run({ x })).y.data;
  return {
    id: 'linear-scorer',
    preprocessing,
    encodeImages: (list, o) =>
      batched(list, embed, (part) => {
        const { shape, data } = imageBatch(part, preprocessing);
        return run(images, ndarray('float32', [...shape], data));
      }, o),
    encodeText: (list, o) =>
      batched(list, embed, (part) =>
        run(texts, ndarray('int32', [part.length, context], hashedWords(part, config))), o),
    close: async () => {
      await images.close();
      await texts.close();
    },
  };
}

/** A sound config: what a file may claim at most. */
const config = z.strictObject({
  size: count.max(512),
  buckets: count.max(2 ** 20),
  context: count.max(512),
  embed: count.max(4096),
});

export const linearScorer = defineSystem({
  id: 'linear-scorer',
  title: 'Linear scorer: pixels and hashed words',
  paper: 'Example of docs/systems.md',
  variants: {
    tiny: { size: 16, buckets: 512, context: 16, embed: 32 },
    small: { size: 32, buckets: 4096, context: 32, embed: 64 },
  },
  config,
  layouts: [plainLayout('linear-scorer', config)], // config.json, and the weights under their own paths
  model: {
    inputs: ({ size, context }) => ({
      image: { dtype: 'float32', shape: [1, 3, size, size] },
      tokens: { dtype: 'int32', shape: [1, context] },
    }),
    trace: (s, inputs, config) => ({ logits: logitsOf(s, inputs, config) }),
  },
  resized: (config, size) => ({ ...config, size }),
  open,
  training: {
    data: captionedImages,
    presets: {
      default: { steps: 300, batchSize: 32, optimizer: { name: 'adamw', lr: 3e-3 }, evaluateEvery: 100 },
      smoke: { steps: 6, batchSize: 8, evaluateEvery: 6, checkpointEvery: 6 },
    },
    needs: ({ size }) => ({ size }),
    parts: (config) => ({ config, parts: null }),
    limits: { logit_scale: [0, Math.log(100)] },
    stages: [
      {
        id: 'contrastive',
        objectives: ({ config }, data) => ({
          contrastive: {
            trace: (s, batch) => ({ loss: clipLoss(logitsOf(s, batch, config), batch.group) }),
            ...captionedImageSources(data, {
              size: config.size,
              context: config.context,
              tokens: (texts) => hashedWords(texts, config),
              normalisation: { mean: CLIP_MEAN, std: CLIP_STD },
            }),
          },
        }),
      },
    ],
    card: { summary: 'Images and texts in one space by two linear maps.' },
  },
});
