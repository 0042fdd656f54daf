// The CLIP-tiny step as all sides run it: sizes, first values of the parameters, and data, the same for every side. The model is that of
// `bow2bot.mjs`: a pre-norm ViT (64 px, patch 8, class token) and a causal text transformer (24 tokens, read at the last), 4 blocks each, exact
// gelu, symmetric InfoNCE (Radford et al. 2021, figure 3), AdamW.
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

/** Shapes of all parameters by bow2bot's names; matrices are [in, out] here. */
function shapes() {
  const list = { logit_scale: [], 'text/tokens/weight': [vocabulary, width], 'text/positions': [context, width] };
  const map = (name, from, to) => Object.assign(list, { [`${name}/weight`]: [from, to], [`${name}/bias`]: [to] });
  const norm = (name) => Object.assign(list, { [`${name}/weight`]: [width], [`${name}/bias`]: [width] });
  map('visual/patch', 3 * patch ** 2, width);
  Object.assign(list, { 'visual/class_token': [width], 'visual/positions': [patches + 1, width] });
  for (const tower of ['visual', 'text']) {
    for (let i = 0; i < depth; i++) {
      const at = `${tower}/blocks/${i}`;
      for (const name of ['q', 'k', 'v', 'out']) map(`${at}/attn/${name}`, width, width);
      map(`${at}/mlp/fc1`, width, 4 * width);
      map(`${at}/mlp/fc2`, 4 * width, width);
      norm(`${at}/ln1`);
      norm(`${at}/ln2`);
    }
    norm(`${tower}/norm`);
    list[`${tower}_proj/weight`] = [width, embed];
  }
  return list;
}

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

/** Matrices are normal with deviation 0.02 (1/√in in the blocks, where small values would hide errors), gains 1, biases 0. */
function firstValue(name, shape) {
  const size = shape.reduce((a, b) => a * b, 1);
  if (name === 'logit_scale') return Float32Array.of(Math.log(1 / 0.07));
  if (name.endsWith('/bias')) return new Float32Array(size);
  if (shape.length === 1 && name.endsWith('/weight')) return new Float32Array(size).fill(1);
  return normals(size, name.includes('/blocks/') ? shape[0] ** -0.5 : 0.02);
}

/** First values of all parameters: [name, shape, data]. */
export const parameters = Object.entries(shapes()).map(([name, shape]) => [name, shape, firstValue(name, shape)]);

/** Pixels [batch, 3, image, image]. */
export const images = normals(batch * 3 * image ** 2, 1);

/** Token ids [batch, context]; the last of each row is the end of text, the largest id. */
export const tokens = Int32Array.from({ length: batch * context }, (_, i) =>
  i % context === context - 1 ? vocabulary - 1 : Math.floor(random() * (vocabulary - 1)),
);

/** The images cut into rows of patches [batch · patches, 3 · patch²], once: the cutting is no part of the comparison. */
export function patchRows() {
  const side = image / patch;
  return Float32Array.from({ length: images.length }, (_, at) => {
    const [x, y, c] = [at % patch, Math.floor(at / patch) % patch, Math.floor(at / patch ** 2) % 3];
    const row = Math.floor(at / (3 * patch ** 2));
    const [column, line, b] = [row % side, Math.floor(row / side) % side, Math.floor(row / patches)];
    return images[((b * 3 + c) * image + line * patch + y) * image + column * patch + x];
  });
}
