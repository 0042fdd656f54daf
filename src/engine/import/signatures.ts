/**
 * What a node of each known operator may hold, by operator set: how many inputs and outputs, and which attributes. The table is what `onnx.defs` of
 * onnx 1.23 lists, so a name that is not in it is not ONNX, and a setting that an operator set did not have yet is refused and not overlooked.
 */
import { type BowError, unknownName } from '../../base/index.ts';
import { damaged, type FileNode } from './model.ts';

/**
 * `operators: since inputs>outputs attributes | since …`, `!` behind what must be there, `-` from the set on that removed the operator.
 * DIFFERS from onnx.defs: `consumed_inputs`, a hint on memory, is never required; GroupNormalization of 18 to 20, deprecated for its meaning, is
 * read as onnxruntime reads it; LayerNormalization, SimplifiedLayerNormalization and ThresholdedRelu are in every set, as onnxruntime has them.
 */
const table = `
Abs Ceil Exp Floor Log Neg Reciprocal Relu Sigmoid Sqrt Tanh: 1 1>1 consumed_inputs | 6 1>1
Acos Asin Atan Cos Sin Tan: 7 1>1
Acosh Asinh Atanh Cosh Erf IsNaN NonZero Sign Sinh: 9 1>1
Add Div Mul Sub: 1 2>1 axis broadcast consumed_inputs | 6 2>1 axis broadcast | 7 2>1
And Equal Greater Less Or Pow Xor: 1 2>1 axis broadcast | 7 2>1
ArgMax ArgMin: 1 1>1 axis keepdims | 12 1>1 axis keepdims select_last_index
AveragePool: 1 1>1 auto_pad kernel_shape! pads strides | 7 1>1 auto_pad count_include_pad kernel_shape! pads strides | 10 1>1 auto_pad ceil_mode count_include_pad kernel_shape! pads strides | 19 1>1 auto_pad ceil_mode count_include_pad dilations kernel_shape! pads strides
BatchNormalization: 1 5>1-5 consumed_inputs epsilon is_test momentum spatial | 6 5>1-5 epsilon is_test momentum spatial | 7 5>1-5 epsilon momentum spatial | 9 5>1-5 epsilon momentum | 14 5>1-3 epsilon momentum training_mode
Cast: 1 1>1 to! | 19 1>1 saturate to! | 24 1>1 round_mode saturate to!
CastLike: 15 2>1 | 19 2>1 saturate | 24 2>1 round_mode saturate
Celu: 12 1>1 alpha
CenterCropPad: 18 2>1 axes
Clip: 1 1>1 consumed_inputs max min | 6 1>1 max min | 11 1-3>1
com.microsoft:BiasGelu: 1 2>1
com.microsoft:FastGelu: 1 1-2>1
com.microsoft:FusedMatMul: 1 2>1 alpha transA transB transBatchA transBatchB
com.microsoft:Gelu: 1 1>1
com.microsoft:QuickGelu: 1 1>1 alpha
com.microsoft:SkipLayerNormalization: 1 3-5>1-4 epsilon
Concat: 1 1-*>1 axis | 4 1-*>1 axis!
Constant: 1 0>1 value! | 11 0>1 sparse_value value | 12 0>1 sparse_value value value_float value_floats value_int value_ints value_string value_strings
ConstantOfShape: 9 1>1 value
Conv: 1 2-3>1 auto_pad dilations group kernel_shape pads strides
ConvTranspose: 1 2-3>1 auto_pad dilations group kernel_shape output_padding output_shape pads strides
CumSum: 11 2>1 exclusive reverse
DepthToSpace: 1 1>1 blocksize! | 11 1>1 blocksize! mode
DequantizeLinear: 10 2-3>1 | 13 2-3>1 axis | 21 2-3>1 axis block_size | 23 2-3>1 axis block_size output_dtype
Dropout: 1 1>1-2 consumed_inputs is_test ratio | 6 1>1-2 is_test ratio | 7 1>1-2 ratio | 12 1-3>1-2 seed
Einsum: 12 1-*>1 equation!
Elu LeakyRelu: 1 1>1 alpha consumed_inputs | 6 1>1 alpha
Expand: 8 2>1
EyeLike: 9 1>1 dtype k
Flatten Hardmax LogSoftmax Softmax: 1 1>1 axis
Gather: 1 2>1 axis
GatherElements: 11 2>1 axis
GatherND: 11 2>1 | 12 2>1 batch_dims
Gelu: 20 1>1 approximate
Gemm: 1 3>1 alpha beta broadcast transA transB | 7 3>1 alpha beta transA transB | 11 2-3>1 alpha beta transA transB
GlobalAveragePool GlobalMaxPool Identity Not Size Softplus Softsign: 1 1>1
GreaterOrEqual LessOrEqual: 12 2>1
GroupNormalization: 18 3>1 epsilon num_groups! | 21 3>1 epsilon num_groups! stash_type
HardSigmoid: 1 1>1 alpha beta consumed_inputs | 6 1>1 alpha beta
HardSwish: 14 1>1
InstanceNormalization: 1 3>1 consumed_inputs epsilon | 6 3>1 epsilon
IsInf: 10 1>1 detect_negative detect_positive
LayerNormalization: 1 2-3>1-3 axis epsilon stash_type
LpNormalization: 1 1>1 axis p
LpPool: 1 1>1 auto_pad kernel_shape p pads strides | 2 1>1 auto_pad kernel_shape! p pads strides | 18 1>1 auto_pad ceil_mode dilations kernel_shape! p pads strides
LRN: 1 1>1 alpha beta bias size!
MatMul: 1 2>1
Max Mean Min Sum: 1 1-*>1 consumed_inputs | 6 1-*>1
MaxPool: 1 1>1 auto_pad kernel_shape! pads strides | 8 1>1-2 auto_pad kernel_shape! pads storage_order strides | 10 1>1-2 auto_pad ceil_mode dilations kernel_shape! pads storage_order strides
MeanVarianceNormalization: 9 1>1 axes
Mish: 18 1>1
Mod: 10 2>1 fmod
NegativeLogLikelihoodLoss: 12 2-3>1 ignore_index reduction
OneHot: 9 3>1 axis
Pad: 1 1>1 mode paddings! value | 2 1>1 mode pads! value | 11 2-3>1 mode | 18 2-4>1 mode
PRelu: 1 2>1 consumed_inputs | 6 2>1
Range: 11 3>1 | 27 3>1 stash_type
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare: 1 1>1 axes keepdims | 18 1-2>1 keepdims noop_with_empty_axes
ReduceSum: 1 1>1 axes keepdims | 13 1-2>1 keepdims noop_with_empty_axes
Reshape: 1 1>1 consumed_inputs shape | 5 2>1 | 14 2>1 allowzero
Resize: 10 2>1 mode | 11 3-4>1 coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value mode nearest_mode | 13 1-4>1 coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value mode nearest_mode | 18 1-4>1 antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value keep_aspect_ratio_policy mode nearest_mode
RMSNormalization: 23 2>1 axis epsilon stash_type
Round: 11 1>1
Scatter: 9 3>1 axis | 11 -
ScatterElements: 11 3>1 axis | 16 3>1 axis reduction
ScatterND: 11 3>1 | 16 3>1 reduction
Selu: 1 1>1 alpha consumed_inputs gamma | 6 1>1 alpha gamma
Shape: 1 1>1 | 15 1>1 end start
Shrink: 9 1>1 bias lambd
SimplifiedLayerNormalization: 1 2>1-2 axis epsilon stash_type
Slice: 1 1>1 axes ends! starts! | 10 3-5>1
SoftmaxCrossEntropyLoss: 12 2-3>1-2 ignore_index reduction
SpaceToDepth: 1 1>1 blocksize! | 28 1>1 blocksize! mode
Split: 1 1-2>1-* axis split | 2 1>1-* axis split | 13 1-2>1-* axis | 18 1-2>1-* axis num_outputs
Squeeze: 1 1>1 axes | 13 1-2>1
Swish: 24 1>1 alpha
ThresholdedRelu: 1 1>1 alpha
Tile: 1 3>1 | 6 2>1
TopK: 1 1>2 axis k! | 10 2>2 axis | 11 2>2 axis largest sorted
Transpose: 1 1>1 perm
Trilu: 14 1-2>1 upper
Unsqueeze: 1 1>1 axes! | 13 2>1
Upsample: 1 1>1 height_scale! mode width_scale! | 7 1>1 mode scales! | 9 2>1 mode | 10 -
Where: 9 3>1
`;

/** One form of an operator. */
type Signature = {
  readonly since: number;
  /** Absent where the set removed the operator. */
  readonly form?: {
    readonly inputs: readonly [least: number, most: number];
    readonly outputs: readonly [least: number, most: number];
    readonly attributes: readonly string[];
    readonly required: readonly string[];
  };
};

function counts(text: string): readonly [number, number] {
  const [least, most = least] = text.split('-');
  return [Number(least), most === '*' ? Infinity : Number(most)];
}

function signature(text: string): Signature {
  const [since = '', sides = '', ...names] = text.split(' ');
  if (sides === '-') return { since: Number(since) };
  const [inputs = '', outputs = ''] = sides.split('>');
  return {
    since: Number(since),
    form: {
      inputs: counts(inputs),
      outputs: counts(outputs),
      attributes: names.map((n) => n.replace('!', '')),
      required: names.filter((n) => n.endsWith('!')).map((n) => n.slice(0, -1)),
    },
  };
}

const signatures: ReadonlyMap<string, readonly Signature[]> = new Map(
  table
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [names, forms] = line.split(': ') as [string, string];
      const list = forms.split(' | ').map(signature);
      return names.split(' ').map((name) => [name, list] as const);
    }),
);

/** Operators of the table, as the converters name them. */
export const operators: readonly string[] = [...signatures.keys()];

/**
 * Refuses a node that its operator set does not know: an operator that was not there yet or no more, an attribute of another set or of none, too
 * many or too few inputs and outputs. `key` is the operator as the converters name it.
 */
export function checkNode(node: FileNode, key: string, opset: number, place: string): void {
  const wrong = (what: string): BowError => damaged(`${node.op} of opset ${opset}: ${what}`, `node "${place}"`);
  const list = signatures.get(key)!;
  const at = list.findLast((s) => s.since <= opset);
  if (!at) throw wrong(`there is no such operator before opset ${list[0]!.since}`);
  const { form } = at;
  if (!form) throw wrong(`opset ${at.since} removed the operator`);
  for (const name of node.attributes.keys()) {
    if (form.attributes.includes(name)) continue;
    const other = list.find((s) => s.form?.attributes.includes(name));
    throw wrong(
      other ? `attribute "${name}" is of opset ${other.since}` : unknownName('attribute', name, form.attributes),
    );
  }
  for (const name of form.required) if (!node.attributes.has(name)) throw wrong(`attribute "${name}" is missing`);
  const sides = { inputs: [node.inputs, form.inputs], outputs: [node.outputs, form.outputs] } as const;
  for (const [what, [names, [least, most]]] of Object.entries(sides)) {
    if (names.length >= least && names.length <= most) continue;
    const range = least === most ? `${least}` : most === Infinity ? `${least} or more` : `${least} to ${most}`;
    throw wrong(`${names.length} ${what}, not ${range}`);
  }
}
