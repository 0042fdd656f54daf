/** Every method of a scope with arguments and options of every wrong kind: a typed error each time, while the graph is built; never silence, never a raw TypeError. */
import { describe, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { type F, type Init, ndarray, newTrace, Scope, type Tensor } from './index.ts';

const zeros: Init = () => {};
const foreign = newTrace().graph.input('far', 'float32', [2, 3]);

/** What a call gets: a scope of a fresh trace, with a parameter `tower/w`. */
type Site = { readonly s: Scope; readonly w: F; readonly x: F; readonly place: Tensor<'int64'> };
function site(): Site {
  const t = newTrace();
  const s = new Scope(t).at('tower');
  const [x, place] = [t.graph.input('x', 'float32', [2, 3]), t.graph.input('place', 'int64', [])];
  return { s, w: s.param('w', [2, 3], zeros), x, place };
}

const nonsense = { null: null, NaN: Number.NaN, 'a number': 0.5, 'an array': ['x'], 'an object': {}, ndarray: ndarray('float32', [2], [1, 2]) } as const; // biome-ignore format: a table
const wrong = {
  level: { ...nonsense, undefined, empty: '', 'an empty level': 'a//b', 'a slash before': '/a', 'a slash behind': 'a/', negative: -1, infinite: Infinity, 'a function': zeros }, // biome-ignore format: a table
  name: { ...nonsense, undefined, empty: '', 'an empty level': 'a//b', 'a slash behind': 'a/', whole: 3, 'a function': zeros }, // biome-ignore format: a table
  shape: { ...nonsense, undefined, 'a string': 'x', fractions: [1.5, 2], negative: [2, -1], 'with NaN': [Number.NaN], strings: ['2'], holes: [undefined] }, // biome-ignore format: a table
  function: { ...nonsense, undefined, 'a string': 'zeros' },
  hook: { ...nonsense, 'a string': 'x' },
  flag: { ...nonsense, 'a string': 'true' },
  kind: { ...nonsense, misspelt: 'buffers', 'a function': zeros },
  options: { null: null, 'a number': 3, 'a string': 'x', 'an array': [1] },
  tensor: { ...nonsense, undefined, 'a string': 'x', 'another graph': foreign, 'a function': zeros },
  target: { ...nonsense, undefined, misspelt: 'tower/v', 'a short path': 'w', 'another graph': foreign, 'a function': zeros }, // biome-ignore format: a table
  update: {
    ...nonsense,
    undefined,
    'a string': 'x',
    'another graph': foreign,
    'a function of nothing': () => undefined,
  },
  count: { ...nonsense, undefined, zero: 0, negative: -1, fraction: 4.5, infinite: Infinity, 'a string': '4' },
  axis: { ...nonsense, undefined, 'out of range': 2, below: -3, 'a string': '0' },
  values: { null: null, undefined, NaN: Number.NaN, 'a string': 'x', 'an object': {}, tensor: foreign, ragged: [[1], [1, 2]], strings: ['x'] }, // biome-ignore format: a table
  'shape of values': { ...nonsense, 'a string': 'x', fractions: [1.5, 2], negative: [-2, -1], 'too few': [1] },
  dtype: { ...nonsense, misspelt: 'float23' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Kind = keyof typeof wrong | 'good';

/** Arguments of a call that is right, the kind of each, and of options of the last argument. */
type Row = {
  readonly args: (a: Site) => readonly unknown[];
  readonly kinds: readonly Kind[];
  readonly options?: Readonly<Record<string, Kind>>;
};

const named: Row = { args: () => ['v', [2, 3], zeros], kinds: ['name', 'shape', 'function'] };
const target: Row = { args: ({ w }) => [w], kinds: ['target'] };
const rows: Readonly<Record<string, Row>> = {
  at: { args: () => ['blocks/3'], kinds: ['level'] },
  with: {
    args: () => [{}],
    kinds: ['options'],
    options: { rename: 'hook', spec: 'hook', linear: 'hook', training: 'flag' },
  },
  redirect: {
    args: () => [(path: string) => `teacher/${path}`, {}],
    kinds: ['function', 'options'],
    options: { kind: 'kind', training: 'flag' },
  },
  linear: { args: ({ x, w }) => [x, w], kinds: ['tensor', 'tensor'] },
  param: named,
  buffer: named,
  state: named,
  update: { args: ({ w, x }) => [w, x], kinds: ['target', 'update'] },
  append: {
    args: ({ x, place }) => ['rows', x, { length: 5, axis: 0, at: place }],
    kinds: ['name', 'tensor', 'options'],
    options: { length: 'count', axis: 'axis', at: 'tensor' },
  },
  current: target,
  isFixed: target,
  noise: { args: () => ['keep', [2, 3], 'normal'], kinds: ['name', 'shape', 'kind'] },
  constant: { args: () => [[1, 2], [2], 'float32'], kinds: ['values', 'shape of values', 'dtype'] },
  tap: { args: ({ x }) => ['output', x], kinds: ['name', 'tensor'] },
  trainable: { args: () => [() => true], kinds: ['hook'] },
};

/** The error of a call: typed, or what came instead. */
function errorOf(call: () => unknown): { code?: string; message: string } {
  try {
    return { message: `no error, ${typeof call()}` };
  } catch (e) {
    return isBowError(e) ? e : { message: `a raw error: ${e}` };
  }
}

describe('wrong arguments', () => {
  test.each(Object.entries(rows))('%s', (name, row) => {
    const call = (change: (args: unknown[]) => void = () => {}): unknown => {
      const a = site();
      const args = [...row.args(a)];
      change(args);
      return Reflect.apply(Reflect.get(a.s, name), a.s, args);
    };
    expect(() => call(), `${name} as it should be called`).not.toThrow();
    const said: string[] = [];
    const look = (what: string, kind: Kind, set: (args: unknown[], value: unknown) => void): void => {
      if (kind === 'good') return;
      for (const [label, value] of Object.entries(wrong[kind])) {
        const { code, message } = errorOf(() => call((args) => set(args, value)));
        if (code === undefined) said.push(`${name}, ${what} ${label}: ${message}`);
      }
    };
    row.kinds.forEach((kind, i) => {
      look(`argument ${i}`, kind, (args, value) => {
        args[i] = value;
      });
    });
    for (const [key, kind] of Object.entries(row.options ?? {}))
      look(`o.${key}`, kind, (args, value) => {
        args[args.length - 1] = { ...Object(args.at(-1)), [key]: value };
      });
    expect(said).toEqual([]);
  });

  test('every method is in the table', () => {
    const methods = Object.getOwnPropertyNames(Scope.prototype).filter((name) => {
      const { value } = Object.getOwnPropertyDescriptor(Scope.prototype, name)!;
      return typeof value === 'function' && name !== 'constructor';
    });
    expect(methods.sort()).toEqual(Object.keys(rows).sort());
  });

  test('types that a state cannot be appended, and hooks that return nothing of use', () => {
    const calls: readonly ((a: Site) => unknown)[] = [
      ({ s, x, place }) => s.append('rows', x.to('float64'), { length: 5, axis: 0, at: place }),
      ({ s, x }) => Reflect.apply(s.append, s, ['rows', x, { length: 5, axis: 0, at: x.sum() }]),
      ({ s }) => Reflect.apply(s.redirect, s, [() => undefined]).param('v', [2], zeros),
      ({ s }) => s.redirect(() => '').noise('keep', [2]),
      ({ s, x }) => s.redirect(() => 'a//b').tap('output', x),
      ({ s }) => Reflect.apply(s.with, s, [{ spec: () => undefined }]).param('v', [2], zeros),
      ({ s, w, x }) => Reflect.apply(s.with, s, [{ linear: () => 1 }]).linear(x, w),
    ];
    expect(calls.map((call) => errorOf(() => call(site()))).filter(({ code }) => code === undefined)).toEqual([]);
  });
});

test('an error says method, argument, scope and what was given', () => {
  const { s } = site();
  const error = (method: string, ...args: readonly unknown[]): unknown =>
    errorOf(() => Reflect.apply(Reflect.get(s, method), s, args));
  expect(error('param', 'proj/weight', [3, 1.5], zeros)).toMatchObject({
    code: 'usage',
    message: 'param: the shape of "proj/weight" must be a list of whole numbers ≥ 0, got the array [3, 1.5] (at tower)',
  });
  expect(error('param', 'proj//weight', [3], zeros)).toMatchObject({
    message: expect.stringMatching(/^param: the name must be .*, got the string "proj\/\/weight" \(at tower\)$/),
  });
  expect(error('state', 'seen', [])).toMatchObject({
    message: expect.stringMatching(/^state: the initial values of "seen" must be a function.*, got undefined/),
  });
  expect(error('noise', 'keep', [3], 'gaussian')).toMatchObject({
    message: 'noise: the kind of "keep" must be one of uniform, normal, got the string "gaussian" (at tower)',
  });
  expect(error('update', 'tower/v', (now: F) => now)).toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/"tower\/v".*"tower\/w"/),
  });
});
