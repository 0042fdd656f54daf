/** What tells one set of data from any other: a SHA-256 digest that Node and browsers compute alike. */

/** Bytes that are digested at a time. WebCrypto takes no stream and no shared memory, so each part is copied. */
const CHUNK = 2 ** 24;

/** The digest of what can be said in JSON and of bytes, as 64 hexadecimal digits. */
export async function digestOf(said: unknown, bytes: Uint8Array): Promise<string> {
  const parts = [await digest(new TextEncoder().encode(JSON.stringify(said)))];
  for (let at = 0; at < bytes.length; at += CHUNK) parts.push(await digest(bytes.slice(at, at + CHUNK)));
  return await digest(new TextEncoder().encode(parts.join()));
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (b) => b.toString(16).padStart(2, '0')).join('');
}
