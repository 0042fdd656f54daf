/** Reads the goldens where they are (beside the repository); tests that need them skip with a message elsewhere. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Csr } from '../csr.ts';

const folder = resolve(process.cwd(), '../shared/goldens/words');

/** Where the goldens are missing: the reason, for `test.skipIf`. */
export const noGoldens: boolean = !existsSync(folder);

/** One golden file; undefined where they are missing. */
export function golden<T>(name: string): T {
  return noGoldens ? ({} as T) : (JSON.parse(readFileSync(resolve(folder, `${name}.json`), 'utf8')) as T);
}

/** The matrix form of the goldens. */
export type GoldenMatrix = { shape: [number, number]; indptr: number[]; indices: number[]; data: number[] };

/** Largest relative difference of two number lists of equal length; ∞ where lengths differ. */
export function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let w = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - b[i]!);
    if (Number.isNaN(d)) return a[i] === b[i] ? w : Number.POSITIVE_INFINITY;
    w = Math.max(w, d / Math.max(1, Math.abs(b[i]!)));
  }
  return w;
}

/** A matrix as plain lists, for comparison. */
export function plain(x: Csr): { shape: number[]; indptr: number[]; indices: number[] } {
  return { shape: [x.rows, x.cols], indptr: [...x.indptr], indices: [...x.indices] };
}

/** `{ngram_range: …}` → `{ngramRange: …}` with the goldens' markers turned into values. */
export function camelOptions(o: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(o)
      .filter(([k]) => k !== 'dtype' || (o[k] === 'float32' && !('binary' in o)))
      .map(([k, v]) => [k.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()), unmark(v)]),
  );
}

/** `$map`, `$set`, `$bytes`, `$float` → values. */
export function unmark(v: unknown): unknown {
  if (typeof v !== 'object' || v === null) return v;
  if (Array.isArray(v)) return v.map(unmark);
  const o = v as Record<string, unknown>;
  if ('$map' in o) return new Map(o['$map'] as [string, number][]);
  if ('$set' in o) return new Set(o['$set'] as string[]);
  if ('$bytes' in o) return Uint8Array.from(Buffer.from(o['$bytes'] as string, 'latin1'));
  if ('$float' in o) return o['$float'] === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN;
  return v;
}
