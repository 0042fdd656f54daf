/**
 * Rewrites for onnxruntime's CPU kernels. Each rule's gain is in docs/decisions/0003-cpu-rewrites.md, measured; values change only by rounding.
 */
import { apply, fullLike, type Tensor } from '../tensor.ts';
import { type RewriteRule, rewrite } from './rewrite.ts';

/** True for a transpose that exchanges the last two axes and nothing else. */
function isSwap(perm: readonly number[]): boolean {
  const r = perm.length;
  return r >= 2 && perm[r - 1] === r - 2 && perm[r - 2] === r - 1 && perm.slice(0, -2).every((p, i) => p === i);
}

/** An operand of a product looked through exchanges of its last two axes. */
function peel(t: Tensor): { t: Tensor; transposed: boolean } {
  let [at, transposed] = [t, false];
  for (;;) {
    const n = at.node;
    if (n?.op === 'Transpose' && isSwap(n.attrs['perm'] as number[])) {
      at = n.inputs[0]!;
      transposed = !transposed;
      continue;
    }
    return { t: at, transposed };
  }
}

/** The value of a constant of one element whose product with `of` keeps the shape of `of`: it has no more axes. */
function factorOf(t: Tensor, of: Tensor): number | undefined {
  return t.constant && t.size === 1 && t.rank <= of.rank ? Number(t.constant.data[0]) : undefined;
}

/** True for what a product's alpha can be: 0 and infinities would change what becomes of infinities and NaN in the product. */
function isAlpha(u: number): boolean {
  const a = Math.abs(Math.fround(u));
  return a > 1e-30 && a < 1e30;
}

type ProductAttrs = { transA: boolean; transB: boolean; alpha: number };

function productAttrs(c: { op: string; attrs: object }): ProductAttrs {
  return c.op === 'FusedMatMul' ? (c.attrs as ProductAttrs) : { transA: false, transB: false, alpha: 1 };
}

const isProduct = (op: string | undefined): boolean => op === 'MatMul' || op === 'FusedMatMul';

/** Transposes of the operands become flags of the product: no copy is made. */
const foldTransposedOperands: RewriteRule = (c) => {
  if (!isProduct(c.op) || c.x[0]!.dtype !== 'float32') return undefined;
  const was = productAttrs(c);
  const [a, b] = c.x.map(peel) as [ReturnType<typeof peel>, ReturnType<typeof peel>];
  if (!a.transposed && !b.transposed) return undefined;
  return [
    product(a.t, b.t, { transA: was.transA !== a.transposed, transB: was.transB !== b.transposed, alpha: was.alpha }),
  ];
};

/** (A·B)ᵀ = Bᵀ·Aᵀ: the transposed product is computed instead of copied, when nothing else wants the plain one. */
const turnProduct: RewriteRule = (c) => {
  if (c.op !== 'Transpose' || !isSwap(c.attrs['perm'] as number[])) return undefined;
  const from = c.x[0]!.node;
  if (!from || !isProduct(from.op) || c.uses(c.node.inputs[0]!) > 1 || c.x[0]!.dtype !== 'float32') return undefined;
  const was = productAttrs(from);
  const [a, b] = from.inputs as readonly [Tensor, Tensor];
  return [product(b, a, { transA: !was.transB, transB: !was.transA, alpha: was.alpha })];
};

/** A constant factor of a product, before or behind it, becomes its alpha. */
const foldFactor: RewriteRule = (c) => {
  if (c.op !== 'Mul' || c.x[0]!.dtype !== 'float32') return undefined;
  for (const i of [0, 1]) {
    const factor = factorOf(c.x[1 - i]!, c.x[i]!);
    const from = c.x[i]!.node;
    if (factor === undefined || !from || !isProduct(from.op) || c.uses(c.node.inputs[i]!) > 1) continue;
    const was = productAttrs(from);
    const alpha = was.alpha * factor;
    if (isAlpha(alpha)) return [product(from.inputs[0]!, from.inputs[1]!, { ...was, alpha })];
  }
  return undefined;
};

/** A constant factor on an operand of a product. */
const foldOperandFactor: RewriteRule = (c) => {
  if (!isProduct(c.op) || c.x[0]!.dtype !== 'float32') return undefined;
  const was = productAttrs(c);
  let [alpha, changed] = [was.alpha, false];
  const operands = c.x.map((t, k) => {
    const n = t.node;
    if (n?.op !== 'Mul' || c.uses(c.node.inputs[k]!) > 1) return t;
    for (const i of [0, 1]) {
      const factor = factorOf(n.inputs[1 - i]!, n.inputs[i]!);
      if (factor === undefined || !isAlpha(alpha * factor)) continue;
      alpha *= factor;
      changed = true;
      return n.inputs[i]!;
    }
    return t;
  });
  return changed ? [product(operands[0]!, operands[1]!, { ...was, alpha })] : undefined;
};

function product(a: Tensor, b: Tensor, attrs: ProductAttrs): Tensor {
  if (!attrs.transA && !attrs.transB && attrs.alpha === 1) return apply('MatMul', [a, b]);
  return apply('FusedMatMul', [a, b], attrs);
}

/** Rows × columns below which a column sum is not worth a matrix product. */
const SUM_SIZE = 4096;

/** A sum over all leading axes (the gradient of a bias) as a product with ones: onnxruntime's reduction over the first axis is half as fast. */
const sumByProduct: RewriteRule = (c) => {
  const [x] = c.x as [Tensor];
  if (c.op !== 'ReduceSum' || x.dtype !== 'float32' || x.rank < 2 || x.size < SUM_SIZE) return undefined;
  const axes = c.attrs['axes'] as readonly number[];
  if (axes.length !== x.rank - 1 || axes.some((a, i) => a !== i)) return undefined;
  const columns = x.dim(-1);
  const rows = x.size / columns;
  return [
    fullLike(x, 1, [1, rows])
      .matmul(x.reshape([rows, columns]))
      .reshape(c.node.outputs[0]!.shape),
  ];
};

/** Rewrites a graph for the CPU; outputs keep their names, shapes and (up to rounding) values. */
export function rewriteForCpu(outputs: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const rules: readonly RewriteRule[] = [
    foldTransposedOperands,
    foldOperandFactor,
    turnProduct,
    foldFactor,
    sumByProduct,
  ];
  return rewrite(rewrite(outputs, rules), rules);
}
