/** Data that is in memory already, for trainings that need no loader. */
import { BowError } from '../base/index.ts';
import type { DataKind, LoadData } from './kind.ts';

/** Loads `data` whatever a recipe says. Error `usage` for data of another kind. */
export function dataInMemory<D, N>(kind: DataKind<D, N>, data: D): LoadData {
  return async (asked) => {
    if (asked.id === kind.id) return data as never; // the kind that is asked for is `kind`, so its data is of type D
    throw new BowError('usage', `data of the kind "${asked.id}" is asked for, there is "${kind.id}"`);
  };
}
