/** Axis moves by pattern, after einops (Rogozhnikov 2022): `rearrange(x, 'b n (h k) -> b h n k', { h })`. */
import { BowError } from '../../base/index.ts';
import { badArgument, needOptions, needWhole } from '../arguments.ts';
import { type DType, sizeOf } from '../dtype.ts';
import { needTensors, type Tensor } from '../tensor.ts';

/** One side of a pattern: groups of names; a group of one is a plain axis. */
type Side = readonly (readonly string[])[];

function parseSide(text: string, pattern: string): Side {
  const groups: string[][] = [];
  let open: string[] | undefined;
  for (const token of text.match(/\(|\)|\.\.\.|[A-Za-z_]\w*|1|\S/g) ?? []) {
    if (token === '(' && !open) open = [];
    else if (token === ')' && open) {
      groups.push(open.join() === '...' ? ['...', '1'] : open); // '(...)' is one axis, '...' as many as there are
      open = undefined;
    } else if (/^(\.\.\.|1|[A-Za-z_]\w*)$/.test(token)) {
      if (open) open.push(token);
      else groups.push([token]);
    } else throw new BowError('usage', `"${token}" cannot be read in pattern '${pattern}'`);
  }
  if (open) throw new BowError('usage', `a parenthesis is not closed in pattern '${pattern}'`);
  return groups;
}

function parse(pattern: string): [Side, Side] {
  const sides = pattern.split('->');
  if (sides.length !== 2) throw new BowError('usage', `pattern '${pattern}' needs one "->"`);
  return [parseSide(sides[0]!, pattern), parseSide(sides[1]!, pattern)];
}

/** '...' replaced by as many numbered axes as the rank leaves: axes of their own, or members of the group it stands in. */
function unfold(side: Side, extra: number): Side {
  const axes = Array.from({ length: extra }, (_, i) => `…${i}`);
  return side.flatMap((g) => {
    if (g.length === 1 && g[0] === '...') return axes.map((n) => [n]);
    return [g.flatMap((n) => (n === '...' ? axes : [n]))];
  });
}

/** Sizes of all names on the left side, the one unknown of a group computed. */
function solve(
  left: Side,
  shape: readonly number[],
  given: Readonly<Record<string, number>>,
  pattern: string,
): Map<string, number> {
  const sizes = new Map<string, number>(Object.entries(given));
  left.forEach((group, i) => {
    const names = group.filter((n) => n !== '1');
    const unknown = names.filter((n) => !sizes.has(n));
    const known = names.reduce((p, n) => p * (sizes.get(n) ?? 1), 1);
    const fail = (why: string): BowError =>
      new BowError('shape', `axis ${i} of size ${shape[i]}: ${why} in '${pattern}'`, { detail: { shape, ...given } });
    if (unknown.length > 1) throw fail(`${unknown.join(' and ')} are both unknown`);
    if (unknown.length === 1) {
      if (shape[i]! % known !== 0) throw fail(`is not divisible by ${known}`);
      sizes.set(unknown[0]!, shape[i]! / known);
    } else if (known !== shape[i]) throw fail(`expected ${known}`);
  });
  return sizes;
}

/**
 * Moves, splits and merges axes. Names in parentheses are one axis of the tensor; `...` stands for any axes; `1` for an axis of size 1.
 * Throws `shape` when sizes do not fit and `usage` when the pattern is not one.
 */
export function rearrange<D extends DType>(
  x: Tensor<D>,
  pattern: string,
  sizes: Readonly<Record<string, number>> = {},
): Tensor<D> {
  needPattern('rearrange', x, pattern, sizes);
  const [rawLeft, rawRight] = parse(pattern);
  if (rawLeft.some((g) => g.length > 1 && g.includes('...')))
    throw new BowError('usage', `'...' cannot stand in parentheses on the left of '${pattern}'`);
  const dots = rawLeft.some((g) => g[0] === '...');
  const extra = x.rank - rawLeft.length + (dots ? 1 : 0);
  if (dots ? extra < 0 : extra !== 0) {
    throw new BowError('shape', `'${pattern}' has ${rawLeft.length} axes on the left, the tensor ${x.rank}`, {
      place: x.graph.place,
      detail: { shape: x.shape },
    });
  }
  const [left, right] = [unfold(rawLeft, extra), unfold(rawRight, extra)];
  const known = solve(left, x.shape, sizes, pattern);
  const from = left.flat().filter((n) => n !== '1');
  const to = right.flat().filter((n) => n !== '1');
  if ([...from].sort().join() !== [...to].sort().join()) {
    throw new BowError('usage', `both sides of '${pattern}' must have the same names`, {
      hint: 'use repeat to add axes, sum or mean to remove them',
    });
  }
  return x
    .reshape(from.map((n) => known.get(n)!))
    .transpose(to.map((n) => from.indexOf(n)))
    .reshape(right.map((g) => sizeOf(g.map((n) => known.get(n) ?? 1))));
}

/** Like {@link rearrange}, with new axes on the right whose sizes are given: `repeat(x, 'b d -> b n d', { n: 7 })`. Errors as there. */
export function repeat<D extends DType>(
  x: Tensor<D>,
  pattern: string,
  sizes: Readonly<Record<string, number>>,
): Tensor<D> {
  needPattern('repeat', x, pattern, sizes);
  const [left, right] = parse(pattern);
  const have = new Set(left.flat());
  const added = right.flat().filter((n) => !have.has(n) && n !== '1' && n !== '...');
  for (const n of added)
    if (sizes[n] === undefined) throw new BowError('usage', `repeat: no size is given for "${n}" in '${pattern}'`);
  const plain = (side: Side): string => side.map((g) => (g.length === 1 ? g[0] : `(${g.join(' ')})`)).join(' ');
  const wide = x.reshape([...added.map(() => 1), ...x.shape]).expand([...added.map((n) => sizes[n]!), ...x.shape]);
  return rearrange(wide, `${added.join(' ')} ${plain(left)} -> ${plain(right)}`, sizes);
}

function needPattern(what: string, x: Tensor, pattern: string, sizes: Readonly<Record<string, number>>): void {
  needTensors(what, { x });
  if (typeof pattern !== 'string') throw badArgument(x, `${what}: the pattern must be a string`, pattern);
  needOptions(x, `${what}: sizes`, sizes);
  for (const [name, size] of Object.entries(sizes)) needWhole(x, `${what}: the size of "${name}"`, size, 0);
}
