/**
 * Writing word vectors in word2vec's formats, text and binary. word2vec.c writes six decimals and a blank before each line end, and a line feed after each
 * binary vector; gensim writes shortest digits and no line feed.
 */
import { writeFileAtomic } from '../../../base/node/index.ts';
import type { KeyedVectors } from '../../word2vec/vectors.ts';

/** Options of {@link writeVectors}. */
export type WriteVectorsOptions = {
  readonly binary?: boolean;
  /** Whose habits: 'word2vec.c' (default) or 'gensim'. */
  readonly style?: 'word2vec.c' | 'gensim';
};

/** Writes vectors in word2vec's text or binary format, atomically. Text in word2vec.c's style keeps six decimals only. */
export async function writeVectors(path: string, kv: KeyedVectors, o: WriteVectorsOptions = {}): Promise<void> {
  const binary = o.binary ?? path.endsWith('.bin');
  const c = (o.style ?? 'word2vec.c') === 'word2vec.c';
  await writeFileAtomic(path, async (file) => {
    await file.write(`${kv.words.length} ${kv.width}\n`);
    for (let from = 0; from < kv.words.length; from += 4096) {
      const parts: Buffer[] = [];
      for (let i = from; i < Math.min(from + 4096, kv.words.length); i++) {
        const v = kv.vectors.subarray(i * kv.width, (i + 1) * kv.width);
        parts.push(Buffer.from(`${kv.words[i]} `));
        if (binary)
          parts.push(
            Buffer.from(Uint8Array.from(new Uint8Array(v.buffer, v.byteOffset, v.byteLength))),
            Buffer.from(c ? '\n' : ''),
          );
        else
          parts.push(
            Buffer.from(
              c ? `${Array.from(v, (x) => `${sixDecimals(x)} `).join('')}\n` : `${Array.from(v, shortest).join(' ')}\n`,
            ),
          );
      }
      await file.write(Buffer.concat(parts));
    }
  });
}

/** C's `%f`: ties go to the even digit (JavaScript's go up), and −0 keeps its sign. x · 10⁶ is exact in a double for float32 below 2³³. */
function sixDecimals(x: number): string {
  if (Object.is(x, -0)) return '-0.000000';
  const scaled = Math.abs(x) * 1e6;
  const floor = Math.floor(scaled);
  if (scaled - floor !== 0.5) return x.toFixed(6);
  const even = (floor % 2 === 0 ? floor : floor + 1) / 1e6;
  return `${x < 0 ? '-' : ''}${even.toFixed(6)}`;
}

/** The shortest decimal that reads back as the same float32, written as numpy prints it. */
export function shortest(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0';
  let digits = '';
  for (let p = 1; p <= 9; p++) {
    digits = x.toExponential(p - 1);
    if (Math.fround(Number(digits)) === x) break;
  }
  const [mantissa, exponent] = digits.split('e') as [string, string];
  const e = Number(exponent);
  if (e < -4 || e >= 16) return `${mantissa}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  const fixed = Number(digits).toFixed(Math.max(0, mantissa.replace(/[-.]/g, '').length - 1 - e));
  return fixed.includes('.') ? fixed : `${fixed}.0`;
}
