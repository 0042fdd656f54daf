/**
 * What papers share: layers, transformers, initialisers, optimisers, schedules. Functions of a scope; nothing here holds state. Wrong arguments are
 * typed errors (`usage`, `dtype`, `shape`) while the graph is built; the functions' comments name the errors beyond these. Axes are named as in
 * the types: b batch, n m tokens, d width, h heads, k head size, c y x channels, rows, columns, v vocabulary; `…` is any number of axes.
 */
export { type AttentionOptions, attend, attention, type Memory, mergeHeads, splitHeads } from './attention.ts';
export { type BagOptions, bagOfTokens } from './bag-of-tokens.ts';
export { type BertEmbeddingOptions, bertEmbeddings, type MlmHeadOptions, mlmHead } from './bert.ts';
export { type ConvLayerOptions, conv1d, conv2d } from './conv.ts';
export { dropout, dropPath } from './dropout.ts';
export {
  constant,
  eye,
  fans,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  kaimingNormal,
  kaimingUniform,
  lecunNormal,
  lecunUniform,
  normal,
  ones,
  orthogonal,
  transposed,
  truncNormal,
  uniform,
  unitRows,
  values,
  varianceScaling,
  xavierNormal,
  xavierUniform,
  zeros,
} from './init.ts';
export { type ResizeTableOptions, resizePositions, resizeTable } from './interpolate.ts';
export { type CacheOptions, cacheMask, kvCache } from './kv-cache.ts';
export { embedding, type LinearOptions, linear } from './linear.ts';
export { LORA_FACTORS, type LoraOptions, mergeLora, withLora } from './lora.ts';
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  crossEntropy,
  huber,
  klDivergence,
  meanSquaredError,
  type Reduction,
  smoothL1,
  softCrossEntropy,
} from './losses.ts';
export { combineMasks, MASKED, type Mask, paddingMask, prefixMask } from './masks.ts';
export { batchNorm, groupNorm, layerNorm, rmsNorm } from './norm.ts';
export {
  accumulate,
  chain,
  type MinimizeOptions,
  minimize,
  type Optimizer,
  type OptimizerStep,
  SUMS,
} from './optimizer.ts';
export { type GradientGate, gateGradients, type ParameterGroup, parameterGroups } from './optimizer-groups.ts';
export {
  type AdamOptions,
  adam,
  adamW,
  clipByGlobalNorm,
  type EmaOptions,
  ema,
  holdWithin,
  type Limits,
  measureGlobalNorm,
  sgd,
} from './optimizers.ts';
export {
  checkPatterns,
  freeze,
  initialise,
  layerDecay,
  matcher,
  matricesOnly,
  type PathRule,
  ruleValue,
} from './path-rules.ts';
export {
  constantPositions,
  learnedPositions,
  relativeBias,
  relativeBucket,
  sinusoid,
  sinusoids,
  sinusoids2d,
} from './positions.ts';
export { type ResidualOptions, residualTokens, residualTower } from './residual.ts';
export { type CategoricalOptions, categorical, categoricalWithoutReplacement } from './sampling.ts';
export {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  type Schedule,
  stepSchedule,
  warmUp,
  warmUpCosine,
} from './schedules.ts';
export { type TextOptions, textTokens, textTransformer, tiedLogits } from './text-transformer.ts';
export {
  type Activation,
  activations,
  type BlockOptions,
  block,
  type MlpOptions,
  mlp,
  norm,
  type TransformerOptions,
  transformer,
} from './transformer.ts';
export { patchEmbedding, type VitOptions, vit, vitTokens } from './vit.ts';
