/** Kinds of data that systems learn from. Runs in Node and in a browser; loaders are in `kinds/node`. */
export type {
  DataKind,
  Flag,
  FlagContext,
  FlagValues,
  LoadData,
  Loader,
  LoadOptions,
} from './kind.ts';
