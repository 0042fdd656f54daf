// Writes parameters, images and tokens of `task.mjs` to stdout for a side that is not JavaScript: a line of JSON with names, types and shapes in order,
// then their bytes.
import { batch, context, image, images, parameters, tokens } from './task.mjs';

const all = [...parameters, ['images', [batch, 3, image, image], images], ['tokens', [batch, context], tokens]];
const head = all.map(([name, shape, data]) => ({
  name,
  shape,
  type: data instanceof Int32Array ? 'int32' : 'float32',
}));
process.stdout.write(`${JSON.stringify(head)}\n`);
for (const [, , data] of all) process.stdout.write(new Uint8Array(data.buffer));
