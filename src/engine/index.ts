/**
 * Differentiable ONNX: functions over symbolic tensors are traced, differentiated by adding ordinary operators, encoded as an ONNX model and
 * run by ONNX Runtime. docs/engine.md explains it in ten minutes. Wrong arguments are typed errors (`usage`, `dtype`, `shape`) while the graph is
 * built; the functions' comments name the errors beyond these.
 */
export { badArgument, notATensor } from './arguments.ts';
export { type BucketOptions, bucketLength, padAxis } from './buckets.ts';
export {
  type Compiled,
  type CompileOptions,
  compile,
  pickCompileOptions,
  type Traced,
  type TraceOptions,
  trace,
  valueAndGrad,
} from './compile.ts';
export type { CustomRule } from './custom-rules.ts';
export { findNotFinite, type NotFinite } from './diagnose.ts';
export {
  type ArrayOf,
  type DType,
  type Float,
  fromNumbers,
  type Int,
  makeArray,
  type NdArray,
  ndarray,
  sizeOf,
} from './dtype.ts';
export { encodeModel, type GraphPart, OPSET } from './encode.ts';
export { type ExportOptions, exportOnnx } from './export/export-onnx.ts';
export {
  arange,
  concat,
  full,
  gather,
  gelu,
  l2Normalize,
  logSoftmax,
  quickGelu,
  relu,
  silu,
  softmax,
  softplus,
  split,
  stack,
  standardize,
  variance,
  where,
} from './functions/basic.ts';
export { checkpoint } from './functions/checkpoint.ts';
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  type Padding,
  type PerAxis,
} from './functions/convolution.ts';
export { customGradient } from './functions/custom-gradient.ts';
export { einsum } from './functions/einsum.ts';
export {
  argmax,
  argmin,
  causalMask,
  flip,
  gatherElements,
  gatherNd,
  gemm,
  isInf,
  isNan,
  linspace,
  lowerTriangle,
  oneHot,
  pad,
  roll,
  round,
  scatterElements,
  scatterNd,
  sort,
  take,
  tile,
  topK,
  tril,
  triu,
} from './functions/indexing.ts';
export {
  type BatchNormOptions,
  type BatchNormResult,
  batchNorm,
  groupNorm,
  instanceNorm,
  layerNorm,
  type NormOptions,
  rmsNorm,
} from './functions/norm.ts';
export {
  type AveragePoolOptions,
  adaptiveAveragePool,
  averagePool1d,
  averagePool2d,
  globalAveragePool,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
} from './functions/pool.ts';
export { rearrange, repeat } from './functions/rearrange.ts';
export { type ResizeOptions, resize, resizeWeights } from './functions/resize.ts';
export { cumsum } from './functions/scan.ts';
export { grad } from './grad.ts';
export type { Half } from './half.ts';
export { type Imported, type ImportedCall, type ImportOptions, importOnnx } from './import/import-onnx.ts';
export type { FileInput } from './import/model.ts';
export type { ReadExternal } from './import/stored-tensor.ts';
export type { ArraysOf, InputSpec, ModelFunction, SpecsOf, Tensors } from './model-function.ts';
export type { Nested } from './nested.ts';
export { pathPattern } from './path-pattern.ts';
export { type DeviceProbe, type GemmFigure, measureGemm, probeDevice } from './probe.ts';
export { createProgram, type Program } from './program.ts';
export type { RunOptions } from './runner.ts';
export {
  type Append,
  Checks,
  type Init,
  type NoiseSpec,
  newTrace,
  type ParamKind,
  type ParamSpec,
  Scope,
  type ScopeHooks,
  type Trace,
  type Update,
} from './scope.ts';
export {
  createSession,
  type Device,
  defaultThreads,
  fromOrt,
  listBackends,
  type Session,
  type SessionOptions,
  toOrt,
} from './session.ts';
export { narrowed, widened } from './storage.ts';
export { Store, type StoreOptions } from './store.ts';
export {
  type Alike,
  type Axes,
  type B,
  constantLike,
  type F,
  type I,
  type Operand,
  type ReduceOptions,
  type Same,
  Tensor,
} from './tensor.ts';
