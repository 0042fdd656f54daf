// One side of the comparison: files through `encodeImageRecords`, as `bow2bot index` and `bow2bot ladder` send them. Speaks the protocol of ../side.mjs.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { encodeImageRecords } from 'bow2bot/data/node';
import { imageDecoder } from 'bow2bot/image/node';
import { openModel } from 'bow2bot/systems/node';
import { peakMb, serve } from '../side.mjs';
import { files, timed, unit } from './files.mjs';

const batch = Number(process.env.BATCH);
const system = await openModel(process.env.MODEL);
const record = (file) => ({ id: file, place: file, captions: [], fields: {}, read: () => readFile(file) });

async function encode(list) {
  const rows = [];
  for await (const { vectors } of encodeImageRecords(system, list.map(record), { batch })) {
    const { width } = vectors;
    for (let i = 0; i < vectors.rows; i++) rows.push(vectors.data.slice(i * width, (i + 1) * width));
  }
  return rows;
}

const { size } = system.model.config.visual;
const squares = Array.from({ length: batch }, (_, i) => ({
  width: size,
  height: size,
  data: new Uint8Array(3 * size * size).fill(i),
}));

await serve({
  info: async () => {
    const { name } = await imageDecoder();
    const vectors = (await encode(files.slice(0, batch))).slice(0, 4).map(unit);
    return { version: `bow2bot, ${name}, ${availableParallelism()} threads`, vectors };
  },
  files: async (count) => ({ ...(await timed(() => encode(files.slice(0, count)))), peakMb: peakMb() }),
  model: async () => await timed(() => system.encodeImages(squares)),
});
