import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ort from '#ort';
import { toolFolder } from '../../base/testing/node/tools.ts';
import { linear, normal, textTransformer, vit } from '../../nn/index.ts';
import {
  compile,
  exportOnnx,
  type F,
  type I,
  type InputSpec,
  importOnnx,
  l2Normalize,
  type ModelFunction,
  type NdArray,
  ndarray,
  oneHot,
  Store,
  trace,
} from '../index.ts';
import { toRef } from '../interpret.ts';
import { exportOnnxFile, importOnnxFile } from '../node/index.ts';
import { relativeError } from '../testing/check.ts';

/** Two small towers and their similarity with fixed classes: reshapes, broadcasts, pooled tokens, several outputs. */
const towers: ModelFunction = (s, { image, tokens }) => {
  const seen = vit(s.at('visual'), image as F, { patch: 4, width: 24, depth: 2, heads: 3 } as never) as F;
  const read = textTransformer(s.at('text'), tokens as I, {
    vocabulary: 29,
    context: 7,
    width: 24,
    depth: 1,
    heads: 2,
  });
  const [p, q] = [linear(s.at('p'), seen, 11), linear(s.at('q'), read, 11)].map((t) => l2Normalize(t));
  const classes = s.param('classes', [5, 11], normal(1));
  return { image_embeds: p!, text_embeds: q!, similarity: p!.mul(q!).sum(-1), logits: p!.matmul(classes.mT) };
};
const specs: Record<string, InputSpec> = {
  image: { dtype: 'float32', shape: [1, 3, 8, 8] },
  tokens: { dtype: 'int64', shape: [1, 7] },
};

function batchOf(n: number): Record<string, NdArray> {
  const pixels = Float32Array.from({ length: n * 192 }, (_, i) => Math.sin(i * 0.37));
  const ids = Array.from({ length: n * 7 }, (_, i) => (i * 13) % 29);
  return { image: ndarray('float32', [n, 3, 8, 8], pixels), tokens: ndarray('int64', [n, 7], ids) };
}

let store: Store;
const wanted = new Map<number, Record<string, NdArray>>();
beforeAll(async () => {
  store = new Store(11);
  const model = compile(towers, { store, threads: 1 });
  for (const n of [1, 5]) wanted.set(n, await model.run(batchOf(n)));
  await model.close();
});

/** A plain session of a runtime, given what it takes and returns. */
type Runtime = Pick<typeof ort, 'InferenceSession' | 'Tensor'>;

async function agrees(runtime: Runtime, model: Uint8Array | string): Promise<void> {
  const session = await runtime.InferenceSession.create(model as string);
  expect(session.inputNames).toEqual(['image', 'tokens']);
  expect(session.outputNames).toEqual(['image_embeds', 'text_embeds', 'similarity', 'logits']);
  for (const [n, outputs] of wanted) {
    const feeds = Object.entries(batchOf(n)).map(([name, a]) => [
      name,
      new runtime.Tensor(a.dtype as 'float32', a.data as Float32Array, a.shape),
    ]);
    const got = await session.run(Object.fromEntries(feeds));
    for (const [name, a] of Object.entries(outputs)) {
      expect(got[name]!.dims).toEqual(a.shape);
      const found = { dtype: a.dtype, shape: a.shape, data: got[name]!.data } as NdArray;
      expect(relativeError(found, toRef(a)), `${name} of batch ${n}`).toBeLessThan(1e-5);
    }
  }
  await session.release();
}

describe('a model with a free batch axis', () => {
  test('runs alone in onnxruntime for one and for five', async () => {
    const bytes = exportOnnx(towers, { store, inputs: specs, name: 'towers', metadata: { author: 'nobody' } });
    await agrees(ort, bytes);
    const model = fromBinary(ModelProtoSchema, bytes);
    expect(model.graph!.name).toBe('towers');
    expect(model.metadataProps.map((p) => [p.key, p.value])).toEqual([['author', 'nobody']]);
    expect(model.opsetImport.map((o) => o.domain)).toEqual(['']);
    const names = model.graph!.initializer.map((t) => t.name);
    for (const [path] of store.entries()) expect(names).toContain(path);
    const dims = model.graph!.input[0]!.type!.value.value as { shape: { dim: { value: unknown }[] } };
    expect(dims.shape.dim[0]!.value).toEqual({ case: 'dimParam', value: 'batch' });
  });

  const web = toolFolder('onnxruntime-web');
  test.skipIf(!web)('runs in another build of a runtime, WebAssembly (needs onnxruntime-web of tools/)', async () => {
    const runtime = (await import(pathToFileURL(`${web}/dist/ort.wasm.min.mjs`).href)) as unknown as Runtime & {
      env: typeof ort.env;
    };
    runtime.env.wasm.numThreads = 1;
    await agrees(runtime, exportOnnx(towers, { store, inputs: specs }));
  });

  test('comes back through the import', async () => {
    const part = importOnnx(exportOnnx(towers, { store, inputs: specs }));
    const model = compile((s, inputs) => part(s, inputs), { threads: 1 });
    const found = await model.run(batchOf(5));
    for (const [name, a] of Object.entries(wanted.get(5)!))
      expect(relativeError(found[name]!, toRef(a))).toBeLessThan(1e-5);
    await model.close();
  });

  test('what grows with the batch is computed in the model', async () => {
    const fn: ModelFunction = (s, { x }: { x: F<'n 3'> }) => {
      const n = x.dim(0);
      const wide = s.param('w', [1, 3], normal(1)).expand([n, 3]).add(x); // n 3
      return { tail: wide.reshape([n * 3]).slice(0, 0, 2 * n), pairs: wide.expand([2, n, 3]) };
    };
    const inputs: Record<string, InputSpec> = { x: { dtype: 'float32', shape: [1, 3] } };
    const one = new Store(1);
    const plain = compile(fn, { store: one, threads: 1 });
    const x = ndarray('float32', [4, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const outputs = await plain.run({ x });
    const session = await ort.InferenceSession.create(exportOnnx(fn, { store: one, inputs }));
    const got = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
    for (const name of ['tail', 'pairs']) expect(got[name]!.data).toEqual(outputs[name]!.data);
    await session.release();
    await plain.close();
  });

  test('a fixed size, and inputs that have no batch', async () => {
    const fn: ModelFunction = (_s, { x, table }) => ({ y: x!.matmul(table!), m: x!.mean() });
    const inputs: Record<string, InputSpec> = {
      x: { dtype: 'float32', shape: [2, 3] },
      table: { dtype: 'float32', shape: [3, 5] },
    };
    const o = { store: new Store(), inputs };
    const still = fromBinary(ModelProtoSchema, exportOnnx(fn, { ...o, freeBatch: false }));
    const free = fromBinary(ModelProtoSchema, exportOnnx(fn, { ...o, freeBatch: 'n', fixed: ['table'] }));
    const first = (m: typeof still, i: number): unknown =>
      (m.graph!.input[i]!.type!.value.value as { shape: { dim: { value: { value: unknown } }[] } }).shape.dim[0]!.value
        .value;
    expect([first(still, 0), first(free, 0), first(free, 1)]).toEqual([2n, 'n', 3n]);
  });
});

describe('what cannot be exported', () => {
  const inputs: Record<string, InputSpec> = { x: { dtype: 'float32', shape: [1, 3] } };
  const refuse = (fn: ModelFunction, message: RegExp): void => {
    expect(() => exportOnnx(fn, { store: new Store(), inputs })).toThrow(message);
  };

  test('says why', () => {
    refuse((_s, { x }) => ({ y: x!.mul(1 / x!.dim(0)) }), /a constant of Mul depends on the batch size/);
    refuse(
      (_s, { x }) => ({ y: x!.add(x!.dim(0) % 3 === 1 ? x!.exp() : x!) }),
      /built differently for every batch size/,
    );
    refuse((s, { x }) => ({ y: x!.add(s.noise('n', [3])) }), /cannot draw noise/);
    refuse((_s, { x }) => ({ x: x!.add(1) }), /"x" is the name of an input and of an output/);
    refuse((s, { x }) => ({ y: x!.add(s.param('w', [3], normal(1))) }), /unknown parameter "w"/);
    refuse((_s, { x }) => ({ y: oneHot(x!.to('int32'), x!.dim(0), 'float32') }), /a constant of Equal depends/);
    expect(() =>
      exportOnnx(
        (s, { x }: { x: F }) => {
          s.update(s.state('w', [3], normal(1)), (w) => w.add(x.sum(0)));
          return { y: x };
        },
        { store: new Store(), inputs },
      ),
    ).toThrow(/cannot change its state/);
  });
});

describe('weights in a second file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bow2bot-export-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('aligned, read by onnxruntime and by the import', async () => {
    const path = join(folder, 'towers.onnx');
    const paths = await exportOnnxFile(towers, { store, inputs: specs, path, externalAbove: 10_000 });
    expect(paths).toEqual([path, `${path}.data`]);
    expect((await stat(path)).size).toBeLessThan((await stat(`${path}.data`)).size);
    await agrees(ort, path);
    const part = await importOnnxFile(path);
    const { trace: t } = trace((s, i) => part(s, i), { ...specs });
    const { spec } = t.params.get('classes')!;
    const out = new Float32Array(55);
    spec.init(out, spec.shape, undefined as never);
    expect(out).toEqual(store.get('classes').data);
  });

  test('one file when the weights are small', async () => {
    const path = join(folder, 'one.onnx');
    expect(await exportOnnxFile(towers, { store, inputs: specs, path })).toEqual([path]);
    await agrees(ort, path);
  });
});
