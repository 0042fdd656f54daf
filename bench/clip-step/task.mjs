// The CLIP-tiny step as all sides run it: sizes, the shapes of the parameters, and random data. The model is that of `bow2bot.mjs`: a pre-norm ViT
// (64 px, patch 8, class token) and a causal text transformer (24 tokens, read at the last), 4 blocks each, exact gelu, symmetric InfoNCE
// (Radford et al. 2021, figure 3), AdamW.
export const width = Number(process.env.WIDTH ?? 192);
export const batch = Number(process.env.BATCH ?? 64);
export const threads = Number(process.env.THREADS ?? 2);
/** Whether the last block is computed for the token that is read only, as bow2bot's `pick` does, or for all tokens. */
export const pick = process.env.PICK !== '0';
export const [image, patch, context, vocabulary, depth, embed] = [64, 8, 24, 1000, 4, 128];
export const headSize = 64;
export const heads = width / headSize;
export const patches = (image / patch) ** 2;
export const adam = { lr: 5e-4, beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2 };

/** Shapes of all parameters by name, with the deviation of their first values (0 and 1 stand for constants). */
export function parameters() {
  const list = { patch: [3 * patch ** 2, width], patch_bias: [width], class_token: [1, 1, width] };
  Object.assign(list, { visual_positions: [patches + 1, width], tokens: [vocabulary, width] });
  Object.assign(list, { text_positions: [context, width], logit_scale: [] });
  for (const tower of ['visual', 'text']) {
    for (let i = 0; i < depth; i++) {
      const at = `${tower}${i}_`;
      for (const name of ['q', 'k', 'v', 'out']) {
        list[`${at}${name}`] = [width, width];
        list[`${at}${name}_bias`] = [width];
      }
      Object.assign(list, { [`${at}fc1`]: [width, 4 * width], [`${at}fc1_bias`]: [4 * width] });
      Object.assign(list, { [`${at}fc2`]: [4 * width, width], [`${at}fc2_bias`]: [width] });
      for (const name of ['ln1', 'ln2']) Object.assign(list, { [at + name]: [width], [`${at}${name}_bias`]: [width] });
    }
    Object.assign(list, { [`${tower}_ln`]: [width], [`${tower}_ln_bias`]: [width], [`${tower}_proj`]: [width, embed] });
  }
  return list;
}

/** A first value for the parameter: matrices are normal with deviation 0.02, gains 1, biases 0. */
export function firstValue(name, shape) {
  const size = shape.reduce((a, b) => a * b, 1);
  if (name === 'logit_scale') return Float32Array.of(Math.log(1 / 0.07));
  if (name.endsWith('_bias')) return new Float32Array(size);
  if (/ln\d?$/.test(name)) return new Float32Array(size).fill(1);
  return normals(size, 0.02);
}

/** Pixels of a batch, already as rows of patches [batch · patches, 3 · patch²]: what a side does to cut them is not part of the comparison. */
export const patchRows = () => normals(batch * patches * 3 * patch ** 2, 1);

/** Token ids [batch, context]; the last of each row is the end of text, the largest id. */
export const tokenIds = () =>
  Int32Array.from({ length: batch * context }, (_, i) =>
    i % context === context - 1 ? vocabulary - 1 : Math.floor(random() * (vocabulary - 1)),
  );

let state = 1;

/** Uniform in [0, 1): a mixed counter, good enough for data that nothing is learnt from. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

function normals(size, deviation) {
  return Float32Array.from(
    { length: size },
    () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
