// One side of the comparison: the same files through transformers.js as its documentation has it. Speaks the protocol of ../side.mjs.
import { basename, dirname } from 'node:path';
import { AutoProcessor, CLIPVisionModelWithProjection, env, RawImage } from '@huggingface/transformers';
import { peakMb, serve } from '../side.mjs';
import { files, timed, unit } from './files.mjs';

env.allowRemoteModels = false;
env.localModelPath = `${dirname(process.env.MODEL)}/`;
const name = basename(process.env.MODEL);
const batch = Number(process.env.BATCH);
const processor = await AutoProcessor.from_pretrained(name);
const model = await CLIPVisionModelWithProjection.from_pretrained(name, { dtype: 'fp32', device: 'cpu' });

async function encode(list) {
  const rows = [];
  for (let at = 0; at < list.length; at += batch) {
    const images = await Promise.all(list.slice(at, at + batch).map((file) => RawImage.read(file)));
    const { image_embeds } = await model(await processor(images));
    const [n, width] = image_embeds.dims;
    for (let i = 0; i < n; i++) rows.push(image_embeds.data.slice(i * width, (i + 1) * width));
  }
  return rows;
}

const ready = await processor(await Promise.all(files.slice(0, batch).map((file) => RawImage.read(file))));

await serve({
  info: async () => {
    const vectors = (await encode(files.slice(0, batch))).slice(0, 4).map(unit);
    return { version: `transformers.js ${env.version}`, vectors };
  },
  files: async (count) => ({ ...(await timed(() => encode(files.slice(0, count)))), peakMb: peakMb() }),
  model: async () => await timed(() => model(ready)),
});
