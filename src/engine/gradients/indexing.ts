/** Gradients of indexed reads and writes. */
import type { indexing } from '../ops/indexing.ts';
import { apply, fullLike } from '../tensor.ts';
import type { Gradients } from './rule.ts';

export const indexingGradients: Gradients<typeof indexing> = {
  Gather: ({ x: [table, indices], g }) => {
    const rows = indices.to('int64').reshape([indices.size, 1]);
    return [
      apply('ScatterAdd', [fullLike(g, 0, table.shape), rows, g.reshape([indices.size, ...table.shape.slice(1)])]),
      null,
    ];
  },
  ScatterAdd: ({ x: [, indices], g }) => [g, null, apply('Gather', [g, indices.reshape([indices.size])])],
};
