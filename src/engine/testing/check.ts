/**
 * The test of an operator or function, on every level at once:
 * values of onnxruntime (float32, and float64 where it has kernels) against the float64 reference; the gradient graph in float64 against central
 * differences of the reference; the gradient graph in onnxruntime float32 against the same graph in float64.
 */
import { isBowError, Rng } from '../../base/index.ts';
import { type DType, fromNumbers, isFloat, type NdArray, sizeOf } from '../dtype.ts';
import { grad } from '../grad.ts';
import { interpret } from '../interpret.ts';
import type { Ref } from '../op.ts';
import { createProgram } from '../program.ts';
import { newTrace } from '../scope.ts';
import type { Device } from '../session.ts';
import { Store } from '../store.ts';
import type { Tensor } from '../tensor.ts';

/** An operand: values given, or drawn from [low, high) (floats) or as integers. */
export type Operand = {
  readonly shape: readonly number[];
  readonly dtype?: DType;
  readonly low?: number;
  readonly high?: number;
  readonly values?: readonly number[];
  /** Not differentiated. */
  readonly fixed?: boolean;
};

export type CheckOptions = {
  readonly seed?: number | string;
  /** Largest error relative to the largest magnitude: values and gradients in float32 (default 1e-3 as required; most ops hold 1e-5). */
  readonly tolerance?: number;
  /** False for functions without a gradient. */
  readonly gradient?: boolean;
  readonly device?: Device;
  /** Step of the central differences. */
  readonly step?: number;
};

/** What was checked, for the table of operators. */
export type CheckReport = {
  readonly float64Kernels: boolean;
  readonly valueError: number;
  readonly gradientError: number;
};

type Fn = (x: readonly Tensor[]) => Tensor | readonly Tensor[];

/** Throws with the operands when any level disagrees. */
export async function check(fn: Fn, operands: readonly Operand[], o: CheckOptions = {}): Promise<CheckReport> {
  const rng = new Rng(o.seed ?? 0);
  const values = operands.map((p, i) => draw(p, rng.split(i)));
  const limit = o.tolerance ?? 1e-3;
  const reference = build(fn, operands, values, 'float64', o.gradient !== false, rng);
  const refs = Object.fromEntries(values.map((v, i) => [`x${i}`, v]));
  const wanted = interpret([...reference.outputs.values()], refs);
  if (o.gradient !== false) centralDifferences(reference, refs, wanted.slice(-reference.wrt.length), o.step ?? 1e-4);

  const found = await runOrt(fn, operands, values, 'float32', o, rng);
  const names = [...reference.outputs.keys()];
  let [valueError, gradientError] = [0, 0];
  names.forEach((name, i) => {
    const e = relativeError(found[name]!, wanted[i]!);
    if (!(e <= limit))
      throw new Error(`${name}: float32 differs by ${e} from the reference\n${describe(found[name]!, wanted[i]!)}`);
    if (name.startsWith('g')) gradientError = Math.max(gradientError, e);
    else valueError = Math.max(valueError, e);
  });
  const float64Kernels = await checkFloat64(fn, operands, values, names, wanted, o, rng);
  return { float64Kernels, valueError, gradientError };
}

function draw(p: Operand, rng: Rng): Ref {
  const n = sizeOf(p.shape);
  if (p.values) return { shape: p.shape, data: Float64Array.from(p.values) };
  const low = p.low ?? -2;
  const high = p.high ?? (p.dtype === 'bool' ? 2 : 2);
  const one = (): number => {
    if (p.dtype === 'bool') return rng.int(2);
    if (p.dtype !== undefined && !isFloat(p.dtype)) return low + rng.int(high - low);
    return Math.fround(rng.uniform(low, high)); // a float32 value, so that all types see the same number
  };
  return { shape: p.shape, data: Float64Array.from({ length: n }, one) };
}

type Built = {
  readonly trace: ReturnType<typeof newTrace>;
  readonly outputs: Map<string, Tensor>;
  readonly wrt: readonly number[];
};

/** The function's outputs y0, y1, … and the gradients g<i> of Σ y·w with fixed random w. */
function build(
  fn: Fn,
  operands: readonly Operand[],
  values: readonly Ref[],
  float: 'float32' | 'float64',
  gradient: boolean,
  rng: Rng,
): Built {
  const trace = newTrace({ dtype: float });
  const xs = operands.map((p, i) => trace.graph.input(`x${i}`, p.dtype ?? float, values[i]!.shape));
  const result = fn(xs);
  const ys = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
  const outputs = new Map(ys.map((y, i) => [`y${i}`, y]));
  const wrt = operands.flatMap((p, i) => (p.fixed || (p.dtype && !isFloat(p.dtype)) ? [] : [i]));
  if (gradient) {
    const parts = ys.flatMap((y, i) => {
      if (!isFloat(y.dtype)) return [];
      const stream = rng.split(`w${i}`);
      const w = Array.from({ length: y.size }, () => Math.fround(stream.uniform(-1, 1)));
      const weight = trace.graph.constant({ dtype: y.dtype, shape: y.shape, data: fromNumbers(y.dtype, w) });
      return [y.mul(weight).sum()];
    });
    const loss = parts.reduce((a, b) => a.add(b));
    outputs.set('loss', loss);
    grad(
      loss,
      wrt.map((i) => xs[i]!),
    ).forEach((g, k) => {
      outputs.set(`g${wrt[k]}`, g);
    });
  }
  return { trace, outputs, wrt };
}

/** Compares the gradients with central differences of the reference loss, coordinate by coordinate. */
function centralDifferences(b: Built, refs: Record<string, Ref>, gradients: readonly Ref[], step: number): void {
  const loss = b.outputs.get('loss')!;
  b.wrt.forEach((i, k) => {
    const x = refs[`x${i}`]!;
    const numeric = x.data.map((u, at) => {
      const shifted = (h: number): number => {
        const data = x.data.slice();
        data[at] = u + h;
        return interpret([loss], { ...refs, [`x${i}`]: { shape: x.shape, data } })[0]!.data[0]!;
      };
      // Richardson extrapolation of two central differences: error O(h⁴)
      return (8 * (shifted(step / 2) - shifted(-step / 2)) - (shifted(step) - shifted(-step))) / (6 * step);
    });
    const e = relativeError({ dtype: 'float64', shape: x.shape, data: numeric }, gradients[k]!);
    if (!(e <= 1e-6)) {
      throw new Error(
        `gradient of operand ${i} differs by ${e} from central differences\n${describe({ dtype: 'float64', shape: x.shape, data: numeric }, gradients[k]!)}`,
      );
    }
  });
}

async function runOrt(
  fn: Fn,
  operands: readonly Operand[],
  values: readonly Ref[],
  float: 'float32' | 'float64',
  o: CheckOptions,
  rng: Rng,
): Promise<Record<string, NdArray>> {
  const b = build(fn, operands, values, float, o.gradient !== false, rng);
  const program = await createProgram(b.trace, b.outputs, new Store(), {
    threads: 1,
    ...(o.device ? { device: o.device } : {}),
  });
  try {
    const inputs: Record<string, NdArray> = {};
    operands.forEach((p, i) => {
      const dtype = p.dtype ?? float;
      inputs[`x${i}`] = { dtype, shape: values[i]!.shape, data: fromNumbers(dtype, values[i]!.data) };
    });
    return await program.run(inputs);
  } finally {
    await program.close();
  }
}

/** True when onnxruntime has float64 kernels for the whole graph, and then they agree to 1e-6. */
async function checkFloat64(
  fn: Fn,
  operands: readonly Operand[],
  values: readonly Ref[],
  names: readonly string[],
  wanted: readonly Ref[],
  o: CheckOptions,
  rng: Rng,
): Promise<boolean> {
  if (o.device && o.device !== 'cpu') return false;
  let found: Record<string, NdArray>;
  try {
    found = await runOrt(fn, operands, values, 'float64', o, rng);
  } catch (e) {
    if (isBowError(e) && /implement|kernel|type/i.test(e.message)) return false;
    throw e;
  }
  names.forEach((name, i) => {
    const e = relativeError(found[name]!, wanted[i]!);
    if (!(e <= 1e-6))
      throw new Error(`${name}: float64 differs by ${e} from the reference\n${describe(found[name]!, wanted[i]!)}`);
  });
  return true;
}

/** Largest difference divided by the largest magnitude (at least 1e-3, so that values around zero compare absolutely). */
export function relativeError(a: NdArray, b: Ref): number {
  if (a.shape.join() !== b.shape.join()) throw new Error(`shapes differ: [${a.shape}] and [${b.shape}]`);
  let [difference, scale] = [0, 1e-3];
  for (let i = 0; i < b.data.length; i++) {
    const [u, v] = [Number(a.data[i]), b.data[i]!];
    if (u === v) continue;
    if (Number.isNaN(u) !== Number.isNaN(v)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(u - v));
    if (Number.isFinite(v)) scale = Math.max(scale, Math.abs(v));
  }
  return difference / scale;
}

function describe(a: NdArray, b: Ref): string {
  const head = (x: ArrayLike<number | bigint>): string => Array.from(x, Number).slice(0, 12).join(', ');
  return `  found   ${head(a.data)}\n  wanted  ${head(b.data)}\n  shape   [${b.shape}]`;
}
