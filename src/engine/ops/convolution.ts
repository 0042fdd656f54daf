/** Convolution and its transpose over one or more spatial axes. Dumoulin & Visin 2016, arXiv:1603.07285, has the arithmetic in figures. */
import { BowError } from '../../base/index.ts';
import { sizeOf } from '../dtype.ts';
import { op, type Ref } from '../op.ts';
import type { Meta } from '../shape.ts';
import { needFloat, needSame } from './rules.ts';
import { checkGeometry, extent, type Geometry, taps, windowAttributes, windowCounts } from './window.ts';

/** Channel groups do not see each other; as many groups as channels is a depthwise convolution. */
export type ConvAttrs = Geometry & { groups: number };
/** `extra`: positions added behind the result, for sizes that the strides do not divide (PyTorch's output padding). */
export type ConvTransposeAttrs = ConvAttrs & { extra: readonly number[] };

const spatial = (shape: readonly number[]): readonly number[] => shape.slice(2);

/** Checks what both directions need; `channels` is the number of channels on the weight's second axis times groups. */
function checkOperands(x: Meta, w: Meta, bias: Meta | undefined, groups: number, channels: number): void {
  needFloat(x);
  needSame(x, w);
  if (x.shape.length < 3 || w.shape.length !== x.shape.length)
    throw new BowError(
      'shape',
      `operands have ${x.shape.length} and ${w.shape.length} axes, not batch, channels and the same spatial ones`,
    );
  if (!Number.isInteger(groups) || groups < 1 || w.shape[0]! % groups !== 0)
    throw new BowError('shape', `${groups} groups do not divide ${w.shape[0]} channels`);
  if (!bias) return;
  needSame(x, bias);
  if (bias.shape.length !== 1 || bias.shape[0] !== channels)
    throw new BowError('shape', `the bias must be [${channels}], got [${bias.shape.join(', ')}]`);
}

function encodeConv(a: ConvAttrs, w: Meta): Record<string, { int: number } | { ints: readonly number[] }> {
  return { ...windowAttributes(a), kernel_shape: { ints: spatial(w.shape) }, group: { int: a.groups } };
}

function convShape(x: Meta, w: Meta, bias: Meta | undefined, a: ConvAttrs): number[] {
  checkOperands(x, w, bias, a.groups, w.shape[0]!);
  if (x.shape[1] !== w.shape[1]! * a.groups)
    throw new BowError(
      'shape',
      `the operand has ${x.shape[1]} channels, the weight ${w.shape[1]} in ${a.groups} groups`,
    );
  return [x.shape[0]!, w.shape[0]!, ...windowCounts(spatial(x.shape), spatial(w.shape), a)];
}

function transposedShape(x: Meta, w: Meta, bias: Meta | undefined, a: ConvTransposeAttrs): number[] {
  const channels = w.shape[1]! * a.groups;
  checkOperands(x, w, bias, a.groups, channels);
  if (x.shape[1] !== w.shape[0])
    throw new BowError('shape', `the operand has ${x.shape[1]} channels, the weight ${w.shape[0]}`);
  const kernel = spatial(w.shape);
  checkGeometry(kernel.length, kernel, a);
  const sizes = spatial(x.shape).map((n, i) => {
    const [s, extra] = [a.strides[i]!, a.extra[i]!];
    if (!Number.isInteger(extra) || extra < 0 || extra >= s)
      throw new BowError('shape', `${extra} extra positions: there must be fewer than the stride ${s}`);
    const size = (n - 1) * s + extent(kernel[i]!, a.dilations[i]!) + extra - a.before[i]! - a.after[i]!;
    if (size < 1) throw new BowError('shape', `nothing is left of spatial axis ${i} after cutting its padding`);
    return size;
  });
  return [x.shape[0]!, channels, ...sizes];
}

/**
 * Visits every product of both directions: `many` is a position of the larger side (a convolution's operand), `few` one of the smaller (its
 * result), `tap` one of the weight; all flat.
 */
function forEachProduct(
  manyShape: readonly number[],
  fewShape: readonly number[],
  wShape: readonly number[],
  a: ConvAttrs,
  visit: (many: number, few: number, tap: number) => void,
): void {
  const list = taps(spatial(manyShape), spatial(wShape), a);
  const [many, few, kernel] = [manyShape, fewShape, wShape].map((s) => sizeOf(spatial(s))) as [number, number, number];
  const [outs, ins] = [wShape[0]! / a.groups, wShape[1]!];
  for (let b = 0; b < manyShape[0]!; b++) {
    for (let o = 0; o < wShape[0]!; o++) {
      for (let i = 0; i < ins; i++) {
        const channel = b * manyShape[1]! + Math.floor(o / outs) * ins + i;
        const [m, f, w] = [channel * many, (b * wShape[0]! + o) * few, (o * ins + i) * kernel];
        for (let k = 0; k < list.length; k += 3) visit(m + list[k + 1]!, f + list[k]!, w + list[k + 2]!);
      }
    }
  }
}

function withBias(y: Ref, bias: Ref | undefined): Ref {
  if (!bias) return y;
  const n = sizeOf(spatial(y.shape));
  const channels = bias.data.length;
  return { shape: y.shape, data: y.data.map((u, i) => u + bias.data[Math.floor(i / n) % channels]!) };
}

export const convolution = {
  /** Operands x [b c …], weight [o c/groups …] and, optionally, bias [o]. */
  Conv: op<readonly Meta[], ConvAttrs>({
    onnx: 'Conv',
    infer: ([x, w, bias], a) => [{ shape: convShape(x!, w!, bias, a), dtype: x!.dtype }],
    encode: (a, [, w]) => ({ attributes: encodeConv(a, w!) }),
    reference: ([x, w, bias], a, [shape]) => {
      const data = new Float64Array(sizeOf(shape!));
      forEachProduct(x!.shape, shape!, w!.shape, a, (many, few, tap) => {
        data[few]! += x!.data[many]! * w!.data[tap]!;
      });
      return [withBias({ shape: shape!, data }, bias)];
    },
  }),
  /** The gradient of a convolution as an operator: x [b c …], weight [c o/groups …] and, optionally, bias [o]. */
  ConvTranspose: op<readonly Meta[], ConvTransposeAttrs>({
    onnx: 'ConvTranspose',
    infer: ([x, w, bias], a) => [{ shape: transposedShape(x!, w!, bias, a), dtype: x!.dtype }],
    encode: (a, [, w]) => ({ attributes: { ...encodeConv(a, w!), output_padding: { ints: a.extra } } }),
    reference: ([x, w, bias], a, [shape]) => {
      const data = new Float64Array(sizeOf(shape!));
      forEachProduct(shape!, x!.shape, w!.shape, a, (many, few, tap) => {
        data[many]! += x!.data[few]! * w!.data[tap]!;
      });
      return [withBias({ shape: shape!, data }, bias)];
    },
  }),
};
