/** Decompression of Parquet pages into no more bytes than their headers say. */
import { brotliDecompressSync, unzipSync } from 'node:zlib';
import type { Compressors } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

type Open = (input: Uint8Array, length: number) => Uint8Array;

const known: Readonly<Record<string, Open | undefined>> = {
  ...(compressors as Compressors & Record<string, Open>),
  UNCOMPRESSED: (input) => input,
  GZIP: (input, length) => unzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  ZSTD: (input, length) => {
    checkZstd(input, length);
    return compressors.ZSTD!(input, length);
  },
};

/** The bytes of a page. hyparquet-compressors 1.1.2 refuses LZ4 blocks of nothing, which a column of nulls has for its dictionary. */
export function openPage(codec: string, input: Uint8Array, length: number): Uint8Array {
  const open = known[codec];
  if (!open) throw new Error(`unknown compression ${codec}`);
  return length === 0 ? new Uint8Array(0) : open(input, length);
}

const mostInBlock = 2 ** 17;

/**
 * fzstd takes the sizes in a frame on trust. They are compared with the page's before: content size and window (RFC 8878, 3.1.1.1), blocks as they
 * are or of one byte, and how many others there are (3.1.1.2).
 */
function checkZstd(input: Uint8Array, length: number): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  for (let at = 0; at < input.length; ) {
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
      at += 8 + view.getUint32(at + 4, true); // a frame to skip
      continue;
    }
    if (magic !== 0xfd2fb528) throw new Error('no zstd frame');
    const flags = view.getUint8(at + 4);
    const single = (flags >> 5) & 1;
    const exponent = single ? 0 : view.getUint8(at + 5) >> 3;
    if (exponent > 17) throw new Error('a zstd window of more than 128 MiB'); // zstd's own limit
    const sizeBytes = [single, 2, 4, 8][flags >> 6]!;
    at += 6 - single + [0, 1, 2, 4][flags & 3]!;
    const said = littleEndian(view, at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
    if (said > length) throw new Error(`a zstd frame of ${said} bytes in a page of ${length}`);
    at = checkBlocks(view, at + sizeBytes, length) + (flags & 4);
  }
}

/** Goes over the blocks of a frame; returns where they end. */
function checkBlocks(view: DataView, from: number, length: number): number {
  let [plain, packed, at] = [0, 0, from];
  for (;;) {
    const header = littleEndian(view, at, 3);
    const [type, size] = [(header >> 1) & 3, header >> 3];
    at += 3 + (type === 1 ? 1 : size);
    if (type === 2) packed++;
    else plain += size;
    if (plain > length || packed * mostInBlock > 2 ** 28 + 256 * length)
      throw new Error(`zstd blocks of more bytes than a page of ${length} holds`);
    if (header & 1) return at;
  }
}

function littleEndian(view: DataView, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + view.getUint8(at + i);
  return value;
}
