/** Bytes that can be read in pieces: a file, a `Blob` (a file picked in a browser), memory. Readers of big files are written against this. */

/** Random access to bytes of a known size. Reads may overlap and run at the same time. */
export type ByteSource = {
  /** For error messages: a path, a file's name. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /** Fresh bytes `[offset, offset + length)`, fewer only where the source ends before (a file that was cut after it was opened). */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
};

/** What {@link byteSource} accepts. */
export type BytesInput = ArrayBuffer | Uint8Array | Blob | ByteSource;

/** A source over memory or a `Blob`; a source is returned as it is. `name` stands for it in errors. */
export function byteSource(input: BytesInput, name = 'memory'): ByteSource {
  const close = async (): Promise<void> => {};
  if (input instanceof Blob) {
    const read = async (at: number, n: number): Promise<Uint8Array> =>
      new Uint8Array(await input.slice(at, at + n).arrayBuffer());
    return { name, size: input.size, read, close };
  }
  if (input instanceof ArrayBuffer || input instanceof Uint8Array) {
    const all =
      input instanceof Uint8Array
        ? new Uint8Array(input.buffer, input.byteOffset, input.length)
        : new Uint8Array(input); // no Buffer: its slice aliases
    return { name, size: all.length, read: async (at, n) => all.slice(at, at + n), close };
  }
  return input;
}
