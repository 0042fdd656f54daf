/** Comparison with PyTorch: torch.json holds what make.py computed in float64 for operands that both sides make from the same formula. */
import { sizeOf } from '../../dtype.ts';
import { grad } from '../../grad.ts';
import { interpret } from '../../interpret.ts';
import type { Ref } from '../../op.ts';
import { newTrace } from '../../scope.ts';
import { constantLike, type Tensor } from '../../tensor.ts';
import { relativeError } from '../check.ts';
import cases from './torch.json' with { type: 'json' };

type Case = {
  readonly shapes: readonly (readonly number[])[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly values: readonly number[] }[];
  readonly gradients: readonly (readonly number[] | null)[];
};

/** Name of a case in make.py. */
export type TorchCase = keyof typeof cases;

const wave = (n: number, phase: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(0.7 * i + phase));

/** Largest relative error of a function's values and gradients (float64 references) against PyTorch's. */
export function errorAgainstTorch(
  name: TorchCase,
  fn: (x: readonly Tensor<'float64'>[]) => Tensor | readonly Tensor[],
): number {
  const expected = cases[name] as Case;
  const { graph } = newTrace({ dtype: 'float64' });
  const xs = expected.shapes.map((shape, i) => graph.input(`x${i}`, 'float64', shape) as Tensor<'float64'>);
  const result = fn(xs);
  const ys = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
  const weighted = ys.map((y, i) => y.mul(constantLike(y, 'float64', y.shape, wave(y.size, 10 + i))).sum());
  const loss = weighted[0]!; // statistics beside the first output carry no gradient in PyTorch
  const feeds = Object.fromEntries(xs.map((x, i) => [`x${i}`, ref(x.shape, wave(x.size, i))]));
  const found = interpret([...ys, ...grad(loss, xs)], feeds);
  const wanted = [
    ...expected.outputs.map((y) => ref(y.shape, y.values)),
    ...expected.gradients.map((g, i) => ref(xs[i]!.shape, g ?? new Array<number>(sizeOf(xs[i]!.shape)).fill(0))),
  ];
  return Math.max(...wanted.map((w, i) => relativeError({ dtype: 'float64', ...found[i]! }, w)));
}

function ref(shape: readonly number[], values: readonly number[]): Ref {
  return { shape, data: Float64Array.from(values) };
}
