// Compiles kernels/*.ts (AssemblyScript) to WebAssembly and embeds the bytes in src; `--check` only compares. The same source, the same bytes.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureTools } from './ensure-installed.mjs';

const compiler = resolve('tools', 'node_modules', 'assemblyscript', 'dist', 'asc.js');

const kernels = [
  { source: 'kernels/counter.ts', target: 'src/text/counter-kernel.ts', flags: ['--importMemory'] },
  { source: 'kernels/resize.ts', target: 'src/image/resize-kernel.ts', flags: ['--importMemory'] },
  { source: 'kernels/codes.ts', target: 'src/search/codes-kernel.ts', flags: ['--importMemory'] },
  { source: 'kernels/dots.ts', target: 'src/search/dots-kernel.ts', flags: ['--importMemory'] },
  {
    source: 'kernels/word2vec.ts',
    target: 'src/systems/word2vec/kernel.ts',
    flags: ['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  },
];

/** The text of the module that carries one kernel's bytes. */
async function build({ source, flags }) {
  const options = [
    source,
    '-o',
    'k.wasm',
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
    '--enable',
    'simd,threads',
    ...flags,
  ];
  const { default: asc } = await import(pathToFileURL(compiler).href); // a tool: not there in every clone
  let bytes;
  const { error, stderr } = await asc.main(options, {
    readFile: (name) => {
      try {
        return readFileSync(name, 'utf8');
      } catch {
        return null;
      }
    },
    writeFile: (name, content) => {
      if (name === 'k.wasm') bytes = content;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${source}: ${stderr.toString()}`);
  const lines = Buffer.from(bytes)
    .toString('base64')
    .match(/.{1,116}/g);
  return `/** Compiled from ${source} by \`node scripts/build-kernels.mjs\`; a test compares the bytes with a fresh compilation. */\nexport const wasm: string = \`\n${lines.join('\n')}\n\`;\n`;
}

/** The kernels whose embedded bytes differ from a fresh compilation. */
export async function staleKernels() {
  const stale = [];
  for (const k of kernels) if (readFileSync(k.target, 'utf8') !== (await build(k))) stale.push(k.target);
  return stale;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  ensureTools();
  if (process.argv.includes('--check')) {
    const stale = await staleKernels();
    for (const s of stale) console.error(`${s} is stale: run node scripts/build-kernels.mjs`);
    process.exit(stale.length > 0 ? 1 : 0);
  }
  for (const k of kernels) writeFileSync(k.target, await build(k));
}
