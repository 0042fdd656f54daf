/** What a page does with a file that a person picked, in ../browser.test.ts. */
import { encodeSafetensors, readSafetensors } from '../index.ts';

/** Reads a safetensors file from a Blob, writes it again, and reads one whose end is missing. */
export async function readBlob(
  bytes: readonly number[],
): Promise<{ half: number[]; again: number[]; refused: unknown }> {
  const st = await readSafetensors(new Blob([new Uint8Array(bytes)]), 'picked');
  const tensors = new Map(await Promise.all(st.names.map(async (n) => [n, await st.read(n)] as const)));
  const again = encodeSafetensors(tensors, { metadata: st.metadata });
  const refused = await readSafetensors(new Blob([new Uint8Array(bytes.slice(0, -1))]), 'picked').catch((e) => [
    e.code,
    e.place,
  ]);
  return { half: [...(await st.readFloat32('half')).data], again: [...again], refused };
}
