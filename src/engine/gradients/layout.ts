/** Gradients of ops that move values. */
import type { layout, PadMode } from '../ops/layout.ts';
import { apply, fullLike, type Tensor } from '../tensor.ts';
import type { Gradients } from './rule.ts';

/** Gradient of a strided slice: the gradient spread with zeros between, padded to the operand's size. */
function unslice(g: Tensor, size: number, a: { axis: number; start: number; end: number; step: number }): Tensor {
  let t = a.step < 0 ? g.slice(a.axis, undefined, undefined, -1) : g;
  const step = Math.abs(a.step);
  const count = t.dim(a.axis);
  const first = a.step > 0 ? a.start : a.start - (count - 1) * step;
  if (count === 0)
    return fullLike(
      g,
      0,
      g.shape.map((d, i) => (i === a.axis ? size : d)),
    );
  if (step > 1) {
    const spread = t.unsqueeze(a.axis + 1);
    const after = spread.shape.map((_, i) => (i === a.axis + 1 ? step - 1 : 0));
    const padded = apply('Pad', [spread], { before: spread.shape.map(() => 0), after, value: 0 });
    const merged = [...t.shape.slice(0, a.axis), count * step, ...t.shape.slice(a.axis + 1)];
    t = padded.reshape(merged).slice(a.axis, 0, (count - 1) * step + 1);
  }
  const pad = (n: number): number[] => g.shape.map((_, i) => (i === a.axis ? n : 0));
  return apply('Pad', [t], { before: pad(first), after: pad(size - first - t.dim(a.axis)), value: 0 });
}

/** Gradient of padding along one axis: the inner part, plus what the padding had copied, folded back onto its sources. */
function unpad(g: Tensor, axis: number, n: number, before: number, after: number, mode: PadMode): Tensor {
  const inner = g.slice(axis, before, before + n);
  if (mode === 'constant') return inner;
  const place = (part: Tensor, start: number): Tensor => {
    const count = (k: number): number[] => g.shape.map((_, i) => (i === axis ? k : 0));
    return apply('Pad', [part], { before: count(start), after: count(n - start - part.dim(axis)) });
  };
  const flip = (t: Tensor): Tensor => t.slice(axis, undefined, undefined, -1);
  const fold = (part: Tensor, first: boolean): Tensor => {
    const k = part.dim(axis);
    if (mode === 'edge') return place(part.sum(axis, { keep: true }), first ? 0 : n - 1);
    if (mode === 'wrap') return place(part, first ? n - k : 0);
    return place(flip(part), first ? 1 : n - 1 - k);
  };
  const front = before > 0 ? inner.add(fold(g.slice(axis, 0, before), true)) : inner;
  return after > 0 ? front.add(fold(g.slice(axis, before + n), false)) : front;
}

export const layoutGradients: Gradients<typeof layout> = {
  HoldBack: ({ g }) => [g, null],
  Reshape: ({ x: [x], g }) => [g.reshape(x.shape)],
  Transpose: ({ g, attrs: { perm } }) => [g.transpose(perm.map((_, i) => perm.indexOf(i)))],
  Expand: ({ g }) => [g], // the walker sums over the broadcast axes
  Slice: ({ x: [x], g, attrs }) => [unslice(g, x.dim(attrs.axis), attrs)],
  Concat: ({ x, g, attrs: { axis } }) => {
    let offset = 0;
    return x.map((t) => {
      offset += t.dim(axis);
      return g.slice(axis, offset - t.dim(axis), offset);
    });
  },
  Pad: ({ x: [x], g, attrs: { before, after, mode = 'constant' } }) => [
    x.shape.reduce<Tensor>((t, d, axis) => unpad(t, axis, d, before[axis]!, after[axis]!, mode), g),
  ],
};
