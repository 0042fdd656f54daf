/** A file as a {@link ByteSource}. */
import { type FileHandle, open } from 'node:fs/promises';
import { BowError } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import type { ByteSource } from '../index.ts';

/** One system call reads or writes at most this many bytes (the kernel's own limit is 2 GiB). */
const chunk = 64 * 1024 * 1024;

/** Opens a file for reading in pieces. Reads throw typed errors; the file stays open until `close`. */
export async function fileSource(path: string): Promise<ByteSource> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (e) {
    throw fileError(e, path);
  }
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw new BowError('data', 'is not a file', { place: path });
  }
  let closed = false;
  return {
    name: path,
    size: stat.size,
    read: async (offset, length) => {
      if (closed) throw new BowError('usage', 'read after close', { place: path });
      const wanted = Math.max(0, Math.min(length, stat.size - offset));
      const out = new Uint8Array(Buffer.allocUnsafeSlow(wanted).buffer); // not zeroed: all of it is read or cut away
      let done = 0;
      while (done < out.length) {
        const { bytesRead } = await file.read(out, done, Math.min(chunk, out.length - done), offset + done);
        if (bytesRead === 0) return out.slice(0, done);
        done += bytesRead;
      }
      return out;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await file.close();
    },
  };
}

/** Writes all of `data` at the handle's position. */
export async function writeAll(file: FileHandle, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length; ) {
    at += (await file.write(data, at, Math.min(chunk, data.length - at))).bytesWritten;
  }
}
