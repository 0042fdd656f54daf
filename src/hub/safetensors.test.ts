import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { type ByteSource, byteSource, encodeSafetensors, readSafetensors, type TensorData } from './index.ts';
import { referenceFile, referenceMetadata, referenceTensors } from './testing/reference-file.ts';

/** A file from a header text (or value) and a number of data bytes. */
function file(header: unknown, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + dataBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  return out;
}

const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('reading', () => {
  test('a file of the reference implementation, every type', async () => {
    const st = await readSafetensors(referenceFile());
    expect([...st.names].sort()).toEqual([...referenceTensors.keys()].sort());
    expect(st.metadata).toEqual(referenceMetadata);
    for (const [name, t] of referenceTensors) {
      expect(await st.read(name)).toEqual(t);
      expect(st.info(name)).toEqual({ dtype: t.dtype, shape: t.shape, bytes: t.data.byteLength });
    }
  });

  test('from a Blob and from a Buffer that shares memory', async () => {
    for (const input of [new Blob([referenceFile() as Uint8Array<ArrayBuffer>]), Buffer.from(referenceFile())]) {
      const st = await readSafetensors(input);
      const { data } = await st.read('a/weight');
      expect(data).toEqual(referenceTensors.get('a/weight')!.data);
      data.fill(0 as never);
      expect((await st.read('a/weight')).data[0]).toBe(-0.5);
    }
  });

  test('as float32', async () => {
    const st = await readSafetensors(referenceFile());
    expect((await st.readFloat32('half')).data).toEqual(Float32Array.of(1, -0.333251953125, 65504));
    expect((await st.readFloat32('brain')).data).toEqual(Float32Array.of(1, -3.140625, 1.0002555517425873e30));
    expect((await st.readFloat32('b')).data).toEqual(Float32Array.of(1.5, -2.25));
    expect((await st.readFloat32('scalar')).data).toEqual(Float32Array.of(2.5));
    await expect(st.readFloat32('i')).rejects.toMatchObject({ code: 'dtype', place: 'memory:i' });
    await expect(st.readFloat32('q')).rejects.toMatchObject({ code: 'dtype' });
  });

  test('an unknown name is reported with the nearest one', async () => {
    const st = await readSafetensors(referenceFile());
    expect(() => st.info('a/wieght')).toThrow('did you mean "a/weight"?');
  });

  test('only the header is read before a tensor is asked for', async () => {
    const all = byteSource(referenceFile());
    const reads: number[] = [];
    const read: ByteSource['read'] = (offset, length) => {
      reads.push(length);
      return all.read(offset, length);
    };
    const st = await readSafetensors({ ...all, read });
    expect(reads).toEqual([8, 1080]);
    await st.read('k');
    expect(reads).toEqual([8, 1080, 6]);
  });

  test('members that the format does not know are ignored', async () => {
    const st = await readSafetensors(file({ a: { ...f32(0, 8), note: [{ x: [1.5, null, 'y'] }] } }, 8));
    expect(st.info('a').shape).toEqual([2]);
  });
});

describe('refusing', () => {
  const header = (h: object, bytes = 0): [Uint8Array] => [file(h, bytes)];
  const raw = (h: string, bytes = 0): [Uint8Array] => [file(h, bytes)];
  const cases: Record<string, [Uint8Array, string?]> = {
    'shorter than the 8 bytes': [new Uint8Array(5)],
    'larger than 100 MB': [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 32)],
    'reaches beyond the end': [file('{}').slice(0, 9)],
    'header is empty': [file('')],
    'not UTF-8': [Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 123, 34, 255, 34)],
    'does not start with {': raw(' {}'),
    'unexpected "x"': raw('{} x'),
    'the name "a" occurs twice': raw('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{}}', 4),
    'the name "dtype" occurs twice': raw('{"a":{"dtype":"F32","dtype":"F32"}}'),
    'expected "': header({ __metadata__: { step: 3 } }),
    'expected an object': header({ a: ['F32', [1], [0, 4]] }, 4),
    'is missing': header({ a: { dtype: 'F32', shape: [1] } }, 4),
    'unknown element type "F31"': header({ a: { dtype: 'F31', shape: [1], data_offsets: [0, 4] } }, 4),
    'a natural number, found "-1': header({ a: f32(0, 4, [-1]) }, 4),
    'a natural number, found "1.5': header({ a: f32(0, 4, [1.5]) }, 4),
    'a natural number, found "1e0': raw('{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', 4),
    'beyond 2^53': raw('{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}', 4),
    'implausibly large': header({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4),
    'whole bytes': header({ a: { dtype: 'F4', shape: [3], data_offsets: [0, 1] } }, 1),
    'not [begin, end]': header({ a: f32(4, 0, [1]) }, 4),
    'leaves a hole': header({ a: f32(0, 4), b: f32(8, 12) }, 12),
    'overlaps the tensor before it': header({ a: f32(0, 4), b: f32(0, 8) }, 8),
    'needs 12': header({ a: f32(0, 8, [3]) }, 8),
    'data is cut off': header({ a: f32(0, 8) }, 7),
    'left over': header({ a: f32(0, 8) }, 9),
    'nested deeper': raw(`{"a":{"x":${'['.repeat(5000)}`),
    'a string is broken': raw('{"a\n":{}}'),
  };
  for (const [what, [bytes]] of Object.entries(cases)) {
    test(what, async () => {
      const e = await readSafetensors(bytes, 'x.safetensors').catch((e: unknown) => e);
      expect(isBowError(e) && e.code).toBe('checkpoint');
      expect((e as Error).message).toContain(what);
      expect((e as { place: string }).place).toMatch(/^x\.safetensors/);
    });
  }

  test('a hostile prototype name is only a name', async () => {
    const st = await readSafetensors(
      file('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"__proto__":"x"}}', 1),
    );
    expect(st.names).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(st.metadata)).toBe(Object.prototype);
  });
});

/** Reads everything that can be read; returns the error, which must be a typed one, and the largest read that was asked for. */
async function readAll(bytes: Uint8Array): Promise<{ error: unknown; largest: number }> {
  const all = byteSource(bytes);
  let largest = 0;
  const source: ByteSource = {
    ...all,
    read: (offset, length) => {
      largest = Math.max(largest, length);
      return all.read(offset, length);
    },
  };
  try {
    const st = await readSafetensors(source);
    for (const name of st.names) await st.read(name);
    return { error: undefined, largest };
  } catch (error) {
    return { error, largest };
  }
}

describe('corruption', () => {
  const check = async (bytes: Uint8Array): Promise<void> => {
    const { error, largest } = await readAll(bytes);
    expect(largest).toBeLessThanOrEqual(Math.max(8, bytes.length));
    if (error === undefined) return;
    expect(isBowError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'checkpoint', place: expect.stringMatching(/^memory/) });
  };
  const reference = referenceFile();

  test('flipped bytes', async () => {
    const flip = fc.tuple(fc.nat(reference.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(flip, { minLength: 1, maxLength: 7 }), async (flips) => {
        const bytes = reference.slice();
        for (const [at, x] of flips) bytes[at]! ^= x;
        await check(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  test('every truncation is refused', async () => {
    for (let n = 0; n < reference.length; n++) {
      const { error } = await readAll(reference.slice(0, n));
      expect(error).toMatchObject({ code: 'checkpoint' });
    }
  });

  test('hostile headers', async () => {
    const number = fc.oneof(fc.nat(20), fc.constantFrom(-1, 1.5, 2 ** 31, 2 ** 53, 1e300), fc.maxSafeInteger());
    const tensor = fc.record(
      {
        dtype: fc.constantFrom('F32', 'U8', 'F4', 'I64', 'bogus', ''),
        shape: fc.array(number, { maxLength: 5 }),
        data_offsets: fc.array(number, { maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(fc.string(), fc.oneof({ weight: 9, arbitrary: tensor }, fc.jsonValue()), {
      maxKeys: 5,
    });
    await fc.assert(
      fc.asyncProperty(header, fc.nat(64), (h, bytes) => check(file(h, bytes))),
      { numRuns: 1000 },
    );
  });

  test('random bytes under a true length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0 1eE-.nul') }), (s) => check(file(`{${s}`, 3))),
      { numRuns: 1000 },
    );
  });
});

describe('writing', () => {
  test('gives the bytes of the reference implementation', () => {
    expect(encodeSafetensors(referenceTensors, { metadata: referenceMetadata })).toEqual(referenceFile());
  });

  test('the order of the tensors does not matter', () => {
    const backwards = new Map([...referenceTensors].reverse());
    expect(encodeSafetensors(backwards, { metadata: referenceMetadata })).toEqual(referenceFile());
  });

  test('what was written is read again', async () => {
    const tensor = fc
      .uint8Array({ maxLength: 23 })
      .map((data): TensorData => ({ dtype: 'uint8', shape: [data.length], data }));
    const name = fc
      .string({ unit: 'binary' })
      .filter((s) => new TextDecoder().decode(new TextEncoder().encode(s)) === s && s !== '__metadata__');
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, tensor), fc.dictionary(name, name), async (tensors, metadata) => {
        const st = await readSafetensors(encodeSafetensors(new Map(Object.entries(tensors)), { metadata }));
        expect(st.metadata).toEqual(metadata);
        for (const [n, t] of Object.entries(tensors)) expect(await st.read(n)).toEqual(t);
        expect(st.names.length).toBe(Object.keys(tensors).length);
      }),
    );
  });

  test('refuses what does not fit', () => {
    const write = (t: unknown, metadata = {}): unknown =>
      encodeSafetensors(new Map([['w', t as TensorData]]), { metadata });
    const data = new Float32Array(6);
    expect(() => write({ dtype: 'float32', shape: [5], data })).toThrow('24 bytes of data for a tensor of 20');
    expect(() => write({ dtype: 'float64', shape: [3], data })).toThrow('takes Float64Array');
    expect(() => write({ dtype: 'float32', shape: [-6], data })).toThrow('cannot have this shape');
    expect(() => write({ dtype: 'flaot32', shape: [6], data })).toThrow('did you mean "float32"?');
    expect(() => write({ dtype: 'float32', shape: [6], data }, { step: 3 })).toThrow('not a string');
  });
});
