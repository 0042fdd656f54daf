// What both sides read: photographs as JPEG files, and a ViT-B/32 with random weights as our own folder and as ONNX in a folder for transformers.js.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Rng } from 'bow2bot/base';
import { exportOnnx, Store, trace } from 'bow2bot/engine';
import { clipPreprocessing } from 'bow2bot/image';
import { clipSystem, clipVariants, encodeImage, traceClip } from 'bow2bot/systems';
import { saveModel } from 'bow2bot/systems/node';
import { trainClipTokenizer } from 'bow2bot/text';
import { createRenderer, sampleScene, sceneCamera } from 'bow2bot/world';

const float = (...shape) => ({ dtype: 'float32', shape });

/** Scenes of the tabletop, 640 × 480, as a camera would keep them. */
export async function makeImages(folder, count) {
  const { default: sharp } = await import('sharp');
  await mkdir(folder, { recursive: true });
  const rng = new Rng('clip-images');
  const renderer = createRenderer();
  for (let i = 0; i < count; i++) {
    const scene = sampleScene(rng.split(`scene ${i}`));
    const size = { width: 640, height: 480 };
    const { rgb } = renderer.render(scene, sceneCamera(scene, rng), { ...size, quality: 'standard' });
    const noisy = Uint8Array.from(rgb, (x) => Math.min(255, Math.max(0, x + rng.int(13) - 6))); // grain, as photographs have
    await sharp(noisy, { raw: { ...size, channels: 3 } })
      .jpeg({ quality: 90 })
      .toFile(join(folder, `${i}.jpg`));
  }
}

/** The vision tower of ViT-B/32; the text tower, which nobody asks, is small. */
export async function makeModels(ours, theirs) {
  const tokenizer = trainClipTokenizer(['a photo of a cat'], { vocabulary: 520 });
  const full = clipVariants['ViT-B/32'];
  const text = { ...full.text, depth: 1, vocabulary: tokenizer.vocabulary };
  const config = { ...full, text };
  const { size } = config.visual;
  const store = new Store(1);
  const inputs = { image: float(1, 3, size, size), tokens: { dtype: 'int32', shape: [1, text.context] } };
  const { trace: t } = trace((s, x) => ({ loss: traceClip(s, x, config).loss }), inputs);
  for (const { spec } of t.params.values()) store.ensure(spec);
  const parts = { tokenizer, pad: tokenizer.endOfText, pixels: clipPreprocessing(config.visual.size) };
  const model = { config, store, parts };
  await saveModel(clipSystem, ours, model);
  await saveModel(clipSystem, theirs, model);
  await mkdir(join(theirs, 'onnx'));
  const onnx = exportOnnx((s, x) => ({ image_embeds: encodeImage(s, x.pixel_values, config) }), {
    store,
    inputs: { pixel_values: float(1, 3, size, size) },
  });
  await writeFile(join(theirs, 'onnx', 'vision_model.onnx'), onnx);
}
