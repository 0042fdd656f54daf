import fc from 'fast-check';
import type { GraphProto, NodeProto, TensorProto } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { isBowError, Rng } from '../../base/index.ts';
import { importOnnx, trace } from '../index.ts';
import { modelOf } from '../testing/node-cases.ts';
import { classifier, file, float, type Init, input, ints } from '../testing/onnx-files.ts';
import { ownNodeCases } from '../testing/own-node-cases.ts';

/** The typed error of a call; anything else fails. */
function refusal(f: () => unknown): string {
  try {
    f();
  } catch (e) {
    if (isBowError(e)) return `${e.code}: ${e.message}`;
    throw e;
  }
  throw new Error('nothing was refused');
}

describe('files and calls that cannot be', () => {
  const node = (inputs: string[], output: string): Init<NodeProto> => ({
    opType: 'Add',
    input: inputs,
    output: [output],
  });
  const load = (nodes: Init<NodeProto>[], graph: Init<GraphProto> = {}): string =>
    refusal(() => importOnnx(file(nodes, { input: [input('x')] as never, ...graph }), { place: 'm.onnx' }));

  test('cycles, unknown and repeated names', () => {
    expect(load([node(['x', 'b'], 'a'), node(['a', 'x'], 'b')])).toMatch(
      /checkpoint: tensor "\w" depends on itself \(at m.onnx: node/,
    );
    expect(load([node(['x', 'a'], 'a')])).toMatch(/depends on itself/);
    expect(load([node(['x', 'nowhere'], 'a')])).toMatch(/"nowhere" comes from nowhere/);
    expect(load([node(['x', 'x'], 'a'), node(['x', 'x'], 'a')])).toMatch(/made twice/);
    expect(load([node(['x', 'x'], 'x')])).toMatch(/made twice/);
    expect(load([], { output: [{ name: 'z' }] as never })).toMatch(/output "z" comes from nowhere/);
  });

  test('sizes that the bytes do not hold, before anything is allocated', () => {
    const wrong = (t: Init<TensorProto>): string =>
      load([], { initializer: [{ name: 'w', dataType: 1, ...t }] as never });
    expect(wrong({ dims: [2n ** 40n], rawData: float([1]) })).toMatch(/4 bytes do not hold \[1099511627776\]/);
    expect(wrong({ dims: [2n ** 62n, 2n ** 62n], rawData: float([1]) })).toMatch(/is no shape/);
    expect(wrong({ dims: [-3n], rawData: float([1]) })).toMatch(/is no shape/);
    expect(wrong({ dims: [3n], floatData: [1] })).toMatch(/1 values do not fill \[3\]/);
    expect(wrong({ dims: [1n], dataType: 8 })).toMatch(/element type 8 of ONNX is not supported/);
    expect(
      wrong({ dims: [1n], dataLocation: 1, externalData: [{ key: 'location', value: 'w.bin' }] as never }),
    ).toMatch(/lie in "w.bin"/);
  });

  test('an operator without mapping is named with node and operator set, and can be cut off', () => {
    const part = importOnnx(
      file(
        [
          { opType: 'Relu', input: ['x'], output: ['a'] },
          { opType: 'Frobnicate', input: ['a'], output: ['b'], name: 'odd' },
        ],
        { input: [input('x')] as never, output: [{ name: 'b' }] as never },
      ),
    );
    expect(part.unknown).toEqual(['Frobnicate']);
    const specs = { x: { dtype: 'float32', shape: [3] } } as const;
    expect(refusal(() => trace((s, i) => part(s.at('net'), i), specs))).toBe(
      'checkpoint: operator Frobnicate of opset 21 has no mapping (at node "net/odd")',
    );
    expect(trace((s, i) => part(s, i, { outputs: ['a'] }), specs).outputs.get('a')!.shape).toEqual([3]);
  });

  test('calls that do not fit', () => {
    const part = importOnnx(classifier());
    const call = (
      inputs: Record<string, { dtype: 'float32' | 'int32'; shape: number[] }>,
      outputs?: string[],
    ): string => refusal(() => trace((s, i) => part(s, i, outputs ? { outputs } : {}), inputs));
    expect(call({ x: { dtype: 'float32', shape: [5, 3] } })).toMatch(/shape: input "x" does not fit/);
    expect(call({ x: { dtype: 'int32', shape: [5, 2] } })).toMatch(/dtype: input "x" is int32/);
    expect(call({})).toMatch(/usage: input "x" of the imported model is missing/);
    expect(call({ z: { dtype: 'float32', shape: [5, 2] } })).toMatch(/unknown input "z"/);
    expect(call({ x: { dtype: 'float32', shape: [5, 2] } }, ['flatt'])).toMatch(
      /unknown tensor "flatt" \(did you mean "flat"/,
    );
  });

  test('damaged anywhere: a typed error or a model, nothing else', () => {
    const whole = classifier();
    const specs = { x: { dtype: 'float32', shape: [5, 2] } } as const;
    const survive = (bytes: Uint8Array): void => {
      try {
        const part = importOnnx(bytes);
        trace((s, i) => part(s, i), specs);
      } catch (e) {
        if (!isBowError(e)) throw e;
      }
    };
    for (let n = 0; n < whole.length; n += 3) survive(whole.subarray(0, n));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (flips) => {
          const bytes = whole.slice();
          for (const [at, value] of flips) bytes[at] = value;
          survive(bytes);
        },
      ),
      { numRuns: 1500, seed: 71 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), survive), { numRuns: 500, seed: 73 });
  });
});

test('damaged models of many operators: a typed error or a model, never more', () => {
  const rng = new Rng(79);
  for (const c of ownNodeCases) {
    const whole = modelOf(c, new Set(c.in_names.filter((name) => name !== '')));
    for (let run = 0; run < 200; run++) {
      const bytes = whole.slice();
      for (let flips = 1 + rng.int(4); flips > 0; flips--) bytes[rng.int(bytes.length)] = rng.int(256);
      try {
        const part = importOnnx(bytes);
        trace((s) => part(s, {}), {});
      } catch (e) {
        if (!isBowError(e)) throw e;
      }
    }
  }
});

test('values of long chains are looked for within bounds', () => {
  const n = 3000;
  const chain = Array.from({ length: n }, (_, i) => ({ opType: 'Abs', input: [`s${i}`], output: [`s${i + 1}`] }));
  const uses = Array.from({ length: n }, (_, i) => ({
    opType: 'Reshape',
    input: [i === 0 ? 'x' : `r${i - 1}`, `s${i + 1}`],
    output: [`r${i}`],
  }));
  const cast = { opType: 'Cast', input: ['w'], output: ['s0'], attribute: [{ name: 'to', type: 2, i: 7n }] };
  const initializer = [{ name: 'w', dims: [2n], dataType: 1, floatData: [2, 3] }];
  const bytes = file([cast, ...chain, ...uses], {
    input: [input('x')] as never,
    initializer: initializer as never,
    output: [{ name: `r${n - 1}` }] as never,
  });
  const started = performance.now();
  expect(refusal(() => trace((s, i) => importOnnx(bytes)(s, i), { x: { dtype: 'float32', shape: [6] } }))).toMatch(
    /must be known while the graph is built/,
  );
  expect(performance.now() - started).toBeLessThan(15_000);
});

test('ranks, repeated attributes, two versions of one domain and none', () => {
  const relu = { opType: 'Relu', input: ['w'], output: ['y'] };
  const weight = { name: 'w', dims: [1n], dataType: 1, floatData: [1] };
  const load = (node: Init<NodeProto>, w: Init<TensorProto> = weight, opset = 21n): string => {
    const bytes = file([node], { initializer: [w] as never, output: [{ name: 'y' }] as never }, opset);
    return refusal(() => trace((s) => importOnnx(bytes)(s, {}), {}));
  };
  expect(load(relu, { ...weight, dims: new Array(1000).fill(1n) })).toMatch(/… 1000 numbers\] is no shape/);
  const twice = [1, 1].map(() => ({ name: 'alpha', type: 1, f: 1 }));
  expect(load({ ...relu, opType: 'Elu', attribute: twice } as never)).toMatch(/attribute "alpha" is given twice/);
  expect(load({ ...relu, opType: 'Elu', attribute: [{ name: 'alpha', type: 5 }] } as never)).toMatch(
    /attribute "alpha" is not a number/,
  );
  expect(load(relu, weight, 2n ** 40n)).toMatch(/operator set 1099511627776 is not known/);
  expect(load({ ...relu, domain: 'org.example' })).toMatch(/org.example:Relu of opset 1 has no mapping/);
});

test.each([
  ['Range', [0, 2 ** 40, 1]],
  ['ConstantOfShape', [2 ** 50]],
  ['ConstantOfShape', [2 ** 20, 2 ** 20]],
  ['OneHot', [3, 2 ** 40]],
  ['Expand', [1, 2 ** 45]],
  ['Tile', [1, 2 ** 45]],
])('%s of a size out of all proportion is refused', (opType, values) => {
  const names = values.map((_, i) => `c${i}`);
  const scalar = (name: string, v: number): Init<TensorProto> => ({
    name,
    dims: [],
    dataType: 7,
    int64Data: [BigInt(v)],
  });
  const list = opType === 'ConstantOfShape' ? [ints('c0', values)] : opType === 'Range' ? names.map((n, i) => scalar(n, values[i]!)) : [ints('c0', [values[0]!]), ints('c1', [values[1]!])]; // biome-ignore format: one line
  const onOff = opType === 'OneHot' ? [ints('v', [0, 1])] : [];
  const input = [...list, ...onOff].map((t) => t.name as string);
  const bytes = file([{ opType, input, output: ['y'] }], { initializer: [...list, ...onOff] as never, output: [{ name: 'y' }] as never }); // biome-ignore format: one line
  const started = process.memoryUsage().rss;
  expect(refusal(() => trace((s) => importOnnx(bytes)(s, {}), {}))).toMatch(
    /out of proportion|no shape to compute with/,
  );
  expect(process.memoryUsage().rss - started).toBeLessThan(2 ** 27);
});
