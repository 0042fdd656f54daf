import { expect, test } from 'vitest';
import { z } from 'zod';
import { compile, type F, ndarray } from '../engine/index.ts';
import { memoryFiles } from '../hub/index.ts';
import { batched } from './batched.ts';
import { plainLayout } from './layouts.ts';

const layout = plainLayout('mine', z.strictObject({ width: z.int().min(1).max(64) }));

test('a plain layout reads the config that it writes, knows its own and refuses what the schema refuses', async () => {
  const written = layout.write({ config: { width: 5 }, parts: null });
  const files = memoryFiles(written);
  expect(await layout.recognises(files)).toBe(true);
  expect(await layout.config(files)).toEqual({ width: 5 });
  expect(await layout.recognises(memoryFiles({ 'config.json': '{"model_type":"clip"}' }))).toBe(false);
  expect(await layout.recognises(memoryFiles({ 'weights.bin': '' }))).toBe(false);
  const vast = memoryFiles({ 'config.json': '{"model_type":"mine","width":1000}' });
  await expect(layout.config(vast)).rejects.toMatchObject({ code: 'checkpoint', place: expect.stringContaining('config.json') }); // biome-ignore format: one line
});

test('batched takes the rows of a compiled function as they come, and nothing that is not rows', async () => {
  const double = compile((_, { x }: { x: F<'b d'> }) => ({ y: x.mul(2), wide: x.to('float64'), half: x.to('float16') }), { threads: 1 }); // biome-ignore format: one line
  const list = Array.from({ length: 11 }, (_, i) => i);
  const rows = async (part: readonly number[], name: 'y' | 'wide' | 'half') =>
    (
      await double.run({
        x: ndarray(
          'float32',
          [part.length, 2],
          part.flatMap((i) => [i, -i]),
        ),
      })
    )[name].data;
  expect(await batched(list, 2, (part) => rows(part, 'y'))).toEqual({ rows: 11, width: 2, data: Float32Array.from(list.flatMap((i) => [2 * i, -2 * i])) }); // biome-ignore format: one line
  expect((await batched(list, 2, (part) => rows(part, 'wide'))).data).toEqual(Float32Array.from(list.flatMap((i) => [i, -i]))); // biome-ignore format: one line
  await expect(batched(list, 2, (part) => rows(part, 'half'))).rejects.toMatchObject({ code: 'dtype' });
  await expect(batched(list, 3, (part) => rows(part, 'y'))).rejects.toMatchObject({ code: 'shape' });
  await double.close();
});
