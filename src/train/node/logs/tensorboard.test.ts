import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { crc32c, maskedCrc32c } from './crc32c.ts';
import { openTensorboard } from './tensorboard.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-tb-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A protobuf message by field number, read by hand and independently of the writer; length-delimited fields stay bytes. */
type Message = Record<number, (number | Buffer)[]>;

function message(b: Buffer): Message {
  const out: Message = {};
  let at = 0;
  const varint = (): number => {
    let n = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = b.readUInt8(at++);
      n |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, n));
    }
  };
  const take = (n: number): Buffer => {
    at += n;
    return b.subarray(at - n, at);
  };
  const value: Record<number, () => number | Buffer> = {
    0: varint,
    1: () => take(8).readDoubleLE(),
    2: () => take(varint()),
    5: () => take(4).readFloatLE(),
  };
  while (at < b.length) {
    const key = varint();
    const list = out[key >> 3] ?? [];
    out[key >> 3] = list;
    list.push(value[key & 7]!());
  }
  return out;
}

const child = (m: Message, field: number): Message => message(m[field]![0] as Buffer);
const text = (m: Message, field: number): string => String(m[field]![0]);

/** Events of a file; every checksum is checked. */
async function events(path: string): Promise<Message[]> {
  const b = await readFile(path);
  const out: Message[] = [];
  for (let at = 0; at < b.length; ) {
    const n = Number(b.readBigUInt64LE(at));
    expect(b.readUInt32LE(at + 8)).toBe(maskedCrc32c(b.subarray(at, at + 8)));
    const data = b.subarray(at + 12, at + 12 + n);
    expect(b.readUInt32LE(at + 12 + n)).toBe(maskedCrc32c(data));
    out.push(message(data));
    at += n + 16;
  }
  return out;
}

const doubles = (b: Buffer): number[] => Array.from({ length: b.length / 8 }, (_, i) => b.readDoubleLE(8 * i));

test('CRC-32C of the test vectors of RFC 3720 §B.4', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
});

test('the file is named and begins as TensorBoard expects', async () => {
  using log = openTensorboard(folder, { now: () => 1700000000.5 });
  const [name] = await readdir(folder);
  expect(name).toMatch(new RegExp(`^events\\.out\\.tfevents\\.1700000000\\.${hostname()}\\.${process.pid}\\.\\d+$`));
  const [first, ...rest] = await events(log.path);
  expect(rest).toEqual([]);
  expect(first![1]).toEqual([1700000000.5]);
  expect(text(first!, 3)).toBe('brain.Event:2');
});

describe('values', () => {
  test('scalars', async () => {
    using log = openTensorboard(folder);
    log.scalar('train/loss', 0.75, 3);
    log.scalar('train/loss', -2, 2 ** 40);
    const [, a, b] = await events(log.path);
    const value = child(child(a!, 5), 1);
    expect([a![2], text(value, 1), value[2]]).toEqual([[3], 'train/loss', [0.75]]);
    expect([b![2], child(child(b!, 5), 1)[2]]).toEqual([[2 ** 40], [-2]]);
  });

  test('images', async () => {
    using log = openTensorboard(folder);
    log.image('seen', { width: 7, height: 5, channels: 3, bytes: Uint8Array.of(1, 2, 3) }, 11);
    const image = child(child(child((await events(log.path))[1]!, 5), 1), 4);
    expect(image).toEqual({ 1: [5], 2: [7], 3: [3], 4: [Buffer.from([1, 2, 3])] });
  });

  test('texts', async () => {
    using log = openTensorboard(folder);
    log.text('recipe', '**é**', 0);
    const value = child(child((await events(log.path))[1]!, 5), 1);
    expect(child(value, 8)[1]).toEqual([7]);
    expect(text(child(value, 8), 8)).toBe('**é**');
    expect(child(child(child(value, 8), 2), 2)).toEqual({ 1: [1] });
    expect(text(child(child(value, 9), 1), 1)).toBe('text');
  });

  test('histograms: every value lies below its bucket’s limit and not below the one before', async () => {
    using log = openTensorboard(folder);
    const values = [-3, 0, 1e-13, 0.5, 0.5, 2, 1e30, Number.NaN];
    log.histogram('weights', values, 1);
    const h = child(child(child((await events(log.path))[1]!, 5), 1), 5);
    expect([h[1], h[2], h[3], h[4]]).toEqual([[-3], [1e30], [7], [1e30]]);
    const limit = doubles(h[6]![0] as Buffer);
    const count = doubles(h[7]![0] as Buffer);
    const below = (x: number): number => values.filter((v) => v < x).length;
    let sum = 0;
    for (const [i, x] of limit.entries()) {
      sum += count[i]!;
      expect(sum).toBe(below(x));
    }
    expect(limit.length).toBeLessThan(16); // empty buckets are merged
  });

  test('an empty histogram is valid', async () => {
    using log = openTensorboard(folder);
    log.histogram('weights', [], 1);
    const h = child(child(child((await events(log.path))[1]!, 5), 1), 5);
    expect([h[1], h[2], h[3], doubles(h[7]![0] as Buffer)]).toEqual([[0], [0], [0], [0]]);
  });
});

test('a resumed run takes back what was logged after its step', async () => {
  openTensorboard(folder, { now: () => 1 }).close();
  using log = openTensorboard(folder, { now: () => 2, resumeAt: 40 });
  const [, restart] = await events(log.path);
  expect([restart![2], child(restart!, 7)]).toEqual([[41], { 1: [1] }]);
  expect((await readdir(folder)).length).toBe(2);
});

test('wrong use is a typed error', async () => {
  const log = openTensorboard(folder);
  expect(() => log.scalar('x', 1, 0.5)).toThrow('not an integer');
  log.close();
  log.close();
  expect(() => log.scalar('x', 1, 1)).toThrow('closed');
  expect(() => openTensorboard(join(log.path, 'x'))).toThrow(log.path);
});
