/** ONNX's operators with indices. */
import { type DType, sizeOf } from '../../dtype.ts';
import { where } from '../../functions/basic.ts';
import { scatterNd, take } from '../../functions/indexing.ts';
import type { Reduction } from '../../ops/indexing.ts';
import { apply, type Tensor } from '../../tensor.ts';
import type { Context, Converter } from '../context.ts';

/** Index tuples below shared batch axes: the batch position is put in front of every tuple. */
function gatherNd(c: Context): Tensor {
  const [x, indices] = [c.x(0), c.x(1)];
  const b = c.int('batch_dims', 0);
  if (b === 0) return apply('GatherND', [x, indices]);
  const lead = x.shape.slice(0, b);
  const tuples = sizeOf(indices.shape.slice(b, -1));
  const positions: number[] = [];
  c.table(sizeOf(lead) * tuples * b);
  for (let i = 0; i < sizeOf(lead); i++) {
    const place = lead.map((d, k) => Math.floor(i / sizeOf(lead.slice(k + 1))) % d);
    for (let t = 0; t < tuples; t++) positions.push(...place);
  }
  const shape = [...indices.shape.slice(0, -1), b];
  const full = apply('Concat', [c.constant('int64', shape, positions), indices], { axis: indices.rank - 1 });
  return apply('GatherND', [x, full]);
}

function reduction(c: Context): Reduction {
  return c.choice('reduction', c.opset < 18 ? ['none', 'add', 'mul'] : ['none', 'add', 'mul', 'max', 'min'], 'none');
}

function scatterElements(c: Context): Tensor {
  const x = c.x(0);
  return apply('ScatterElements', [x, c.x(1), c.x(2)], {
    axis: c.axis(c.int('axis', 0), x.rank),
    reduction: reduction(c),
  });
}

/** Off and on values along a new axis; negative indices count from the end, others outside give off. */
function oneHot(c: Context): Tensor {
  const indices = c.x(0);
  const depth = c.table(c.scalar(1));
  const values = c.x(2);
  const axis = c.axis(c.int('axis', -1), indices.rank + 1);
  c.size([...indices.shape, depth]);
  const dtype: DType = 'int64';
  const at = indices.to(dtype);
  const wrapped = where(at.less(0), at.add(depth), at).unsqueeze(axis);
  const classes = Array.from({ length: depth }, (_, i) => i);
  const shape = Array.from({ length: indices.rank + 1 }, (_, i) => (i === axis ? depth : 1));
  return where(wrapped.equal(c.constant(dtype, shape, classes)), values.at(0, 1), values.at(0, 0));
}

/** Only of constants: the number of results depends on values. */
function nonZero(c: Context): Tensor {
  const x = c.x(0);
  const positions: number[][] = x.shape.map(() => []);
  c.values(0).forEach((v, flat) => {
    if (v === 0) return;
    x.shape.forEach((d, k) => {
      positions[k]!.push(Math.floor(flat / sizeOf(x.shape.slice(k + 1))) % d);
    });
  });
  return c.constant('int64', [x.rank, positions[0]?.length ?? 0], positions.flat());
}

export const indexing: Readonly<Record<string, Converter>> = {
  Gather: (c) => take(c.x(0), c.x(1).asInt(), c.axis(c.int('axis', 0), c.x(0).rank)),
  GatherElements: (c) => apply('GatherElements', [c.x(0), c.x(1)], { axis: c.axis(c.int('axis', 0), c.x(0).rank) }),
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: (c) => scatterNd(c.x(0), c.x(1).asInt(), c.x(2), { reduction: reduction(c) }),
  OneHot: oneHot,
  NonZero: nonZero,
};
