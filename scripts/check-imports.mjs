// House rules on imports: rooms open one way, other rooms are entered through index.ts only, nothing imports in a circle, and what runs in a
// browser reaches nothing that needs Node.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** Each room with the rooms it may import. Types count too: a door is a door. */
const doors = {
  base: [],
  engine: ['base'],
  text: ['base'],
  image: ['base'],
  hub: ['base'],
  world: ['base', 'image'],
  search: ['base', 'text'],
  capabilities: ['base', 'image', 'text', 'world'],
  nn: ['base', 'engine'],
  llm: ['base', 'engine', 'nn', 'text', 'hub'],
  data: ['base', 'image', 'text', 'world', 'hub', 'capabilities'],
  evaluate: ['base', 'engine', 'nn', 'text', 'image', 'data', 'world', 'capabilities'],
  train: ['base', 'engine', 'nn', 'image', 'data', 'hub'],
  kinds: ['base', 'engine', 'image', 'text', 'data', 'world', 'capabilities', 'evaluate', 'train'],
  systems: [
    'base',
    'engine',
    'nn',
    'text',
    'image',
    'data',
    'hub',
    'search',
    'world',
    'llm',
    'capabilities',
    'evaluate',
    'train',
    'kinds',
  ],
  indexes: ['base', 'image', 'text', 'data', 'hub', 'search', 'capabilities', 'systems'],
  insights: ['*'],
  serve: ['*'],
  cli: ['*'],
};
/** Rooms at the top: they may enter any other room, and only these may enter them. */
const top = { insights: ['serve', 'cli'], serve: ['cli'], cli: [] };

/** Rooms whose index.ts runs in a browser: from there no `node:` module, no file of a `node` folder and no global of Node is reached. */
const browserSafe = [
  'base',
  'engine',
  'nn',
  'text',
  'image',
  'hub',
  'world',
  'search',
  'capabilities',
  'data',
  'evaluate',
  'train',
  'kinds',
  'systems',
];

const root = resolve('src');
const files = readdirSync(root, { recursive: true })
  .map((f) => join(root, f))
  .filter((f) => f.endsWith('.ts'));
const problems = [];
const graph = new Map();
const roomOf = (f) => relative(root, f).split(/[\\/]/)[0];

for (const file of files) {
  const isTest = file.endsWith('.test.ts') || file.includes('/testing/');
  const targets = [];
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
    if (!fileName.startsWith('.')) continue;
    const target = resolve(dirname(file), fileName);
    targets.push(target);
    const [from, to] = [roomOf(file), roomOf(target)];
    const where = `${relative('.', file)} imports ${relative('.', target)}`;
    if (from === to || isTest) continue;
    if (!doors[from]) problems.push(`${where}: room "${from}" is not in the table of doors`);
    else if (!(to in top ? top[to].includes(from) : doors[from].includes('*') || doors[from].includes(to)))
      problems.push(`${where}: the door ${from} → ${to} is closed`);
    if (!/\/src\/\w+\/(node\/)?index\.ts$/.test(target))
      problems.push(`${where}: enter another room through its index.ts`);
  }
  if (!isTest) graph.set(file, targets);
}

const state = new Map();
function visit(file, trail) {
  if (state.get(file) === 'done' || !graph.has(file)) return;
  if (state.get(file) === 'open') {
    const loop = [...trail.slice(trail.indexOf(file)), file].map((f) => relative(root, f));
    problems.push(`import cycle: ${loop.join(' → ')}`);
    return;
  }
  state.set(file, 'open');
  for (const t of graph.get(file)) visit(t, [...trail, file]);
  state.set(file, 'done');
}
for (const file of graph.keys()) visit(file, []);

/** What a file imports when it runs: statements of types alone are erased. */
function loadedBy(file) {
  const text = readFileSync(file, 'utf8');
  const erased = ts
    .createSourceFile(file, text, ts.ScriptTarget.Latest)
    .statements.filter((s) =>
      ts.isImportDeclaration(s) ? s.importClause?.isTypeOnly : ts.isExportDeclaration(s) && s.isTypeOnly,
    );
  return ts
    .preProcessFile(text)
    .importedFiles.filter(({ pos }) => !erased.some((s) => s.pos <= pos && pos < s.end))
    .map(({ fileName }) => fileName);
}

/** Names that only Node knows. `process` may be asked for by those who ask first whether it is there. */
function globalsOfNode(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = new Set();
  const visit = (node) => {
    const isName = ts.isIdentifier(node) && !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node);
    if (isName && /^(Buffer|process|require|__dirname|__filename|setImmediate)$/.test(node.text)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  if (/typeof process === 'object'/.test(source.text)) found.delete('process');
  return [...found];
}

const seen = new Set();
/** The trail from a file to something that needs Node; undefined where there is none, or none that was not reported before. */
function trailToNode(file) {
  if (seen.has(file)) return undefined;
  seen.add(file);
  const name = relative('.', file);
  const [unknown] = globalsOfNode(file);
  if (unknown) return [name, unknown];
  for (const target of loadedBy(file)) {
    if (/^node:/.test(target) || /\/node\//.test(target)) return [name, target];
    const rest = target.startsWith('.') ? trailToNode(resolve(dirname(file), target)) : undefined;
    if (rest) return [name, ...rest];
  }
  return undefined;
}
for (const room of browserSafe) {
  const trail = trailToNode(join(root, room, 'index.ts'));
  if (trail) problems.push(`${room} is to run in a browser and needs Node: ${trail.join(' → ')}`);
}

for (const p of problems) console.error(p);
console.log(`imports: ${files.length} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
