/**
 * The samples of README.md and docs/*.md as a user has them: against the built package, under strict settings. A block marked "ts run" is
 * type-checked and run, "ts check" type-checked; the marked blocks of a page are one program. Unmarked blocks are excerpts.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Page = { readonly name: string; readonly code: string; readonly runs: boolean };

/** The program of a page: its marked blocks, one after another. */
function programOf(name: string, markdown: string): Page | undefined {
  const blocks = [...markdown.matchAll(/^```ts (run|check)\n(.*?)^```$/gms)];
  if (blocks.length === 0) return undefined;
  return { name, code: blocks.map((b) => b[2]).join('\n'), runs: blocks.every((b) => b[1] === 'run') };
}

const strict: ts.CompilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
};

/** What the compiler says of each file, by name. */
function mistakes(files: readonly string[]): Map<string, string[]> {
  const program = ts.createProgram(files, strict);
  const found = new Map<string, string[]>();
  for (const d of ts.getPreEmitDiagnostics(program)) {
    const name = d.file ? basename(d.file.fileName) : '';
    const line = d.file && d.start !== undefined ? d.file.getLineAndCharacterOfPosition(d.start).line + 1 : 0;
    const said = `${name}:${line} ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`;
    found.set(name, [...(found.get(name) ?? []), said]);
  }
  return found;
}

/** What a newcomer may get wrong: every line below an expected error must be one, and no other. */
const newcomer = `
import { compile, type F, grad, gather, type I, ndarray, softmax, Store, type Tensor, trace, valueAndGrad } from 'bow2bot/engine';
import { linear } from 'bow2bot/nn';
const model = compile((s, { x, y }: { x: F<'b i'>; y: I<'b'> }) => ({ loss: linear(s, x, 1).mean(), y: y.add(1) }));
const [x, y] = [ndarray('float32', [2, 1], [1, 2]), ndarray('int64', [2], [0, 1])];
const out = await model.run({ x, y });
const [loss, next]: [number | undefined, number | bigint | undefined] = [out.loss.data[0], out.y.data[0]];
console.log(loss, next, model.store);
// @ts-expect-error a name that is not there
model.run({ x, z: y });
// @ts-expect-error a name too many
model.run({ x, y, z: y });
// @ts-expect-error a name that is missing
model.run({ x });
// @ts-expect-error integers where floats belong
model.run({ x: y, y });
// @ts-expect-error floats where integers belong
model.run({ x, y: x });
// @ts-expect-error a list is no array
model.run({ x: [1, 2], y });
// @ts-expect-error no such result
out.lose;
const optional = compile((_, { a, mask }: { a: F; mask?: I }) => ({ b: mask ? a.mul(mask.to('float32')) : a.add(1) }));
optional.run({ a: x });
optional.run({ a: x, mask: y });
const gradients = compile(valueAndGrad((s, { a }: { a: F<'b i'> }) => linear(s, a, 1).mean()), { store: new Store(1) });
const g = await gradients.run({ a: x });
console.log(g.loss.data[0], g['gradient/weight']?.data[0]);
// @ts-expect-error no such result
g.lose;
const dynamic = compile((_, inputs) => Object.fromEntries(Object.entries(inputs).map(([k, t]) => [k + '2', t.mul(2)])));
console.log((await dynamic.run({ any: x }))['any2']?.data[0]);
trace((s, { a }: { a: F }) => ({ b: a.add(s.constant(2)) }), { a: { dtype: 'float32', shape: [3] } });
compile((s, { a, i }: { a: F<'v d'>; i: I<'n'> }) => {
  // @ts-expect-error values are no tensors
  a.mul(x);
  // @ts-expect-error a list is no tensor
  a.mul([1, 2]);
  // @ts-expect-error a tensor of another type
  a.mul(i);
  // @ts-expect-error floats are no indices
  gather(a, a);
  // @ts-expect-error integers have no softmax
  softmax(i);
  // @ts-expect-error no type of this name
  a.to('float23');
  const classes: Tensor<'int64'> = s.constant([1, 2], [2], 'int64');
  const [w]: (Tensor | undefined)[] = grad(a.sum(), [a]);
  const rows: F<'n d'> = gather(a, i);
  return { rows, classes, ...(w ? { w } : {}) };
});
`;

let folder = '';
let pages: readonly Page[] = [];
let found = new Map<string, string[]>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-samples-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(resolve('.'), join(folder, 'node_modules', 'bow2bot'), 'junction');
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const docs = (await readdir('docs')).filter((f) => f.endsWith('.md')).map((f) => join('docs', f));
  const texts = await Promise.all(['README.md', ...docs].map(async (f) => [f, await readFile(f, 'utf8')] as const));
  pages = texts.flatMap(([file, text]) => programOf(basename(file, '.md'), text) ?? []);
  const sources = [...pages, { name: 'newcomer', code: newcomer }, { name: 'broken', code: 'import { compile } from "bow2bot/engine";\ncompile((s, { x }) => ({ y: x.mul(2) })); // x may be missing' }]; // biome-ignore format: one line
  const files = sources.map(({ name }) => join(folder, `${name}.ts`));
  await Promise.all(sources.map(({ code }, i) => writeFile(files[i]!, `${code}\nexport {};\n`)));
  found = mistakes(files);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('samples of the documentation', () => {
  test('there are some, and a wrong one is found', () => {
    expect(pages.map((p) => p.name)).toEqual(expect.arrayContaining(['README', 'engine', 'nn']));
    expect(found.get('broken.ts')?.join()).toMatch(/possibly 'undefined'/);
  });

  test('all type-check under strict settings', () => {
    expect(pages.flatMap((p) => found.get(`${p.name}.ts`) ?? [])).toEqual([]);
  });

  test('those marked to run do, and print what their comments say', { timeout: 120_000 }, async () => {
    for (const { name, code } of pages.filter((p) => p.runs)) {
      const { outputText } = ts.transpileModule(code, {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
      });
      const file = join(folder, `${name}.mjs`);
      await writeFile(file, outputText);
      const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: folder });
      const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map((m) => m[1]!);
      expect(stdout.split('\n'), name).toEqual(expect.arrayContaining(said));
      if (name === 'README') expect(Number(stdout.trim().split('\n').at(-1)), name).toBeLessThan(1e-6);
    }
  });
});

test('what a newcomer gets wrong is found by the compiler, and what is right is not', () => {
  expect(found.get('newcomer.ts') ?? []).toEqual([]);
});
