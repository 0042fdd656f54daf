/** Gradients of element-wise operators. */

import { customRule } from '../custom-rules.ts';
import type { elementwise } from '../ops/elementwise.ts';
import { apply, fullLike, type Tensor } from '../tensor.ts';
import type { Gradients } from './rule.ts';

const where = (c: Tensor, a: Tensor, b: Tensor): Tensor => apply('Where', [c, a, b]);
const zero = (like: Tensor): Tensor => fullLike(like, 0, []);

/** Gradient of max and min: to the larger (smaller) operand, half to each on a tie, as PyTorch and JAX do. */
function ofExtreme(a: Tensor, b: Tensor, y: Tensor, g: Tensor): [Tensor, Tensor] {
  const half = where(a.equal(b), g.mul(0.5), g);
  return [where(a.equal(y), half, zero(g)), where(b.equal(y), half, zero(g))];
}

export const elementwiseGradients: Gradients<typeof elementwise> = {
  Add: ({ g }) => [g, g],
  Sub: ({ g }) => [g, g.neg()],
  Mul: ({ x: [a, b], g }) => [g.mul(b), g.mul(a)],
  Div: ({ x: [, b], y: [y], g }) => [g.div(b), g.mul(y!).div(b).neg()],
  // d(aᵇ) = b·aᵇ⁻¹ da + aᵇ ln a db; the second is 0 where a = 0
  Pow: ({ x: [a, b], y: [y], g }) => [
    g.mul(b).mul(a.pow(b.sub(1))),
    g.mul(y!).mul(where(a.greater(0), where(a.greater(0), a, fullLike(a, 1, [])).log(), zero(a))),
  ],
  Max: ({ x: [a, b], y: [y], g }) => ofExtreme(a, b, y!, g),
  Min: ({ x: [a, b], y: [y], g }) => ofExtreme(a, b, y!, g),
  Neg: ({ g }) => [g.neg()],
  Abs: ({ x: [x], g }) => [g.mul(x.sign())],
  Sign: 'not differentiable',
  Exp: ({ y: [y], g }) => [g.mul(y!)],
  Log: ({ x: [x], g }) => [g.div(x)],
  Sqrt: ({ y: [y], g }) => [g.mul(0.5).div(y!)],
  Reciprocal: ({ y: [y], g }) => [g.mul(y!).mul(y!).neg()],
  Erf: ({ x: [x], g }) => [g.mul(x.mul(x).neg().exp()).mul(2 / Math.sqrt(Math.PI))],
  Tanh: ({ y: [y], g }) => [g.sub(g.mul(y!).mul(y!))],
  Sin: ({ x: [x], g }) => [g.mul(x.cos())],
  Cos: ({ x: [x], g }) => [g.mul(x.sin()).neg()],
  Tan: ({ y: [y], g }) => [g.add(g.mul(y!).mul(y!))],
  Asin: ({ x: [x], g }) => [g.mul(x.mul(x).neg().add(1).rsqrt())],
  Acos: ({ x: [x], g }) => [g.mul(x.mul(x).neg().add(1).rsqrt()).neg()],
  Atan: ({ x: [x], g }) => [g.div(x.mul(x).add(1))],
  Sinh: ({ x: [x], g }) => [g.mul(apply('Cosh', [x]))],
  Cosh: ({ x: [x], g }) => [g.mul(apply('Sinh', [x]))],
  Asinh: ({ x: [x], g }) => [g.mul(x.mul(x).add(1).rsqrt())],
  Acosh: ({ x: [x], g }) => [g.mul(x.mul(x).sub(1).rsqrt())],
  Atanh: ({ x: [x], g }) => [g.div(x.mul(x).neg().add(1))],
  Sigmoid: ({ y: [y], g }) => [g.mul(y!.sub(y!.mul(y!)))],
  Softplus: ({ x: [x], g }) => [g.mul(x.sigmoid())],
  Relu: ({ x: [x], g }) => [where(x.greater(0), g, zero(g))],
  Floor: 'not differentiable',
  Ceil: 'not differentiable',
  Round: 'not differentiable',
  IsNaN: 'not differentiable',
  IsInf: 'not differentiable',
  Mod: 'not differentiable',
  Gelu: ({ x: [x], g, attrs }) => [attrs.approximate === 'none' ? geluGradient(x, g) : g.mul(geluTanhSlope(x))],
  Equal: 'not differentiable',
  Less: 'not differentiable',
  LessOrEqual: 'not differentiable',
  Greater: 'not differentiable',
  GreaterOrEqual: 'not differentiable',
  And: 'not differentiable',
  Or: 'not differentiable',
  Not: 'not differentiable',
  Where: ({ x: [c], g }) => [null, where(c, g, zero(g)), where(c, zero(g), g)],
  Cast: ({ x: [x], g }) => [g.to(x.dtype)],
  StopGradient: () => [null],
  CustomGradient: ({ x: [, ...operands], g, needed: [, ...needed], attrs }) => [
    null,
    ...customRule(g.graph, attrs.rule)(g, operands, needed),
  ],
};

/**
 * d/dx x·Φ(x) = Φ(x) + x·φ(x) = ½(1 + erf u + (2/√π)·u/exp(u²)) with u = x/√2: nine passes over memory, the factor ½ left to the incoming
 * gradient, where it becomes a matrix product's factor. u/exp(u²) and not u·exp(−u²): one pass less, and 0 when exp overflows.
 */
function geluGradient(x: Tensor, g: Tensor): Tensor {
  const u = x.mul(Math.SQRT1_2);
  const density = u.div(u.mul(u).exp()).mul(2 / Math.sqrt(Math.PI));
  return u.erf().add(1).add(density).mul(g.mul(0.5));
}

/** Slope of ½x(1 + tanh u), u = √(2/π)(x + 0.044715x³). */
function geluTanhSlope(x: Tensor): Tensor {
  const c = Math.sqrt(2 / Math.PI);
  const x2 = x.mul(x);
  const t = x2.mul(0.044715).add(1).mul(x).mul(c).tanh();
  const du = x2
    .mul(3 * 0.044715)
    .add(1)
    .mul(c);
  return t
    .add(1)
    .mul(0.5)
    .add(x.mul(0.5).mul(t.mul(t).neg().add(1)).mul(du));
}
