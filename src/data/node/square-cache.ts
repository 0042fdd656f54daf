/**
 * Decoded squares kept on disk: immutable segment files, each an index of keys and the squares behind it. A load reads every segment of its set
 * and writes one more for what it had to decode. Files appear whole (rename), so two processes can work on one set; at worst both decode.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../../base/node/index.ts';
import { geometryKey, type ImageGeometry, squareGeometry, targetSize } from '../../image/index.ts';
import type { SquareJob } from './squares.ts';

/** Another number makes every kept square stale: raise it when decoding or resizing changes its values. */
const version = 2;
const magic = 'bow2bot squares\n';

export type SquareCache = {
  /** The kept square of a key, written into `into`; false when there is none. */
  read(key: string, into: Uint8Array): Promise<boolean>;
  /**
   * Keeps squares for the next time; `rows` gives the square behind each key. Removes what an earlier load of the same selection kept and
   * this load did not ask for: its images have changed or are gone.
   */
  finish(keys: readonly string[], rows: (index: number) => Uint8Array): Promise<void>;
  close(): Promise<void>;
};

type Segment = {
  readonly file: string;
  readonly handle: FileHandle;
  readonly keys: readonly string[];
  /** The selection that wrote it. */
  readonly of: string;
  /** Where the first square begins. */
  readonly start: number;
};

/** Opens what is kept under `folder` of the set at `path`, made by `job`. `selection` says which of its images this load is about. */
export async function openSquareCache(
  folder: string,
  path: string,
  job: Required<SquareJob>,
  selection: string,
): Promise<SquareCache> {
  const { geometry, decoder } = job;
  const { width, height } = targetSize(geometry);
  const home = join(folder, keyOf([version, resolve(path), ...namesOf(geometry), decoder ?? '']));
  const bytes = 3 * width * height;
  await mkdir(home, { recursive: true });
  const files = (await readdir(home)).filter((f) => f.endsWith('.squares')).sort();
  const segments = (await Promise.all(files.map((f) => openSegment(join(home, f), bytes)))).filter((s) => !!s);
  const locations = new Map(segments.flatMap((s) => s.keys.map((k, row) => [k, { segment: s, row }] as const)));
  const used = new Set<Segment>();
  return {
    async read(key, into) {
      const at = locations.get(key);
      if (!at) return false;
      const { bytesRead } = await at.segment.handle.read(into, 0, bytes, at.segment.start + at.row * bytes);
      used.add(at.segment);
      return bytesRead === bytes;
    },
    async finish(keys, rows) {
      if (keys.length > 0) await writeSegment(join(home, `${keyOf(keys)}.squares`), { of: selection, keys }, rows);
      for (const s of segments) if (s.of === selection && !used.has(s)) await rm(s.file, { force: true });
    },
    close: async () => void (await Promise.all(segments.map((s) => s.handle.close()))),
  };
}

/** Bicubic squares have the key of the time when there were no other shapes: what was kept stays good. */
function namesOf(geometry: ImageGeometry): (string | number)[] {
  const [{ shape }, key] = [geometry, geometryKey(geometry)];
  const isPlain = shape.kind === 'fixed' && key === geometryKey(squareGeometry(shape.width, shape.fit));
  return isPlain ? [shape.width, shape.fit] : [key];
}

async function writeSegment(
  path: string,
  index: { of: string; keys: readonly string[] },
  rows: (index: number) => Uint8Array,
): Promise<void> {
  const text = new TextEncoder().encode(`${JSON.stringify(index)}\n`);
  await writeFileAtomic(path, async (file) => {
    await file.writev([head(text.length), text]);
    for (let i = 0; i < index.keys.length; i += 64) {
      const some = Math.min(64, index.keys.length - i);
      await file.writev(Array.from({ length: some }, (_, k) => rows(i + k)));
    }
  });
}

/** A name for any values: 32 hexadecimal digits. */
export function keyOf(values: readonly (string | number)[] | Uint8Array): string {
  const data = values instanceof Uint8Array ? values : JSON.stringify(values);
  return createHash('sha256').update(data).digest('hex').slice(0, 32);
}

/** What every segment begins with: what it is, and how long its index is. */
function head(index: number): Uint8Array {
  const bytes = new Uint8Array(magic.length + 4);
  bytes.set(new TextEncoder().encode(magic));
  new DataView(bytes.buffer).setUint32(magic.length, index);
  return bytes;
}

/** A segment, or undefined for a file that is not a whole segment; such a file is left alone and its images are decoded again. */
async function openSegment(file: string, bytes: number): Promise<Segment | undefined> {
  const handle = await open(file, 'r').catch(() => undefined); // pruned by another process just now
  if (!handle) return undefined;
  try {
    const start = Buffer.alloc(magic.length + 4);
    await handle.read(start, 0, start.length, 0);
    const length = start.readUInt32BE(magic.length);
    const { size } = await handle.stat();
    if (start.toString('latin1', 0, magic.length) !== magic || start.length + length > size)
      throw new Error('no index');
    const index = Buffer.alloc(length);
    await handle.read(index, 0, length, start.length);
    const { of, keys } = JSON.parse(index.toString()) as { of: string; keys: string[] };
    if (start.length + length + keys.length * bytes !== size) throw new Error('not whole');
    return { file, handle, of, keys, start: start.length + length };
  } catch {
    await handle.close();
    return undefined;
  }
}
