import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compile, type DType, fromNumbers, grad, importOnnx, type NdArray, Store } from '../index.ts';
import { relativeError } from '../testing/check.ts';
import expected from '../testing/torch-export/expected.json' with { type: 'json' };

type Expected = {
  readonly inputs: Readonly<Record<string, { dtype: string; shape: readonly number[]; values: readonly number[] }>>;
  readonly outputs: readonly (readonly number[])[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
};

test.each(Object.keys(expected) as (keyof typeof expected)[])(
  'a model exported by PyTorch, %s: its outputs and all gradients',
  async (name) => {
    const wanted: Expected = expected[name];
    const part = importOnnx(await readFile(`src/engine/testing/torch-export/${name}.onnx`), { place: name });
    expect(part.unknown).toEqual([]);
    const step = compile(
      (s, inputs) => {
        const outputs = part(s, inputs, { frozen: false });
        const params = s.trainable((path) => path in wanted.gradients);
        const gradients = grad(outputs[part.outputs[0]!]!.sum(), [...params.values()]);
        return { ...outputs, ...Object.fromEntries([...params.keys()].map((path, i) => [`d ${path}`, gradients[i]!])) };
      },
      { store: new Store(), threads: 1 },
    );
    const inputs = Object.entries(wanted.inputs).map(([key, a]): [string, NdArray] => {
      const dtype = a.dtype as DType;
      return [key, { dtype, shape: a.shape, data: fromNumbers(dtype, a.values) }];
    });
    const found = await step.run(Object.fromEntries(inputs));
    const error = (key: string, values: readonly number[]): number =>
      relativeError(found[key]!, { shape: found[key]!.shape, data: Float64Array.from(values) });
    wanted.outputs.forEach((values, i) => expect(error(part.outputs[i]!, values)).toBeLessThan(1e-5));
    const paths = Object.keys(wanted.gradients);
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) expect(error(`d ${path}`, wanted.gradients[path]!), path).toBeLessThan(1e-3);
    await step.close();
  },
);
