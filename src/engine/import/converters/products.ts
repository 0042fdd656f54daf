/** ONNX's products: matrices, Einstein sums, convolutions. */
import { einsum } from '../../functions/einsum.ts';
import { apply, type Tensor } from '../../tensor.ts';
import type { Context, Converter } from '../context.ts';
import { autoPads, perAxisList, windowPads } from './windows.ts';

/** A vector on the left is a row, on the right a column; the added axis is removed again. */
function matmul(c: Context): Tensor {
  const [a, b] = [c.x(0), c.x(1)];
  if (a.rank > 1 && b.rank > 1) return a.matmul(b);
  if (a.rank === 0 || b.rank === 0) throw c.fail('a scalar has no matrix product');
  const y = (a.rank === 1 ? a.unsqueeze(0) : a).matmul(b.rank === 1 ? b.unsqueeze(1) : b);
  const rows = a.rank === 1 ? y.squeeze(-2) : y;
  return b.rank === 1 ? rows.squeeze(-1) : rows;
}

function gemm(c: Context): Tensor {
  const bias = c.maybe(2);
  const operands = bias ? [c.x(0), c.x(1), bias] : [c.x(0), c.x(1)];
  const [transA, transB] = [c.flag('transA'), c.flag('transB')];
  const y = apply('Gemm', operands, { transA, transB, alpha: c.number('alpha', 1), beta: c.number('beta', 1) });
  if (c.opset < 7 && !c.flag('broadcast') && bias!.shape.join() !== y.shape.join())
    throw c.fail(`[${bias!.shape.join(', ')}] is not [${y.shape.join(', ')}], and the node says broadcast = 0`);
  return y;
}

/** ONNX's letters, with '...' and the result left out, as our names: pairs are contracted from the left. */
function einsteinSum(c: Context): Tensor {
  const operands = c.all();
  const [left, right] = c.string('equation').replace(/\s/g, '').split('->') as [string, string | undefined];
  const terms = left.split(',');
  if (terms.length > 64) throw c.fail(`${terms.length} terms are out of proportion`);
  if (terms.length !== operands.length) throw c.fail(`${terms.length} terms for ${operands.length} operands`);
  const names = terms.map((t, i) => axisNames(c, t, operands[i]!.rank));
  const all = names.flat();
  const once = [...new Set(all)].filter((n) => all.filter((m) => m === n).length === 1 && !n.startsWith('dot')).sort();
  const dots = [...new Set(all)].filter((n) => n.startsWith('dot')).sort();
  const out =
    right === undefined
      ? [...dots, ...once]
      : axisNames(c, right, right.replace('...', '').length + (right.includes('...') ? dots.length : 0));
  let [have, result] = [names[0]!, operands[0]! as Tensor];
  for (let i = 1; i < operands.length; i++) {
    const later = new Set([...out, ...names.slice(i + 1).flat()]);
    const keep = [...new Set([...have, ...names[i]!])].filter((n) => later.has(n));
    result = einsum(`${have.join(' ')}, ${names[i]!.join(' ')} -> ${keep.join(' ')}`, result, operands[i]! as Tensor);
    have = keep;
  }
  return einsum(`${have.join(' ')} -> ${out.join(' ')}`, result);
}

function axisNames(c: Context, term: string, rank: number): string[] {
  const letters = term.replace('...', '');
  if (!/^[A-Za-z]*$/.test(letters)) throw c.fail(`"${term}" is not readable`);
  const free = rank - letters.length;
  if (free < 0 || (free > 0 && !term.includes('...'))) throw c.fail(`"${term}" does not name ${rank} axes`);
  // numbered from the last, so that operands of different rank are aligned as in broadcasting
  const dots = Array.from({ length: free }, (_, i) => `dot${String(99 - free + 1 + i)}`);
  const [before = '', after = ''] = term.includes('...') ? term.split('...') : [term, ''];
  return [...before, ...dots, ...after];
}

function geometry(c: Context, kernel: readonly number[]): { strides: readonly number[]; dilations: readonly number[] } {
  const rank = kernel.length;
  const said = c.ints('kernel_shape', kernel);
  if (said.join() !== kernel.join())
    throw c.fail(`kernel_shape is [${said.join(', ')}], and the weights have [${kernel.join(', ')}]`);
  return { strides: perAxisList(c, 'strides', rank, 1), dilations: perAxisList(c, 'dilations', rank, 1) };
}

function conv(c: Context): Tensor {
  const [x, w, bias] = [c.x(0).asFloat(), c.x(1).asFloat(), c.maybe(2)];
  const [sizes, kernel] = [x.shape.slice(2), w.shape.slice(2)];
  const { strides, dilations } = geometry(c, kernel);
  const [before, after] = windowPads(c, sizes, kernel, strides, dilations);
  const attrs = { strides, dilations, before, after, groups: c.int('group', 1) };
  return apply('Conv', bias ? [x, w, bias] : [x, w], attrs);
}

/** Padding of a transposed convolution may follow from the size that the result is to have. */
function convTranspose(c: Context): Tensor {
  const [x, w, bias] = [c.x(0).asFloat(), c.x(1).asFloat(), c.maybe(2)];
  const [sizes, kernel] = [x.shape.slice(2), w.shape.slice(2)];
  const rank = sizes.length;
  const { strides, dilations } = geometry(c, kernel);
  const extra = perAxisList(c, 'output_padding', rank, 0);
  const auto = c.choice('auto_pad', autoPads, 'NOTSET');
  const full = sizes.map((n, i) => strides[i]! * (n - 1) + extra[i]! + dilations[i]! * (kernel[i]! - 1) + 1);
  const same = auto.startsWith('SAME') ? sizes.map((n, i) => n * strides[i]!) : undefined;
  const wanted = c.has('output_shape') ? c.ints('output_shape').slice(-rank) : same;
  let [before, after] = wanted ? [[], []] : windowPads(c, sizes, kernel, strides, dilations);
  let grow = extra;
  if (wanted) {
    const total = full.map((n, i) => n - wanted[i]!);
    grow = extra.map((e, i) => e + Math.max(0, -total[i]!)); // a result larger than the windows reach: zeros behind
    const [small, large] = [
      total.map((t) => Math.floor(Math.max(t, 0) / 2)),
      total.map((t) => Math.ceil(Math.max(t, 0) / 2)),
    ];
    [before, after] = auto === 'SAME_UPPER' ? [small, large] : [large, small];
  }
  const attrs = { strides, dilations, before, after, groups: c.int('group', 1), extra: grow };
  return apply('ConvTranspose', bias ? [x, w, bias] : [x, w], attrs);
}

function fusedMatMul(c: Context): Tensor {
  const [a, b] = [c.x(0), c.x(1)];
  if (c.flag('transBatchA') || c.flag('transBatchB')) throw c.fail('transBatchA and transBatchB are not supported');
  const [p, q] = [c.flag('transA') ? a.mT : a, c.flag('transB') ? b.mT : b];
  return p.matmul(q).mul(c.number('alpha', 1));
}

export const products: Readonly<Record<string, Converter>> = {
  MatMul: matmul,
  Gemm: gemm,
  Einsum: einsteinSum,
  Conv: conv,
  ConvTranspose: convTranspose,
  GlobalAveragePool: (c) => c.x(0).mean(spatialAxes(c.x(0)), { keep: true }),
  GlobalMaxPool: (c) => c.x(0).reduceMax(spatialAxes(c.x(0)), { keep: true }),
  'com.microsoft:FusedMatMul': fusedMatMul,
};

const spatialAxes = (x: Tensor): number[] => x.shape.map((_, i) => i).slice(2);
