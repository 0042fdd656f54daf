// Writes docs/operators-node-cases.md: what becomes of ONNX's node cases, operator by operator. Usage: node scripts/node-cases.mjs [cases.jsonl.gz]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';

const path = process.argv[2] ?? '../shared/data/onnx/node-cases.jsonl.gz';
if (!existsSync(path)) {
  console.error(`no cases at ${path}`);
  process.exit(1);
}
const runtime = resolve('dist/engine/node/ort.js');
const bundle = 'node_modules/.cache/bow2bot/node-cases.mjs';
mkdirSync('node_modules/.cache/bow2bot', { recursive: true });
const entry =
  "export { runCase } from './src/engine/testing/node-cases.ts'; export { converters } from './src/engine/import/converters/index.ts';";
await build({
  stdin: { contents: entry, resolveDir: process.cwd(), loader: 'ts' },
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  external: [runtime],
  alias: { '#ort': runtime },
});
const { runCase, converters } = await import(pathToFileURL(bundle).href);

const operators = new Map();
const failures = [];
for (const line of gunzipSync(readFileSync(path)).toString().trim().split('\n')) {
  const c = JSON.parse(line);
  const key = c.domain === '' ? c.op : `${c.domain}:${c.op}`;
  const row = operators.get(key) ?? { known: Object.hasOwn(converters, key), cases: 0, passed: 0 };
  operators.set(key, row);
  row.cases++;
  if (!row.known) continue;
  const result = await runCase(c);
  if (result.passed) row.passed++;
  else failures.push([c.name, key, result.reason.replaceAll('|', '/').split('\n')[0]]);
}

const known = [...operators].filter(([, r]) => r.known).sort();
const unknown = [...operators].filter(([, r]) => !r.known).sort();
const sum = (rows, f) => rows.reduce((a, [, r]) => a + f(r), 0);
const untested = Object.keys(converters)
  .filter((k) => !operators.has(k))
  .sort();
const text = `# ONNX node cases

Written by \`node scripts/node-cases.mjs\`. Every case of ONNX's own suite whose operator \`importOnnx\` knows is imported and run twice: by the float64
references, and encoded anew in onnxruntime. ${sum(known, (r) => r.passed)} of ${sum(known, (r) => r.cases)} cases of ${known.length} known operators pass on both;
the rest are below with their reason. ${unknown.length} operators (${sum(unknown, (r) => r.cases)} cases) have no mapping.

## Cases that do not pass

| case | operator | reason |
| --- | --- | --- |
${failures.map((f) => `| ${f.join(' | ')} |`).join('\n')}

## Known operators

| operator | passed |
| --- | --- |
${known.map(([k, r]) => `| ${k} | ${r.passed}/${r.cases} |`).join('\n')}

Known, without a case in the suite: ${untested.join(', ')}.

## Operators without mapping

${unknown.map(([k, r]) => `${k} (${r.cases})`).join(', ')}.
`;
writeFileSync('docs/operators-node-cases.md', text);
console.log(
  `${sum(known, (r) => r.passed)}/${sum(known, (r) => r.cases)} cases of ${known.length} operators pass; written to docs/operators-node-cases.md`,
);
