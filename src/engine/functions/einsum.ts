/** Products of named axes as one matrix product: `einsum('b h n k, b h m k -> b h n m', q, k)`. */
import { BowError } from '../../base/index.ts';
import { badArgument } from '../arguments.ts';
import { type DType, sizeOf } from '../dtype.ts';
import { needTensors, type Tensor } from '../tensor.ts';

/**
 * Einstein summation over axis names separated by blanks, for one or two operands: `'i d, j d -> i j'`. Names missing on the right are summed over.
 * Two operands become one batched matmul: batch axes (in both and in the result), rows (left only), columns (right only), inner (summed). Errors:
 * `usage` for what is no such pattern, `shape` for axes that differ.
 */
export function einsum<D extends DType>(pattern: string, ...operands: readonly Tensor<D>[]): Tensor<D> {
  needTensors('einsum', Object.fromEntries(operands.map((x, i) => [`operand ${i}`, x])));
  if (typeof pattern !== 'string') throw badArgument(operands[0], 'einsum: the pattern must be a string', pattern);
  const [inputs, out] = parse(pattern, operands);
  if (operands.length === 1) {
    const reduced = sumMissing(operands[0]!, inputs[0]!, (n) => out.includes(n));
    return orderAxes(reduced.tensor, reduced.names, out);
  }
  const [p, q] = inputs as [string[], string[]];
  const left = sumMissing(operands[0]!, p, (n) => out.includes(n) || q.includes(n));
  const right = sumMissing(operands[1]!, q, (n) => out.includes(n) || p.includes(n));
  return contract(left, right, out);
}

type Named<D extends DType> = { tensor: Tensor<D>; names: string[] };

function parse(pattern: string, operands: readonly Tensor[]): [string[][], string[]] {
  const [left, right, more] = pattern.split('->');
  const place = operands[0]?.graph.place ?? '';
  const usage = (why: string): BowError => new BowError('usage', `einsum '${pattern}': ${why}`, { place });
  if (left === undefined || right === undefined || more !== undefined) throw usage('needs one "->"');
  const words = (t: string): string[] => t.trim().split(/\s+/).filter(Boolean);
  const inputs = left.split(',').map(words);
  if (inputs.length !== operands.length || inputs.length > 2)
    throw usage(`${inputs.length} operands named, ${operands.length} given (1 or 2)`);
  const sizes = new Map<string, number>();
  inputs.forEach((names, i) => {
    const x = operands[i]!;
    if (new Set(names).size !== names.length) throw usage('a name stands twice in one operand');
    if (names.length !== x.rank)
      throw new BowError('shape', `einsum '${pattern}': operand ${i} has ${x.rank} axes`, {
        place: x.graph.place,
        detail: { shape: x.shape },
      });
    names.forEach((n, k) => {
      const known = sizes.get(n) ?? x.shape[k]!;
      if (known !== x.shape[k])
        throw new BowError('shape', `einsum '${pattern}': '${n}' is both ${known} and ${x.shape[k]}`, {
          place: x.graph.place,
        });
      sizes.set(n, known);
    });
  });
  const out = words(right);
  for (const n of out) if (!sizes.has(n)) throw usage(`'${n}' is only on the right`);
  if (new Set(out).size !== out.length) throw usage('a name stands twice on the right');
  return [inputs, out];
}

function sumMissing<D extends DType>(x: Tensor<D>, names: readonly string[], keep: (n: string) => boolean): Named<D> {
  const gone = names.flatMap((n, i) => (keep(n) ? [] : [i]));
  return { tensor: gone.length > 0 ? x.sum(gone) : x, names: names.filter(keep) };
}

function orderAxes<D extends DType>(x: Tensor<D>, names: readonly string[], out: readonly string[]): Tensor<D> {
  return x.transpose(out.map((n) => names.indexOf(n)));
}

function contract<D extends DType>(left: Named<D>, right: Named<D>, out: readonly string[]): Tensor<D> {
  const [p, q] = [left.names, right.names];
  const batch = out.filter((n) => p.includes(n) && q.includes(n));
  const inner = p.filter((n) => q.includes(n) && !out.includes(n));
  const rows = p.filter((n) => !q.includes(n));
  const columns = q.filter((n) => !p.includes(n));
  const sizes = new Map([
    ...p.map((n, i) => [n, left.tensor.shape[i]!] as const),
    ...q.map((n, i) => [n, right.tensor.shape[i]!] as const),
  ]);
  const size = (names: readonly string[]): number => sizeOf(names.map((n) => sizes.get(n)!));
  const dims = (names: readonly string[]): number[] => names.map((n) => sizes.get(n)!);
  const a = orderAxes(left.tensor, p, [...batch, ...rows, ...inner]).reshape([...dims(batch), size(rows), size(inner)]);
  // The right operand keeps its own order of inner and columns, so that a transpose only appears as the last-axes exchange that fuses.
  const innerLast = q.indexOf(inner[0] ?? '') > q.indexOf(columns[0] ?? '');
  const tail = innerLast ? [...columns, ...inner] : [...inner, ...columns];
  const b = orderAxes(right.tensor, q, [...batch, ...tail]);
  const flat = b.reshape([
    ...dims(batch),
    ...(innerLast ? [size(columns), size(inner)] : [size(inner), size(columns)]),
  ]);
  const y = a.matmul(innerLast ? flat.mT : flat);
  return orderAxes(y.reshape([...dims(batch), ...dims(rows), ...dims(columns)]), [...batch, ...rows, ...columns], out);
}
